package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;

/** The kernels of normalization and arithmetic, against the scalar definition. */
@Tag("scalar")
@Tag("simd")
class RowKernelsTest {
  private static final Kernels KERNELS = KernelProvider.kernels();
  private static final Kernels SCALAR = ScalarKernels.INSTANCE;

  /** Runs a kernel on n elements of x from 3 on, y from 1 on and z from 2 on; the result is z. */
  private interface Run {
    void of(Kernels kernels, float[] x, float[] y, float[] z);
  }

  private static void assertSame(String what, Data data, int n, Run kernel) {
    float[] x = data.anyBits(n + 5);
    float[] y = data.anyBits(n + 5);
    float[] expected = data.anyBits(n + 5);
    float[] actual = expected.clone();
    kernel.of(SCALAR, x, y, expected);
    kernel.of(KERNELS, x, y, actual);
    assertSameBits(expected, actual, what);
  }

  @Property(tries = 300)
  void elementwiseKernelsGiveTheBitsOfTheScalarDefinition(
      @ForAll @IntRange(min = 0, max = 70) int n, @ForAll long seed) {
    Data data = new Data(seed);
    float[] f = data.anyBits(3);
    int threshold = (int) data.next();
    int[] words = new int[n + 1];
    for (int i = 0; i <= n; i++) {
      words[i] = i % 5 == 0 ? threshold - data.below(2) : (int) data.next();
    }
    assertSame("subtract", data, n, (k, x, y, z) -> k.subtract(x, 3, y, 1, z, 2, n));
    assertSame("multiply", data, n, (k, x, y, z) -> k.multiply(x, 3, y, 1, z, 2, n));
    assertSame("divide", data, n, (k, x, y, z) -> k.divide(x, 3, y, 1, z, 2, n));
    assertSame("multiplyAdd", data, n, (k, x, y, z) -> k.multiplyAdd(x, 3, y, 1, z, 2, z, 2, n));
    assertSame("clamp", data, n, (k, x, y, z) -> k.clamp(f[0], f[1], x, 3, z, 2, n));
    assertSame(
        "dropout", data, n, (k, x, y, z) -> k.dropout(words, 1, threshold, f[0], x, 3, z, 2, n));
    assertSame("standardize", data, n, (k, x, y, z) -> k.standardize(f[0], f[1], x, 3, z, 2, n));
    assertSame(
        "standardizeGradient",
        data,
        n,
        (k, x, y, z) -> k.standardizeGradient(f[0], f[1], f[2], x, 3, y, 1, z, 2, n));
    assertSame(
        "softmaxGradient", data, n, (k, x, y, z) -> k.softmaxGradient(f[0], x, 3, y, 1, z, 2, n));
  }

  @Property(tries = 300)
  void reductionsGiveTheBitsOfTheScalarDefinition(
      @ForAll @IntRange(min = 0, max = 200) int n,
      @ForAll @IntRange(min = 2, max = 300) int period,
      @ForAll long seed) {
    Data data = new Data(seed);
    float[] x = data.mostlyUniform(n + 3, period);
    float[] y = data.mostlyUniform(n + 1, period);
    float mean = data.mostlyUniform(1, 10)[0];
    assertSameBits(SCALAR.dot(x, 3, y, 1, n), KERNELS.dot(x, 3, y, 1, n), "dot");
    assertSameBits(
        SCALAR.sumOfSquaredDeviations(mean, x, 3, n),
        KERNELS.sumOfSquaredDeviations(mean, x, 3, n),
        "sumOfSquaredDeviations");
    assertSameBits(SCALAR.maximum(x, 3, n), KERNELS.maximum(x, 3, n), "maximum");
    assertSameBits(SCALAR.minimum(x, 3, n), KERNELS.minimum(x, 3, n), "minimum");
  }

  /** With -0 and +0 in every pair of places, where an implementation may prefer the first. */
  @Example
  void positiveZeroIsAboveNegativeZero() {
    for (int n = 2; n < 70; n++) {
      for (int i = 0; i < n; i++) {
        float[] x = Data.filled(n, -0f);
        x[i] = 0f;
        assertSameBits(0f, KERNELS.maximum(x, 0, n), "maximum");
        assertSameBits(-0f, KERNELS.minimum(x, 0, n), "minimum");
      }
    }
  }

  /** |dot - exact| is at most gamma(n/16 + 5) |x||y|: see KernelsTest. */
  @Property(tries = 200)
  void sumsAreWithinTheirBound(@ForAll @IntRange(min = 0, max = 3000) int n, @ForAll long seed) {
    Data data = new Data(seed);
    float[] x = data.uniform(n);
    float[] y = data.uniform(n);
    double dot = 0;
    double magnitude = 0;
    double squares = 0;
    for (int i = 0; i < n; i++) {
      double term = (double) x[i] * y[i];
      dot += term;
      magnitude += Math.abs(term);
      squares += (x[i] - 0.25) * (x[i] - 0.25);
    }
    double gamma = (n / 16 + 5) * 0x1p-24 * (1 + 0x1p-10);
    assertTrue(Math.abs(KERNELS.dot(x, 0, y, 0, n) - dot) <= gamma * magnitude);
    double deviations = KERNELS.sumOfSquaredDeviations(0.25f, x, 0, n);
    // Two more roundings: each deviation is off by 2^-24 of itself, and squared.
    assertTrue(Math.abs(deviations - squares) <= (gamma + 0x1p-23) * squares);
  }
}
