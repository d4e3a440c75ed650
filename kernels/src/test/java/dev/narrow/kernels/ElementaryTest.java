package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
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

  /** The distance of a result from the exact one; infinite where it is plainly wrong. */
  @FunctionalInterface
  interface Measure {
    double error(float x, float actual, double exact);
  }

  /**
   * A function, its definition in double (StrictMath is within 1 ulp of double, that is 2^-29 ulp
   * of float), and the error that its Javadoc states.
   *
   * <p>The error function in double is off by some 4e-15 of itself, 7e-8 ulp of float; so is the
   * factor of x in the two GELUs. Their gradients in double are off by some 1e-14, where their
   * bounds are 1e-7.
   */
  record Function(
      String name,
      FloatFunction scalar,
      Bulk bulk,
      DoubleUnaryOperator exact,
      Measure measure,
      double worst) {
    @Override
    public String toString() {
      return name;
    }

    double error(float x) {
      return measure.error(x, scalar.apply(x), exact.applyAsDouble(x));
    }
  }

  private static final Function TANH =
      inUlps("tanh", Elementary::tanh, Kernels::tanh, StrictMath::tanh, 0.929);
  private static final Function ERF =
      inUlps("erf", Elementary::erf, Kernels::erf, ErrorFunction::erf, 0.886);
  private static final Function RECIPROCAL_SQRT =
      inUlps(
          "reciprocalSqrt",
          Elementary::reciprocalSqrt,
          Kernels::reciprocalSqrt,
          x -> 1 / StrictMath.sqrt(x),
          0.5);
  private static final Function SIGMOID =
      inUlps(
          "sigmoid",
          Activations::sigmoid,
          Kernels::sigmoid,
          x -> 1 / (1 + StrictMath.exp(-x)),
          0.882);

  static List<Function> functions() {
    return List.of(
        inUlps("exp", Elementary::exp, Kernels::exp, StrictMath::exp, 0.775),
        inUlps("exp2", Elementary::exp2, Kernels::exp2, x -> StrictMath.pow(2, x), 0.770),
        inUlps("log", Elementary::log, Kernels::log, StrictMath::log, 0.883),
        TANH,
        ERF,
        RECIPROCAL_SQRT,
        SIGMOID,
        new Function(
            "gelu",
            Activations::gelu,
            Kernels::gelu,
            ElementaryTest::exactGelu,
            ElementaryTest::argumentUlps,
            1.019),
        new Function(
            "geluTanh",
            Activations::geluTanh,
            Kernels::geluTanh,
            ElementaryTest::exactGeluTanh,
            ElementaryTest::argumentUlps,
            1.327),
        new Function(
            "geluGradient",
            Activations::geluGradient,
            gradient(Kernels::geluGradient),
            ElementaryTest::exactGeluGradient,
            ElementaryTest::absolute,
            1.43e-7),
        new Function(
            "geluTanhGradient",
            Activations::geluTanhGradient,
            gradient(Kernels::geluTanhGradient),
            ElementaryTest::exactGeluTanhGradient,
            ElementaryTest::absolute,
            1.35e-7));
  }

  static List<Function> oddFunctions() {
    return List.of(TANH, ERF);
  }

  static List<Function> monotoneFunctions() {
    return List.of(TANH, RECIPROCAL_SQRT, SIGMOID);
  }

  private static Function inUlps(
      String name, FloatFunction scalar, Bulk bulk, DoubleUnaryOperator exact, double worst) {
    return new Function(name, scalar, bulk, exact, (x, actual, y) -> ulps(actual, y), worst);
  }

  @FunctionalInterface
  interface Gradient {
    void apply(
        Kernels kernels,
        float[] x,
        int xOffset,
        float[] dy,
        int dyOffset,
        float[] dx,
        int dxOffset,
        int n);
  }

  /** Of y = f(x) with dy = 1: the derivative itself. */
  private static Bulk gradient(Gradient gradient) {
    return (kernels, x, xOffset, y, yOffset, n) ->
        gradient.apply(kernels, x, xOffset, Data.filled(n + 1, 1f), 1, y, yOffset, n);
  }

  private static final double SQRT_HALF = StrictMath.sqrt(0.5);
  private static final double SQRT_2_OVER_PI = StrictMath.sqrt(2 / StrictMath.PI);

  private static double exactGelu(double x) {
    return x == Double.NEGATIVE_INFINITY
        ? -0.0
        : x * (0.5 + 0.5 * ErrorFunction.erf(x * SQRT_HALF));
  }

  private static double exactGeluGradient(double x) {
    double density = StrictMath.exp(-0.5 * x * x) * 0.5 * SQRT_2_OVER_PI;
    double slope = density == 0 ? 0 : x * density;
    return 0.5 + 0.5 * ErrorFunction.erf(x * SQRT_HALF) + slope;
  }

  /** The definition once more: (1 + tanh(u)) / 2 = 1 / (1 + exp(-2u)). */
  private static double logisticOfCubic(double x) {
    return 1 / (1 + StrictMath.exp(-2 * SQRT_2_OVER_PI * (x + 0.044715 * x * x * x)));
  }

  private static double exactGeluTanh(double x) {
    return x == Double.NEGATIVE_INFINITY ? -0.0 : x * logisticOfCubic(x);
  }

  private static double exactGeluTanhGradient(double x) {
    double p = logisticOfCubic(x);
    double bell = p * (1 - p);
    double slope = 2 * SQRT_2_OVER_PI * (1 + 3 * 0.044715 * x * x);
    return bell == 0 ? p : p + x * bell * slope;
  }

  private static double argumentUlps(float x, float actual, double exact) {
    if (!Double.isFinite(exact) || !Float.isFinite(actual)) {
      return ulps(actual, exact);
    }
    return Math.abs(actual - exact) / Math.ulp(x);
  }

  private static double absolute(float x, float actual, double exact) {
    return Double.isNaN(exact) ? ulps(actual, exact) : Math.abs(actual - exact);
  }

  /** In units of the last place of the exact result. */
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
      double error = function.error(x);
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
        () -> function + ": " + worst.error + " at " + Float.intBitsToFloat(worst.bits));
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
        "%s: %.4g at %a".formatted(function, worst.error, Float.intBitsToFloat(worst.bits));
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
    for (int length = 0; length <= longest + 1; length++) {
      int n = length > longest ? 1111 : length; // the last takes several passes
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
      Elementary.TANH_LARGE,
      -Elementary.TANH_ONE,
      Elementary.ERF_LARGE,
      -Elementary.ERF_ONE,
      Activations.SIGMOID_ONE,
      5.54f,
      -5.54f,
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
        double error = function.error(x);
        assertTrue(error <= function.worst, () -> function + "(" + x + "): " + error);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("oddFunctions")
  void oddFunctionsAreOddInEveryBit(Function function) {
    assertOdd(function, 0, Integer.MAX_VALUE / STRIDE, STRIDE);
  }

  @Tag("exhaustive")
  @ParameterizedTest
  @MethodSource("oddFunctions")
  void oddFunctionsAreOddInEveryBitOverAllFloats(Function function) {
    IntStream.range(0, 2048)
        .parallel()
        .forEach(block -> assertOdd(function, block << 20, 1 << 20, 1));
  }

  private static void assertOdd(Function function, int from, int count, int stride) {
    for (int i = 0; i < count; i++) {
      float x = Float.intBitsToFloat(from + i * stride);
      float y = function.scalar.apply(x);
      assertSameBits(
          Float.isNaN(x) ? Float.NaN : -y, function.scalar.apply(-x), function.name + " of -" + x);
    }
  }

  /** Neighbours, at places all over the range. */
  @ParameterizedTest
  @MethodSource("monotoneFunctions")
  void monotoneFunctionsNeverTurnBack(Function function) {
    for (int i = 0; i < 2048; i++) {
      assertMonotone(function, i * 1_044_473, 256);
    }
  }

  @Tag("exhaustive")
  @ParameterizedTest
  @MethodSource("monotoneFunctions")
  void monotoneFunctionsNeverTurnBackOverAllFloats(Function function) {
    IntStream.range(0, 2048)
        .parallel()
        .forEach(block -> assertMonotone(function, block << 20, 1 << 20));
  }

  /** Both signs of the arguments whose magnitudes have the bits from, from + 1, ... */
  private static void assertMonotone(Function function, int from, int count) {
    for (int sign : new int[] {0, Integer.MIN_VALUE}) {
      boolean rises = (sign == 0) ^ function.equals(RECIPROCAL_SQRT);
      float before = function.scalar.apply(Float.intBitsToFloat(sign | from));
      for (int i = 1; i <= count; i++) {
        float y = function.scalar.apply(Float.intBitsToFloat(sign | (from + i)));
        boolean turnsBack = rises ? y < before : y > before;
        int bits = sign | (from + i);
        assertFalse(turnsBack, () -> function + " turns back at bits " + bits);
        before = y;
      }
    }
  }

  /** erf.csv is what src/test/python/erf_values.py prints: arguments and their exact values. */
  @Test
  void theOracleOfErfAgreesWithManyDigits() throws IOException {
    int lines = 0;
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(ElementaryTest.class.getResourceAsStream("erf.csv")),
                StandardCharsets.US_ASCII))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        int comma = line.indexOf(',');
        double x = Double.parseDouble(line.substring(0, comma));
        double exact = Double.parseDouble(line.substring(comma + 1));
        assertEquals(exact, ErrorFunction.erf(x), 4e-15 * exact, () -> "erf(" + x + ")");
        assertEquals(-exact, ErrorFunction.erf(-x), 4e-15 * exact, () -> "erf(-" + x + ")");
        lines++;
      }
    }
    assertEquals(46, lines);
  }

  @Test
  void specialValuesAreTheDocumentedOnes() {
    for (int nan : new int[] {0x7fc00000, 0x7f800001, 0xffffffff}) {
      float x = Float.intBitsToFloat(nan);
      assertSameBits(Float.NaN, Elementary.exp(x), "exp");
      assertSameBits(Float.NaN, Elementary.exp2(x), "exp2");
      assertSameBits(Float.NaN, Elementary.log(x), "log");
      assertSameBits(Float.NaN, Elementary.tanh(x), "tanh");
      assertSameBits(Float.NaN, Elementary.erf(x), "erf");
      assertSameBits(Float.NaN, Elementary.reciprocalSqrt(x), "reciprocalSqrt");
    }
    assertSameBits(0f, Elementary.exp(Float.NEGATIVE_INFINITY), "exp(-inf)");
    assertSameBits(0f, Elementary.exp2(Float.NEGATIVE_INFINITY), "exp2(-inf)");
    assertSameBits(1f, Elementary.exp(-0f), "exp(-0)");
    assertSameBits(0f, Elementary.log(1f), "log(1)");
    assertSameBits(Float.NEGATIVE_INFINITY, Elementary.log(-0f), "log(-0)");
    assertSameBits(Float.NaN, Elementary.log(-Float.MIN_VALUE), "log(-min)");
    assertSameBits(-1f, Elementary.tanh(Float.NEGATIVE_INFINITY), "tanh(-inf)");
    assertSameBits(1f, Elementary.tanh(9.011f), "tanh(9.011)"); // 1 - 2^-24.99
    assertSameBits(-0f, Elementary.tanh(-0f), "tanh(-0)");
    assertSameBits(-Float.MIN_VALUE, Elementary.tanh(-Float.MIN_VALUE), "tanh(-min)");
    assertSameBits(1f, Elementary.erf(Float.POSITIVE_INFINITY), "erf(inf)");
    assertSameBits(-0f, Elementary.erf(-0f), "erf(-0)");
    assertSameBits(0x1p-149f, Elementary.erf(0x1p-149f), "erf(min)"); // 1.128 of it
    assertSameBits(0x9p-149f, Elementary.erf(0x8p-149f), "erf(8 min)"); // 9.03
    assertSameBits(Float.NEGATIVE_INFINITY, Elementary.reciprocalSqrt(-0f), "reciprocalSqrt(-0)");
    assertSameBits(0f, Elementary.reciprocalSqrt(Float.POSITIVE_INFINITY), "reciprocalSqrt(inf)");
    assertSameBits(Float.NaN, Elementary.reciprocalSqrt(-Float.MIN_VALUE), "reciprocalSqrt(-min)");
  }

  @Test
  void reciprocalSqrtOfAPowerOfFourIsExact() {
    for (int k = -74; k <= 63; k++) {
      assertEquals(Math.scalb(1f, -k), Elementary.reciprocalSqrt(Math.scalb(1f, 2 * k)), "4^" + k);
    }
  }

  /** The nearest floats to what mpmath gives. */
  @Test
  void knownPointsAreMetWithinAUnit() {
    assertNear(0x1.d9353ep-2f, Elementary.tanh(0.5f));
    assertNear(0x1.85efacp-1f, Elementary.tanh(1f));
    assertNear(0x1.0a7ef6p-1f, Elementary.erf(0.5f));
    assertNear(0x1.af767ap-1f, Elementary.erf(1f));
    assertNear(0x1.fd9ae2p-1f, Elementary.erf(2f));
    assertEquals(0x1.6a09e6p-1f, Elementary.reciprocalSqrt(2f));
    assertEquals(0x1.279a74p-1f, Elementary.reciprocalSqrt(3f));
  }

  private static void assertNear(float expected, float actual) {
    assertEquals(expected, actual, Math.ulp(expected));
  }

  @Test
  void exp2OfAnIntegerIsExact() {
    for (int k = -149; k <= 127; k++) {
      assertEquals(Math.scalb(1f, k), Elementary.exp2(k), "2^" + k);
    }
  }
}
