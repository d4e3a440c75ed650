package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("scalar")
@Tag("simd")
class ElementaryTest {
  /** Odd, so that the stride meets every value of the low bits. */
  private static final int STRIDE = 4099;

  @FunctionalInterface
  interface FloatFunction {
    float apply(float x);
  }

  @FunctionalInterface
  interface Bulk {
    void apply(Kernels kernels, float[] x, int xOffset, float[] y, int yOffset, int n);
  }

  /**
   * A function, its definition in double (StrictMath is within 1 ulp of double, that is 2^-29 ulp
   * of float), and the error that its Javadoc states.
   */
  record Function(
      String name, FloatFunction scalar, Bulk bulk, DoubleUnaryOperator exact, double worst) {
    @Override
    public String toString() {
      return name;
    }
  }

  static List<Function> functions() {
    return List.of(
        new Function("exp", Elementary::exp, Kernels::exp, StrictMath::exp, 0.775),
        new Function("exp2", Elementary::exp2, Kernels::exp2, x -> StrictMath.pow(2, x), 0.770),
        new Function("log", Elementary::log, Kernels::log, StrictMath::log, 0.883));
  }

  /**
   * Distance from the exact result in units of its last place; infinite where it is plainly wrong.
   */
  private static double ulps(float actual, double exact) {
    if (Double.isNaN(exact)) {
      return Float.isNaN(actual) ? 0 : Double.POSITIVE_INFINITY;
    }
    if (Math.abs(exact) >= 0x1.ffffffp127) { // rounds to infinity
      return actual == Math.copySign(Float.POSITIVE_INFINITY, exact) ? 0 : Double.POSITIVE_INFINITY;
    }
    int exponent = Math.max(Math.getExponent(exact), Float.MIN_EXPONENT);
    return Math.abs(actual - exact) * Math.scalb(1.0, 23 - exponent);
  }

  record Worst(double error, int bits) {
    Worst or(Worst other) {
      return other.error > error ? other : this;
    }
  }

  private static Worst worst(Function function, int from, int count, int stride) {
    Worst worst = new Worst(0, 0);
    for (long i = 0; i < count; i++) {
      int bits = (int) (from + i * stride);
      float x = Float.intBitsToFloat(bits);
      double error = ulps(function.scalar.apply(x), function.exact.applyAsDouble(x));
      if (error > worst.error) {
        worst = new Worst(error, bits);
      }
    }
    return worst;
  }

  @ParameterizedTest
  @MethodSource("functions")
  void errorIsWithinItsBound(Function function) {
    Worst worst = worst(function, Integer.MIN_VALUE, (int) ((1L << 32) / STRIDE) + 1, STRIDE);
    assertTrue(
        worst.error <= function.worst,
        () -> function + ": " + worst.error + " ulp at " + Float.intBitsToFloat(worst.bits));
  }

  @Tag("exhaustive")
  @ParameterizedTest
  @MethodSource("functions")
  void errorIsWithinItsBoundOverAllFloats(Function function) {
    Worst worst =
        IntStream.range(0, 4096)
            .parallel()
            .mapToObj(block -> worst(function, block << 20, 1 << 20, 1))
            .reduce(new Worst(0, 0), Worst::or);
    String found =
        "%s: %.4f ulp at %a".formatted(function, worst.error, Float.intBitsToFloat(worst.bits));
    System.out.println(found);
    assertTrue(worst.error <= function.worst, found);
  }

  @ParameterizedTest
  @MethodSource("functions")
  void vectorsGiveTheBitsOfTheScalarDefinition(Function function) {
    float[] x = new float[1 << 16];
    float[] expected = new float[x.length];
    float[] actual = new float[x.length];
    for (long start = Integer.MIN_VALUE; start <= Integer.MAX_VALUE; start += 397L * x.length) {
      for (int i = 0; i < x.length; i++) {
        x[i] = Float.intBitsToFloat((int) (start + 397L * i));
        expected[i] = function.scalar.apply(x[i]);
      }
      function.bulk.apply(KernelProvider.kernels(), x, 0, actual, 0, x.length);
      assertSameBits(expected, actual, function.name + " from bits " + start);
    }
  }

  @ParameterizedTest
  @MethodSource("functions")
  void everyLengthAndOffsetIsServed(Function function) {
    Kernels kernels = KernelProvider.kernels();
    int longest = 3 * kernels.bits() / Float.SIZE + 1;
    Data data = new Data(1);
    for (int n = 0; n <= longest; n++) {
      float[] x = data.anyBits(n + 3);
      float[] y = Data.filled(n + 5, 42f);
      float[] expected = y.clone();
      for (int i = 0; i < n; i++) {
        expected[2 + i] = function.scalar.apply(x[3 + i]);
      }
      function.bulk.apply(kernels, x, 3, y, 2, n);
      assertSameBits(expected, y, function.name + " of " + n);
    }
  }

  /** Arguments just around every limit in the definitions. */
  @ParameterizedTest
  @MethodSource("functions")
  void edgesAreRoundedRight(Function function) {
    float[] edges = {
      0f,
      -0f,
      Float.MIN_VALUE,
      -Float.MIN_VALUE,
      Float.MIN_NORMAL,
      1f,
      -1f,
      2f / 3,
      4f / 3,
      88.72283f,
      -87.33654f,
      -103.97208f,
      127f,
      128f,
      -126f,
      -149f,
      -149.5f,
      -150f,
      Float.MAX_VALUE,
      -Float.MAX_VALUE,
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
    };
    for (float edge : edges) {
      for (float x : new float[] {Math.nextDown(edge), edge, Math.nextUp(edge)}) {
        double error = ulps(function.scalar.apply(x), function.exact.applyAsDouble(x));
        assertTrue(error <= function.worst, () -> function + "(" + x + "): " + error + " ulp");
      }
    }
  }

  @Test
  void specialValuesAreTheDocumentedOnes() {
    for (int nan : new int[] {0x7fc00000, 0x7f800001, 0xffffffff}) {
      float x = Float.intBitsToFloat(nan);
      assertSameBits(Float.NaN, Elementary.exp(x), "exp");
      assertSameBits(Float.NaN, Elementary.exp2(x), "exp2");
      assertSameBits(Float.NaN, Elementary.log(x), "log");
    }
    assertSameBits(0f, Elementary.exp(Float.NEGATIVE_INFINITY), "exp(-inf)");
    assertSameBits(0f, Elementary.exp2(Float.NEGATIVE_INFINITY), "exp2(-inf)");
    assertSameBits(1f, Elementary.exp(-0f), "exp(-0)");
    assertSameBits(0f, Elementary.log(1f), "log(1)");
    assertSameBits(Float.NEGATIVE_INFINITY, Elementary.log(-0f), "log(-0)");
    assertSameBits(Float.NaN, Elementary.log(-Float.MIN_VALUE), "log(-min)");
  }

  @Test
  void exp2OfAnIntegerIsExact() {
    for (int k = -149; k <= 127; k++) {
      assertEquals(Math.scalb(1f, k), Elementary.exp2(k), "2^" + k);
    }
  }
}
