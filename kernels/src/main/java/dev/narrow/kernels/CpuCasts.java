package dev.narrow.kernels;

import dev.narrow.formats.RandomBits;
import dev.narrow.quant.ErrorMoments;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.QuantizationError;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/** {@link Casts} on the processor. */
interface CpuCasts extends Casts {
  /** What computes. */
  Cpu cpu();

  @Override
  default Tensor quantize(Quantizer quantizer, Tensor x, @Nullable RandomBits random) {
    return quantizer.quantize(x, random);
  }

  @Override
  default void quantize(Quantizer quantizer, Tensor x, Tensor codes, @Nullable RandomBits random) {
    quantizer.quantize(x, codes, random);
  }

  @Override
  default Scales fakeQuantize(
      Quantizer quantizer, Tensor x, Tensor y, @Nullable RandomBits random) {
    Arguments.expectSameOrApart(x, "x", y, "y");
    boolean inPlace = x.storage().sameAs(y.storage());
    Scales scales =
        inPlace ? quantizer.fakeQuantize(y, random) : quantizer.fakeQuantize(x, y, random);
    makeCanonical(y, "y");
    return scales;
  }

  @Override
  default void fakeQuantize(
      Quantizer quantizer, Scales scales, Tensor x, @Nullable RandomBits random) {
    quantizer.fakeQuantize(x, scales, random);
    makeCanonical(x, "x");
  }

  @Override
  default Scales scales(Quantizer quantizer, Tensor x) {
    return quantizer.scales(x);
  }

  private void makeCanonical(Tensor tensor, String name) {
    try (Values values = Values.update(tensor, name)) {
      makeCanonical(values);
      values.store();
    }
  }

  /** Replaces NaNs, where there are any, by the canonical one. */
  private void makeCanonical(Values values) {
    float[] array = values.array();
    int from = values.offset();
    int to = from + values.size();
    int first = cpu().kernels().scan(array, from, values.size()).firstNonFinite();
    for (int i = from + first; first >= 0 && i < to; i++) {
      array[i] = ScalarKernels.canonical(array[i]);
    }
  }

  @Override
  default void decode(Tensor codes, Tensor y) {
    Arguments.expectShape(y, "y", codes.shape());
    Arguments.expectApart(codes, "codes", y, "y");
    try (Values to = Values.write(y, "y")) {
      Values.read(codes, to.array(), to.offset());
      makeCanonical(to);
      to.store();
    }
  }

  @Override
  default float[] amax(Tensor x, Granularity granularity) {
    return granularity.amax(x.isFp32() ? x : x.toFp32());
  }

  @Override
  default ErrorMoments moments(Tensor x, Tensor y) {
    Arguments.expectShape(y, "y", x.shape());
    return QuantizationError.measure(x, y).moments();
  }
}
