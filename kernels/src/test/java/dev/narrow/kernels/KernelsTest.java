package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;

/** The kernels along one axis, against the scalar definition and against what that must satisfy. */
@Tag("scalar")
@Tag("simd")
class KernelsTest {
  private static final Kernels KERNELS = KernelProvider.kernels();
  private static final Kernels SCALAR = ScalarKernels.INSTANCE;

  /**
   * Runs an elementwise kernel on x and y with n elements from offsets 3 and 1; the result is y.
   */
  interface Elementwise {
    void run(Kernels kernels, float[] x, float[] y, int n);
  }

  private static void assertSame(String what, int n, long seed, Elementwise kernel) {
    Data data = new Data(seed);
    float[] x = data.anyBits(n + 5);
    float[] expected = data.anyBits(n + 5);
    float[] actual = expected.clone();
    kernel.run(SCALAR, x, expected, n);
    kernel.run(KERNELS, x, actual, n);
    assertSameBits(expected, actual, what);
  }

  @Property(tries = 300)
  void elementwiseKernelsGiveTheBitsOfTheScalarDefinition(
      @ForAll @IntRange(min = 0, max = 70) int length, @ForAll long seed) {
    float factor = new Data(seed).anyBits(1)[0];
    assertSame("exp", length, seed, (k, x, y, n) -> k.exp(x, 3, y, 1, n));
    assertSame("exp2", length, seed, (k, x, y, n) -> k.exp2(x, 3, y, 1, n));
    assertSame("log", length, seed, (k, x, y, n) -> k.log(x, 3, y, 1, n));
    assertSame("relu", length, seed, (k, x, y, n) -> k.relu(x, 3, y, 1, n));
    assertSame("reluGradient", length, seed, (k, x, y, n) -> k.reluGradient(x, 3, y, 1, y, 1, n));
    assertSame("add", length, seed, (k, x, y, n) -> k.add(x, 3, y, 1, y, 1, n));
    assertSame("scale", length, seed, (k, x, y, n) -> k.scale(factor, x, 3, y, 1, n));
    assertSame("addScaled", length, seed, (k, x, y, n) -> k.addScaled(factor, x, 3, y, 1, n));
    assertSame("divide", length, seed, (k, x, y, n) -> k.divide(x, 3, factor, y, 1, n));
    assertSame("expShifted", length, seed, (k, x, y, n) -> k.expShifted(x, 3, factor, y, 1, n));
  }

  @Property(tries = 300)
  void reductionsGiveTheBitsOfTheScalarDefinition(
      @ForAll @IntRange(min = 0, max = 200) int n, @ForAll boolean any, @ForAll long seed) {
    Data data = new Data(seed);
    float[] x = any ? data.anyBits(n + 3) : data.mostlyUniform(n + 3, 100);
    assertSameBits(SCALAR.sum(x, 3, n), KERNELS.sum(x, 3, n), "sum");
    assertSameBits(SCALAR.sumOfSquares(x, 3, n), KERNELS.sumOfSquares(x, 3, n), "sumOfSquares");
    assertEquals(SCALAR.scan(x, 3, n), KERNELS.scan(x, 3, n));
    float[] expected = new float[n];
    float[] actual = new float[n];
    assertSameBits(
        SCALAR.expShifted(x, 3, 0.5f, expected, 0, n),
        KERNELS.expShifted(x, 3, 0.5f, actual, 0, n),
        "expShifted");
  }

  @Property(tries = 200)
  void sumRowsGivesTheBitsOfTheScalarDefinition(
      @ForAll @IntRange(min = 0, max = 20) int rows,
      @ForAll @IntRange(min = 0, max = 70) int columns,
      @ForAll boolean transposed,
      @ForAll long seed) {
    Data data = new Data(seed);
    int stride = (transposed ? rows : columns) + data.below(4);
    float[] array = data.mostlyUniform(2 + (transposed ? columns : rows) * stride, 200);
    Matrix x =
        transposed
            ? Matrix.rowMajor(array, 2, columns, rows, stride).transposed()
            : Matrix.rowMajor(array, 2, rows, columns, stride);
    float[] expected = new float[columns + 2];
    float[] actual = new float[columns + 2];
    SCALAR.sumRows(x, expected, 1);
    KERNELS.sumRows(x, actual, 1);
    assertSameBits(expected, actual, "sums");
  }

  /**
   * The lanes and the tree, written out once more: sixteen large numbers of which each cancels its
   * partner of the first level (j and j + 8), and after them a small one in each lane.
   */
  @Example
  void lanesAndTreeAreTheDocumentedOnes() {
    float[] x = new float[40];
    for (int j = 0; j < 8; j++) {
      x[j] = 0x1p30f;
      x[j + 8] = -0x1p30f;
    }
    x[32] = 64f; // half a unit in the last place of 2^30: a tie, which rounds to even
    x[35] = 192f; // one and a half: rounds to 2 units
    x[39] = 65f; // just over half: rounds to 1 unit
    assertEquals(0f + 256f + 128f, KERNELS.sum(x, 0, 40));
    double levels = 0;
    float[] y = new Data(3).uniform(16);
    levels +=
        ((y[0] + y[8]) + (y[4] + y[12]) + ((y[2] + y[10]) + (y[6] + y[14])))
            + (((y[1] + y[9]) + (y[5] + y[13])) + ((y[3] + y[11]) + (y[7] + y[15])));
    assertEquals((float) levels, KERNELS.sum(y, 0, 16));
  }

  /** |sum - exact| is at most gamma(n/16 + 4) sum |x| for n/16 additions in a lane and 4 levels. */
  @Property(tries = 200)
  void sumsAreWithinTheirBound(@ForAll @IntRange(min = 0, max = 5000) int n, @ForAll long seed) {
    float[] x = new Data(seed).uniform(n);
    double exact = 0;
    double magnitude = 0;
    double squares = 0;
    for (float value : x) {
      exact += value;
      magnitude += Math.abs(value);
      squares += (double) value * value;
    }
    double gamma = (n / 16 + 5) * 0x1p-24 * (1 + 0x1p-10);
    assertTrue(Math.abs(KERNELS.sum(x, 0, n) - exact) <= gamma * magnitude);
    assertTrue(Math.abs(KERNELS.sumOfSquares(x, 0, n) - squares) <= gamma * squares);
  }

  @Example
  void scanFindsTheFirstThatIsNotFinite() {
    for (int n = 1; n < 100; n++) {
      float[] x = Data.filled(n, -3f);
      assertEquals(new Scan(3f, 0, -1), KERNELS.scan(x, 0, n));
      for (int i = 0; i < n; i++) {
        float[] y = x.clone();
        y[i] = Float.NEGATIVE_INFINITY;
        y[n - 1] = Float.NaN;
        int count = i == n - 1 ? 1 : 2;
        assertEquals(new Scan(n > count ? 3f : 0f, count, i), KERNELS.scan(y, 0, n));
      }
    }
  }

  @Example
  void reluOfNegativeZeroIsZeroAndNaNPasses() {
    float nan = Float.intBitsToFloat(0xffc12345);
    for (int n = 1; n < 40; n++) {
      float[] x = Data.filled(n, -0f);
      x[n - 1] = nan;
      float[] expected = new float[n];
      expected[n - 1] = nan;
      float[] y = new float[n];
      KERNELS.relu(x, 0, y, 0, n);
      assertSameBits(expected, y, "relu");
    }
  }
}
