package dev.narrow.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** Gradients as central differences in double. */
final class Differences {
  private static final double STEP = 0x1p-16;

  private Differences() {}

  /**
   * The gradient is that of the function at x. Central differences are off by some 2^-32 times a
   * third derivative, and by some 2^-52 2^16 times the function's value.
   */
  static void assertGradient(
      ToDoubleFunction<double[]> function,
      float[] x,
      float[] gradient,
      double tolerance,
      String what) {
    double[] at = doubles(x);
    for (int i = 0; i < x.length; i++) {
      at[i] = x[i] + STEP;
      double above = function.applyAsDouble(at);
      at[i] = x[i] - STEP;
      double below = function.applyAsDouble(at);
      at[i] = x[i];
      double expected = (above - below) / (2 * STEP);
      assertEquals(expected, gradient[i], tolerance, what + " [" + i + "]");
    }
  }

  static double[] doubles(float[] x) {
    return IntStream.range(0, x.length).mapToDouble(i -> x[i]).toArray();
  }

  /** What dy says that a result is worth. */
  static double dot(double[] y, float[] dy) {
    double[] terms = y.clone();
    Arrays.setAll(terms, i -> y[i] * dy[i]);
    return Arrays.stream(terms).sum();
  }
}
