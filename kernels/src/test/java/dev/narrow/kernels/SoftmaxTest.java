package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.quant.Tensor;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;

@Tag("scalar")
@Tag("simd")
class SoftmaxTest {
  private static final Backend BACKEND = Backend.cpu(1);

  private static float[] softmax(float[] x, int rows, int n) {
    float[] y = new float[x.length];
    BACKEND.softmax(Tensor.of(x, rows, n), Tensor.of(y, rows, n));
    return y;
  }

  /** The definition in straight loops. */
  static float[] reference(float[] x, int rows, int n) {
    float[] y = new float[x.length];
    for (int i = 0; i < rows; i++) {
      float max = Float.NEGATIVE_INFINITY;
      for (int j = 0; j < n; j++) {
        max = x[i * n + j] > max ? x[i * n + j] : max;
      }
      float shift = max == Float.NEGATIVE_INFINITY ? 0f : max;
      Lanes lanes = new Lanes();
      for (int j = 0; j < n; j++) {
        lanes.add(Elementary.exp(x[i * n + j] - shift));
      }
      for (int j = 0; j < n; j++) {
        float p = Elementary.exp(x[i * n + j] - shift) / lanes.sum();
        y[i * n + j] = lanes.sum() == 0f ? 0f : Lanes.canonical(p);
      }
    }
    return y;
  }

  @Property(tries = 200)
  void bothPassesGiveTheBitsOfStraightLoops(
      @ForAll @IntRange(min = 0, max = 9) int rows,
      @ForAll @IntRange(min = 0, max = 70) int n,
      @ForAll @IntRange(min = 2, max = 400) int period,
      @ForAll long seed) {
    Data data = new Data(seed);
    float[] x = data.mostlyUniform(rows * n, period);
    float[] y = softmax(x, rows, n);
    assertSameBits(reference(x, rows, n), y, "y");
    float[] dy = data.mostlyUniform(rows * n, period);
    float[] expected = new float[rows * n];
    for (int i = 0; i < rows; i++) {
      Lanes lanes = new Lanes();
      for (int j = 0; j < n; j++) {
        lanes.addProduct(dy[i * n + j], y[i * n + j]);
      }
      for (int j = 0; j < n; j++) {
        expected[i * n + j] = Lanes.canonical((dy[i * n + j] - lanes.sum()) * y[i * n + j]);
      }
    }
    Tensor dx = Tensor.of(dy, rows, n); // in place
    BACKEND.softmaxBackward(Tensor.of(y, rows, n), dx, dx);
    assertSameBits(expected, dy, "dx");
  }

  @Property(tries = 60)
  void bothPassesAreThoseOfTheDefinition(
      @ForAll @IntRange(min = 1, max = 3) int rows,
      @ForAll @IntRange(min = 1, max = 40) int n,
      @ForAll long seed) {
    Data data = new Data(seed);
    float[] x = data.uniform(rows * n);
    float[] dy = data.uniform(rows * n);
    float[] y = softmax(x, rows, n);
    double[] exact = softmax(Differences.doubles(x), n);
    for (int i = 0; i < y.length; i++) {
      // x - max is off by 2^-24, exp by 2^-24, the sum by gamma(n/16 + 5), the quotient by 2^-24.
      assertEquals(exact[i], y[i], exact[i] * (n / 16 + 10) * 0x1p-24, "y " + i);
    }
    float[] dx = new float[rows * n];
    BACKEND.softmaxBackward(Tensor.of(y, rows, n), Tensor.of(dy, rows, n), Tensor.of(dx, rows, n));
    Differences.assertGradient(at -> Differences.dot(softmax(at, n), dy), x, dx, 0x1p-19, "dx");
  }

  private static double[] softmax(double[] x, int n) {
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i += n) {
      double sum = 0;
      for (int j = i; j < i + n; j++) {
        sum += StrictMath.exp(x[j]);
      }
      for (int j = i; j < i + n; j++) {
        y[j] = StrictMath.exp(x[j]) / sum;
      }
    }
    return y;
  }

  /** The sum in lanes is off by gamma(n/16 + 4), each quotient by 2^-24 of itself. */
  @Property(tries = 200)
  void aRowSumsToOne(@ForAll @IntRange(min = 1, max = 1000) int n, @ForAll long seed) {
    double sum = 0;
    for (float p : softmax(new Data(seed).uniform(n), 1, n)) {
      sum += p;
    }
    assertTrue(Math.abs(sum - 1) <= (n / 16 + 6) * 0x1p-24, "sum " + sum);
  }

  /** Integers of 20 bits and their differences are exact. */
  @Property(tries = 100)
  void aShiftThatIsExactChangesNothing(
      @ForAll @IntRange(min = 1, max = 70) int n,
      @ForAll @IntRange(min = -1000, max = 1000) int shift,
      @ForAll long seed) {
    Data data = new Data(seed);
    float[] x = new float[n];
    float[] shifted = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = data.below(100) / 8f;
      shifted[i] = x[i] + shift;
    }
    assertSameBits(softmax(x, 1, n), softmax(shifted, 1, n), "y");
  }

  @Example
  void maskedElementsHaveNoShareAndRowsThatAreMaskedThroughoutAreZero() {
    float masked = Float.NEGATIVE_INFINITY;
    float[] x = {masked, 3, masked, 3, masked, masked, masked, masked};
    assertSameBits(new float[] {0, 0.5f, 0, 0.5f, 0, 0, 0, 0}, softmax(x, 2, 4), "y");
    float nan = Float.NaN;
    assertSameBits(new float[] {nan, nan}, softmax(new float[] {nan, masked}, 1, 2), "NaN");
    float infinity = Float.POSITIVE_INFINITY;
    assertSameBits(new float[] {nan, nan}, softmax(new float[] {infinity, masked}, 1, 2), "∞");
  }

  @Example
  void threadsDoNotChangeTheBits() {
    Data data = new Data(8);
    Tensor x = Tensor.of(data.uniform(403 * 701), 13, 31, 701);
    Tensor dy = Tensor.of(data.uniform(403 * 701), 13, 31, 701);
    float[] y = new float[403 * 701];
    float[] dx = new float[403 * 701];
    Tensor ys = Tensor.of(y, 13, 31, 701);
    BACKEND.softmax(x, ys);
    BACKEND.softmaxBackward(ys, dy, Tensor.of(dx, 13, 31, 701));
    for (int threads : new int[] {2, 3, 8}) {
      Tensor other = Tensor.zeros(13, 31, 701);
      Backend.cpu(threads).softmax(x, other);
      assertSameBits(y, other.toFloats(), threads + " threads");
      Backend.cpu(threads).softmaxBackward(ys, dy, other);
      assertSameBits(dx, other.toFloats(), threads + " threads, dx");
    }
  }

  @Example
  void aScalarHasNoRows() {
    var thrown =
        assertThrows(
            IllegalArgumentException.class, () -> BACKEND.softmax(Tensor.zeros(), Tensor.zeros()));
    assertEquals("x is a scalar, expected one axis or more", thrown.getMessage());
  }
}
