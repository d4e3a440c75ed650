package dev.narrow.kernels;

import java.util.Arrays;

/** The softmax of a row, and its gradient: see {@link Normalizations#softmax}. */
final class Softmax {
  private Softmax() {}

  /** y may be x. */
  static void row(Kernels kernels, float[] x, int xOffset, float[] y, int yOffset, int n) {
    float sum = kernels.expShifted(x, xOffset, shift(kernels, x, xOffset, n), y, yOffset, n);
    divide(kernels, sum, y, yOffset, n);
  }

  /** What is subtracted from a row, so that no exponential overflows. */
  static float shift(Kernels kernels, float[] x, int xOffset, int n) {
    float max = kernels.maximum(x, xOffset, n);
    return max == Float.NEGATIVE_INFINITY ? 0f : max;
  }

  /** From exponentials to probabilities. */
  static void divide(Kernels kernels, float sum, float[] y, int yOffset, int n) {
    if (sum == 0f) {
      Arrays.fill(y, yOffset, yOffset + n, 0f);
    } else {
      kernels.divide(y, yOffset, sum, y, yOffset, n);
    }
  }

  /** dx may be y or dy. */
  static void rowGradient(
      Kernels kernels,
      float[] y,
      int yOffset,
      float[] dy,
      int dyOffset,
      float[] dx,
      int dxOffset,
      int n) {
    float shift = kernels.dot(dy, dyOffset, y, yOffset, n);
    kernels.softmaxGradient(shift, y, yOffset, dy, dyOffset, dx, dxOffset, n);
  }
}
