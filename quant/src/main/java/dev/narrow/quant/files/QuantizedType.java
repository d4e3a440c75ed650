package dev.narrow.quant.files;

import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Hadamard;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import java.util.Optional;

/**
 * What one has to know of a quantized tensor to read it, its shape aside.
 *
 * @param format of its codes
 * @param scales what its scales are, if it has some
 * @param rotation of the values that its codes stand for, if they were rotated
 */
record QuantizedType(
    NumericFormat format, Optional<ScaleType> scales, Optional<Hadamard> rotation) {

  /**
   * What scales are.
   *
   * @param granularity which elements share one
   * @param format of the scales
   * @param outer which scales share an outer one, if there are two levels
   * @param zeroPoints whether there is a zero point for each scale
   */
  record ScaleType(
      Granularity granularity,
      NumericFormat format,
      Optional<Granularity> outer,
      boolean zeroPoints) {}

  /** With one level of scales and no zero points. */
  QuantizedType(NumericFormat format, Granularity granularity, NumericFormat scale) {
    this(
        format,
        Optional.of(new ScaleType(granularity, scale, Optional.empty(), false)),
        Optional.empty());
  }

  /** What a tensor is. Where its only scale is 1, that does not count. */
  static QuantizedType of(Tensor tensor) {
    Scales scales = tensor.scales();
    return new QuantizedType(
        tensor.format(),
        scales.equals(Scales.one())
            ? Optional.empty()
            : Optional.of(
                new ScaleType(
                    scales.granularity(),
                    scales.format(),
                    scales.outer().map(Scales::granularity),
                    scales.hasZeroPoints())),
        tensor.rotation());
  }

  /** What a quantizer makes. */
  static QuantizedType of(Quantizer quantizer) {
    if (quantizer.scaleRule() == ScaleRule.ONE
        && quantizer.granularity() instanceof Granularity.PerTensor) {
      return new QuantizedType(quantizer.format(), Optional.empty(), Optional.empty());
    }
    return new QuantizedType(
        quantizer.format(),
        Optional.of(
            new ScaleType(
                quantizer.granularity(),
                quantizer.scaling().format(),
                quantizer.scaling().outer(),
                quantizer.scaleRule() == ScaleRule.MIN_TO_MAX)),
        Optional.empty());
  }

  /** The format and which elements share a scale, for example {@code e2m1/block=16}. */
  @Override
  public String toString() {
    return format.name()
        + scales.map(s -> "/" + s.granularity().spec()).orElse("")
        + rotation.map(r -> "/hadamard=" + r.size()).orElse("");
  }
}
