package dev.narrow.quant;

import dev.narrow.formats.Codec;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Turns fp32 tensors into codes and scales, or into what those stand for (fake quantization): a
 * format, which elements share a scale, how the scale is found, and a projection.
 *
 * <p>An element x under a scale s becomes the code of fl32(x / s); its value is fl32(s ×
 * decode(code)). The largest finite magnitude decides the scale: infinities and NaN do not enter,
 * and pass through the projection.
 */
public final class Quantizer {
  private final Codec codec;
  private final Granularity granularity;
  private final ScaleRule scaleRule;

  private Quantizer(Codec codec, Granularity granularity, ScaleRule scaleRule) {
    this.codec = codec;
    this.granularity = granularity;
    this.scaleRule = scaleRule;
  }

  /** The format with its default projection, one scale for the tensor, which is 1. */
  public static Quantizer of(NumericFormat format) {
    return new Quantizer(
        Codec.of(format, format.defaultProjection()), new Granularity.PerTensor(), ScaleRule.ONE);
  }

  /** The same with another rule for the scale. */
  public Quantizer with(ScaleRule rule) {
    return new Quantizer(codec, granularity, rule);
  }

  /** The same with other elements sharing a scale. */
  public Quantizer with(Granularity other) {
    return new Quantizer(codec, other, scaleRule);
  }

  /** The same with another rounding. */
  public Quantizer with(Rounding rounding) {
    return with(projection().with(rounding));
  }

  /** The same with another saturation. */
  public Quantizer with(Saturation saturation) {
    return with(projection().with(saturation));
  }

  private Quantizer with(Projection projection) {
    return new Quantizer(Codec.of(format(), projection), granularity, scaleRule);
  }

  /** The format of the codes. */
  public NumericFormat format() {
    return codec.format();
  }

  /** Which elements share a scale. */
  public Granularity granularity() {
    return granularity;
  }

  /** How a scale is found. */
  public ScaleRule scaleRule() {
    return scaleRule;
  }

  /** Rounding and saturation. */
  public Projection projection() {
    return codec.projection();
  }

  /**
   * The scales that this quantizer gives a tensor.
   *
   * @throws IllegalArgumentException if the tensor is not fp32
   */
  public Scales scales(Tensor values) {
    Floats floats = Floats.of(values, "values");
    int count = granularity.scales(values.shape());
    float[] scales = new float[count];
    if (scaleRule == ScaleRule.ONE) {
      Arrays.fill(scales, 1f);
    } else {
      float[] amax = amax(floats, values.shape(), count);
      for (int i = 0; i < count; i++) {
        scales[i] = scaleRule.scale(amax[i], format());
      }
    }
    return Scales.of(granularity, scales);
  }

  private float[] amax(Floats floats, Shape shape, int count) {
    float[] amax = new float[count];
    int run = granularity.run(shape);
    for (int from = 0; from < shape.size(); from += run) {
      float largest = 0;
      for (int i = floats.offset() + from; i < floats.offset() + from + run; i++) {
        float magnitude = Math.abs(floats.array()[i]);
        if (magnitude > largest && magnitude <= Float.MAX_VALUE) {
          largest = magnitude;
        }
      }
      int index = from / run % count;
      amax[index] = Math.max(amax[index], largest);
    }
    return amax;
  }

  /**
   * Codes and scales of a tensor.
   *
   * @throws IllegalArgumentException if the tensor is not fp32 or the rounding is stochastic
   */
  public Tensor quantize(Tensor values) {
    return quantize(values, null);
  }

  /**
   * Codes and scales of a tensor; element i takes word i of the random bits.
   *
   * @throws IllegalArgumentException if the tensor is not fp32
   */
  public Tensor quantize(Tensor values, @Nullable RandomBits random) {
    Scales scales = scales(values);
    float[] scaled = Floats.of(values, "values").copy(values.shape().size());
    int run = granularity.run(values.shape());
    for (int i = 0; i < scaled.length; i++) {
      scaled[i] /= scales.get(i / run % scales.count());
    }
    int bytes = Tensor.bytesPerCode(format());
    MemorySegment codes =
        switch (bytes) {
          case 1 -> MemorySegment.ofArray(new byte[scaled.length]);
          case 2 -> MemorySegment.ofArray(new short[scaled.length]);
          default -> MemorySegment.ofArray(new float[scaled.length]);
        };
    Codec encoder = random == null ? codec : codec.with(random, 0);
    encoder.encode(MemorySegment.ofArray(scaled), codes, scaled.length);
    return Tensor.quantized(Storage.of(codes), values.shape(), scales, this);
  }

  /**
   * Replaces each value by the one that its code stands for.
   *
   * @return the scales that were used
   * @throws IllegalArgumentException if the tensor is not fp32 or the rounding is stochastic
   */
  public Scales fakeQuantize(Tensor values) {
    return fakeQuantize(values, null);
  }

  /**
   * Replaces each value by the one that its code stands for; element i takes word i of the random
   * bits.
   *
   * @return the scales that were used
   * @throws IllegalArgumentException if the tensor is not fp32
   */
  public Scales fakeQuantize(Tensor values, @Nullable RandomBits random) {
    Scales scales = scales(values);
    fakeQuantize(values, scales, random);
    return scales;
  }

  /**
   * Replaces each value by the one that its code stands for under scales that the caller has
   * chosen.
   *
   * @throws IllegalArgumentException if the tensor is not fp32 or the scales do not fit it
   */
  public void fakeQuantize(Tensor values, Scales scales, @Nullable RandomBits random) {
    Shape shape = values.shape();
    if (scales.count() != scales.granularity().scales(shape)) {
      throw new IllegalArgumentException(
          "scales has " + scales.count() + " values, which do not fit shape " + shape);
    }
    Floats floats = Floats.of(values, "values");
    int run = scales.granularity().run(shape);
    for (int from = 0; from < shape.size(); from += run) {
      float scale = scales.get(from / run % scales.count());
      Codec quantizer = random == null ? codec : codec.with(random, from);
      quantizer.quantize(floats.array(), floats.offset() + from, run, scale);
    }
    floats.writeBack(values);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Quantizer that
        && format().equals(that.format())
        && projection().equals(that.projection())
        && granularity.equals(that.granularity)
        && scaleRule == that.scaleRule;
  }

  @Override
  public int hashCode() {
    return Objects.hash(format(), projection(), granularity, scaleRule);
  }

  /**
   * All that makes this quantizer what it is, for example {@code lns8, per tensor, amax to power of
   * two, nearest-even, overflow max-finite, infinity keep, nan nan-or-max, underflow flush}.
   */
  @Override
  public String toString() {
    String shares =
        switch (granularity) {
          case Granularity.PerTensor _ -> "per tensor";
          case Granularity.PerAxis(int axis) -> "per axis " + axis;
        };
    String scale = scaleRule.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    return String.join(
        ", ",
        format().name(),
        shares,
        scaleRule == ScaleRule.ONE ? "unscaled" : scale,
        projection().rounding().toString(),
        projection().saturation().toString());
  }
}
