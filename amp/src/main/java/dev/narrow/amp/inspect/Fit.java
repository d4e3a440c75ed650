package dev.narrow.amp.inspect;

import dev.narrow.formats.Limits;
import dev.narrow.quant.QuantizationError;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Scales;

/**
 * What a format does to a tensor: the figures of {@link QuantizationError}, which defines them, and
 * the format's range as the tensor's scales shift it.
 *
 * @param format its name, or that of a recipe
 * @param scaled whether scales follow the tensor's values
 * @param elements how many numbers were compared
 * @param values how many of them were finite and not zero: what shares are of
 * @param flushed those of the values that became zero
 * @param subnormal those that became subnormal
 * @param saturated those beyond the format's largest
 * @param lost those that became infinite or NaN
 * @param signal sum of the squares of the values
 * @param noise sum of the squares of the errors
 * @param least the smallest positive magnitude that it holds, times the smallest scale
 * @param leastNormal the smallest of full precision, times the smallest scale
 * @param most the largest finite one, times the largest scale
 */
public record Fit(
    String format,
    boolean scaled,
    long elements,
    long values,
    long flushed,
    long subnormal,
    long saturated,
    long lost,
    double signal,
    double noise,
    double least,
    double leastNormal,
    double most) {

  static Fit of(String name, Quantizer quantizer, Scales scales, QuantizationError error) {
    double low = Double.POSITIVE_INFINITY;
    double high = 0;
    for (int i = 0; i < scales.count(); i++) {
      float scale = scales.get(i);
      if (scale > 0) { // that of a block of zeros is none
        low = Math.min(low, scale);
        high = Math.max(high, scale);
      }
    }
    Limits limits = quantizer.format().limits();
    low = high == 0 ? 1 : low;
    high = high == 0 ? 1 : high;
    return new Fit(
        name,
        quantizer.scaleRule() != ScaleRule.ONE,
        error.count(),
        error.count()
            - error.before().zeros()
            - error.before().infinities()
            - error.before().nans(),
        error.flushed(),
        error.subnormal(),
        error.saturated(),
        error.lost(),
        error.signal(),
        error.noise(),
        limits.minPositive() * low,
        limits.minNormal() * low,
        limits.maxFinite() * high);
  }

  /** The share of the values that became zero, 0 to 1. */
  public double flushedShare() {
    return share(flushed);
  }

  /** The share of the values that became subnormal, 0 to 1. */
  public double subnormalShare() {
    return share(subnormal);
  }

  /** The share of the values that are beyond the format's largest, 0 to 1. */
  public double saturatedShare() {
    return share(saturated);
  }

  /** The share of the values that became infinite or NaN, 0 to 1. */
  public double lostShare() {
    return share(lost);
  }

  private double share(long count) {
    return values == 0 ? 0 : (double) count / values;
  }

  /**
   * Signal to quantization noise ratio in decibels: infinite if nothing changed, negative infinity
   * if a value is lost, NaN if there was none.
   */
  public double sqnrDb() {
    if (lost > 0) {
      return Double.NEGATIVE_INFINITY;
    }
    if (values == 0) {
      return Double.NaN;
    }
    return noise == 0 ? Double.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
  }

  /** Of two tensors together. */
  Fit merge(Fit other) {
    return new Fit(
        format,
        scaled,
        elements + other.elements,
        values + other.values,
        flushed + other.flushed,
        subnormal + other.subnormal,
        saturated + other.saturated,
        lost + other.lost,
        signal + other.signal,
        noise + other.noise,
        Math.min(least, other.least),
        Math.min(leastNormal, other.leastNormal),
        Math.max(most, other.most));
  }
}
