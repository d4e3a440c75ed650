package dev.narrow.quant;

/**
 * What quantization did to the values of a tensor. Errors of parts are merged into that of the
 * whole.
 *
 * @param count elements compared
 * @param saturated elements whose quotient with the scale, in float32, is above the format's
 *     largest value
 * @param flushed non-zero elements that became zero
 * @param nan elements that became NaN
 * @param signal sum of x² over the elements that are finite before and after
 * @param noise sum of (x - y)² over the same
 * @param worstRelative largest |x - y| / |x| over elements that are finite, non-zero, and neither
 *     saturated nor flushed: the format's resolution
 */
public record QuantizationError(
    long count,
    long saturated,
    long flushed,
    long nan,
    double signal,
    double noise,
    double worstRelative) {

  /** The error of nothing: the identity of {@link #merge}. */
  public static final QuantizationError NONE = new QuantizationError(0, 0, 0, 0, 0, 0, 0);

  /**
   * Compares a tensor with what a quantizer makes of it.
   *
   * @param reference the values before
   * @param quantized the codes and scales after
   * @throws IllegalArgumentException if the shapes differ
   */
  public static QuantizationError measure(Tensor reference, Tensor quantized) {
    return compare(reference, quantized, quantized.format().maxFinite(), quantized.scales());
  }

  /**
   * Compares values before and after fake quantization.
   *
   * @param reference the values before
   * @param fake the values after
   * @param quantizer what made them
   * @param scales the scales that it used
   * @throws IllegalArgumentException if the shapes differ
   */
  public static QuantizationError measure(
      Tensor reference, Tensor fake, Quantizer quantizer, Scales scales) {
    return compare(reference, fake, quantizer.format().maxFinite(), scales);
  }

  private static QuantizationError compare(
      Tensor reference, Tensor other, float maxFinite, Scales scales) {
    if (!reference.shape().equals(other.shape())) {
      throw new IllegalArgumentException(
          "quantized has shape " + other.shape() + ", expected " + reference.shape());
    }
    float[] before = reference.toFloats();
    float[] after = other.toFloats();
    scales.requireFit(reference.shape());
    float[] factors = new float[before.length];
    scales
        .granularity()
        .forEach(
            reference.shape(),
            (from, n, first, block) -> {
              for (int i = 0; i < n; i++) {
                factors[from + i] = scales.get(first + i / block);
              }
            });
    long saturated = 0;
    long flushed = 0;
    long nan = 0;
    double signal = 0;
    double noise = 0;
    double worst = 0;
    for (int i = 0; i < before.length; i++) {
      double x = before[i];
      double y = after[i];
      boolean saturates = Math.abs(before[i] / factors[i]) > maxFinite;
      boolean flushes = x != 0 && y == 0;
      saturated += saturates ? 1 : 0;
      flushed += flushes ? 1 : 0;
      nan += Double.isNaN(y) ? 1 : 0;
      if (Double.isFinite(x) && Double.isFinite(y)) {
        signal += x * x;
        noise += (x - y) * (x - y);
        if (x != 0 && !saturates && !flushes) {
          worst = Math.max(worst, Math.abs(x - y) / Math.abs(x));
        }
      }
    }
    return new QuantizationError(before.length, saturated, flushed, nan, signal, noise, worst);
  }

  /**
   * Signal to quantization noise ratio in decibels, 10 log10(signal / noise): infinite if nothing
   * changed, NaN if there was nothing.
   */
  public double sqnrDb() {
    return noise == 0 && count > 0
        ? Double.POSITIVE_INFINITY
        : 10 * StrictMath.log10(signal / noise);
  }

  /** The error of two parts together. */
  public QuantizationError merge(QuantizationError other) {
    return new QuantizationError(
        count + other.count,
        saturated + other.saturated,
        flushed + other.flushed,
        nan + other.nan,
        signal + other.signal,
        noise + other.noise,
        Math.max(worstRelative, other.worstRelative));
  }
}
