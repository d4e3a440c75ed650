package dev.narrow.kernels;

/**
 * Kernels of normalization, attention and arithmetic, under the rules of {@link Kernels}; {@link
 * ScalarRowKernels} is the definition.
 */
interface RowKernels {

  /** z = x - y. */
  void subtract(float[] x, int xOffset, float[] y, int yOffset, float[] z, int zOffset, int n);

  /** z = x y. */
  void multiply(float[] x, int xOffset, float[] y, int yOffset, float[] z, int zOffset, int n);

  /** z = x / y. */
  void divide(float[] x, int xOffset, float[] y, int yOffset, float[] z, int zOffset, int n);

  /** z = x y + addend, rounded once. */
  void multiplyAdd(
      float[] x,
      int xOffset,
      float[] y,
      int yOffset,
      float[] addend,
      int addendOffset,
      float[] z,
      int zOffset,
      int n);

  /** y = low where x is below it, high where x is above it, else x: NaN passes. */
  void clamp(float low, float high, float[] x, int xOffset, float[] y, int yOffset, int n);

  /** y = factor x where the word, unsigned, is at least the threshold, else +0. */
  void dropout(
      int[] words,
      int wordsOffset,
      int threshold,
      float factor,
      float[] x,
      int xOffset,
      float[] y,
      int yOffset,
      int n);

  /** y = (x - shift) factor. */
  void standardize(
      float shift, float factor, float[] x, int xOffset, float[] y, int yOffset, int n);

  /**
   * dx = (dy - (mean + projection x)) factor as {@code fma(-projection, x, dy - mean) * factor}.
   */
  void standardizeGradient(
      float mean,
      float projection,
      float factor,
      float[] x,
      int xOffset,
      float[] dy,
      int dyOffset,
      float[] dx,
      int dxOffset,
      int n);

  /** dx = (dy - shift) y. */
  void softmaxGradient(
      float shift,
      float[] y,
      int yOffset,
      float[] dy,
      int dyOffset,
      float[] dx,
      int dxOffset,
      int n);

  /** The sum of (x - mean)² in sixteen lanes, each a chain of fused multiply-adds. */
  float sumOfSquaredDeviations(float mean, float[] x, int xOffset, int n);

  /** The sum of x y in sixteen lanes, each a chain of fused multiply-adds. */
  float dot(float[] x, int xOffset, float[] y, int yOffset, int n);

  /** The largest value, NaN if there is one, -∞ if there are no values; +0 is above -0. */
  float maximum(float[] x, int xOffset, int n);

  /** The smallest value, NaN if there is one, ∞ if there are no values; -0 is below +0. */
  float minimum(float[] x, int xOffset, int n);
}
