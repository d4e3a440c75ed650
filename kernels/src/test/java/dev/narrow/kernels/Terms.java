package dev.narrow.kernels;

import java.math.BigDecimal;

/** What an accumulator makes of a row times a column, and what that is exactly. */
final class Terms {
  private Terms() {}

  /** The sum by the kernels of this process, the element of a 1 × 1 product. */
  static float sum(Accumulator accumulator, float[] a, float[] b) {
    return multiply(KernelProvider.kernels().matmulIn(accumulator), a, b, 1, 1, a.length)[0];
  }

  /** The sum by definition. */
  static float defined(Accumulator accumulator, float[] a, float[] b) {
    return multiply(new ScalarAccumulatorMatmul(accumulator), a, b, 1, 1, a.length)[0];
  }

  /** a [m, k] × b [k, n], both row-major. */
  static float[] multiply(AccumulatorMatmul matmul, float[] a, float[] b, int m, int n, int k) {
    float[] c = new float[m * n];
    matmul.multiply(
        Matrix.rowMajor(a, 0, m, k, k),
        Matrix.rowMajor(b, 0, k, n, n),
        Matrix.rowMajor(c, 0, m, n, n));
    return c;
  }

  static BigDecimal exact(float[] a, float[] b) {
    BigDecimal sum = BigDecimal.ZERO;
    for (int i = 0; i < a.length; i++) {
      sum = sum.add(new BigDecimal(a[i]).multiply(new BigDecimal(b[i])));
    }
    return sum;
  }

  /** The sum of the magnitudes, a little too large if anything. */
  static double magnitude(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += Math.abs((double) a[i] * b[i]);
    }
    return sum * (1 + 0x1p-30);
  }

  static double error(float sum, float[] a, float[] b) {
    return new BigDecimal(sum).subtract(exact(a, b)).abs().doubleValue();
  }

  /** gamma(n) = n u / (1 - n u): Higham, Accuracy and Stability of Numerical Algorithms, 3.1. */
  static double gamma(int n, double u) {
    return n * u / (1 - n * u);
  }
}
