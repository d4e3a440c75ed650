package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;

/** Laws of values, order, text and arithmetic that hold in every format of the library. */
class LawsTest {
  private static final Saturation CLAMPING = Saturation.OCP_SAT;

  static List<NumericFormat> everyFormat() {
    return Stream.concat(
            Formats.all().stream(),
            Stream.of(
                SampleFormats.NO_SUBNORMALS,
                SampleFormats.NO_ZERO,
                SampleFormats.ALL_SUBNORMAL,
                SampleFormats.WIDE,
                SampleFormats.BINARY10P2SE,
                Formats.parse("lns:b16g2048"),
                Formats.parse("posit:b9e1")))
        .toList();
  }

  @Provide
  Arbitrary<NumericFormat> formats() {
    return Arbitraries.of(everyFormat());
  }

  @Provide
  Arbitrary<NumericFormat> floats() {
    return formats().filter(f -> f instanceof FloatFormat g && g.zero() && g.signed());
  }

  @Provide
  Arbitrary<Rounding> roundings() {
    return Arbitraries.of(SampleFormats.deterministic());
  }

  @Provide
  Arbitrary<Double> numbers() {
    Arbitrary<Double> bits =
        Arbitraries.longs().map(Double::longBitsToDouble).filter(Double::isFinite);
    Arbitrary<Double> usual =
        Combinators.combine(
                Arbitraries.doubles().between(-2, 2), Arbitraries.integers().between(-30, 20))
            .as(Math::scalb);
    return Arbitraries.oneOf(bits, usual);
  }

  private static int mask(NumericFormat format) {
    return (int) ((1L << format.width()) - 1);
  }

  private static int finite(NumericFormat format, int bits) {
    int code = bits & mask(format);
    Assume.that(!format.isNan(code) && !format.isInfinite(code));
    return code;
  }

  /** The only codes that no number becomes: second codes of a value, and the least of mxint8. */
  private static boolean isSpare(NumericFormat format, int code) {
    return (format.equals(Formats.FP4_BNB) && code == 8)
        || (format.equals(Formats.MXINT8) && code == 0x80);
  }

  @Property
  void encodingUndoesDecoding(@ForAll("formats") NumericFormat format, @ForAll int bits) {
    int code = finite(format, bits);
    double value = format.decodeDouble(code);
    Assume.that(Double.isFinite(value) && !isSpare(format, code));
    Assume.that(value != 0 || format.decodeDouble(format.nextUp(code)) != 0); // LNS underflow
    assertEquals(code, format.encode(value, format.defaultProjection()));
  }

  @Property
  void roundingIsIdempotentAndMonotone(
      @ForAll("formats") NumericFormat format,
      @ForAll("numbers") double x,
      @ForAll("numbers") double y,
      @ForAll("roundings") Rounding rounding) {
    Assume.that(x != 0 && y != 0);
    Projection projection = new Projection(rounding, CLAMPING);
    double low = format.decodeDouble(format.encode(Math.min(x, y), projection));
    double high = format.decodeDouble(format.encode(Math.max(x, y), projection));
    assertTrue(low <= high || Double.isNaN(low));
    if (!(format instanceof LogFormat)) { // whose values are not doubles
      assertEquals(low, format.decodeDouble(format.encode(low, projection)));
    }
  }

  /**
   * P3109's SatFinite yields neither infinity nor NaN from a number; SatPropagate keeps infinity.
   */
  @Property
  void finiteSaturationStaysFinite(
      @ForAll("floats") NumericFormat format,
      @ForAll("numbers") double x,
      @ForAll("roundings") Rounding rounding) {
    for (double number : new double[] {x, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}) {
      int code = format.encode(number, new Projection(rounding, Saturation.P3109_FINITE));
      assertTrue(!format.isNan(code) && !format.isInfinite(code));
    }
    Projection propagate = new Projection(rounding, Saturation.P3109_PROPAGATE);
    int infinity = format.encode(Double.POSITIVE_INFINITY, propagate);
    assertEquals(((FloatFormat) format).infinities(), format.isInfinite(infinity));
    assertTrue(!format.isInfinite(format.encode(x, propagate)));
  }

  /** Of which neighbouring binades look alike: of powers of two alone, every second one is odd. */
  @Provide
  Arbitrary<NumericFormat> periodicFormats() {
    return formats()
        .filter(f ->
            (f instanceof FloatFormat g && g.precision() > 1)
                || (f instanceof LogFormat h && h.gamma() > 1));
  }

  /** Scaling by a power of two and rounding commute where neither end of the range is near. */
  @Property
  void roundingIsEquivariantUnderPowersOfTwo(
      @ForAll("periodicFormats") NumericFormat format,
      @ForAll @DoubleRange(min = 1, max = 2, maxIncluded = false) double significand,
      @ForAll @IntRange(min = 0) int from,
      @ForAll @IntRange(min = 0) int to,
      @ForAll boolean negative,
      @ForAll("roundings") Rounding rounding) {
    Limits limits = format.limits();
    int low = Math.getExponent(Math.max(2 * limits.minNormal(), 0x1p-1000)) + 1;
    int high = Math.getExponent(Math.min(limits.maxFinite() / 2, 0x1p1000)) - 1;
    Assume.that(low <= high); // else there is no number far from both ends
    int exponent = low + from % (high - low + 1);
    int shift = low + to % (high - low + 1) - exponent;
    double x = Math.scalb(negative ? -significand : significand, exponent);
    Projection projection = new Projection(rounding, CLAMPING);
    assertEquals(
        Math.scalb(format.decodeDouble(format.encode(x, projection)), shift),
        format.decodeDouble(format.encode(Math.scalb(x, shift), projection)));
  }

  @Property
  void nextUpAndNextDownUndoEachOther(@ForAll("formats") NumericFormat format, @ForAll int bits) {
    int code = finite(format, bits);
    Assume.that(!isSpare(format, code) && !isSpare(format, format.nextUp(code)));
    int up = format.nextUp(code);
    if (Order.rank(format, up) != Order.rank(format, code)) {
      assertEquals(Order.rank(format, code), Order.rank(format, format.nextDown(up)));
      assertTrue(format.decodeDouble(code) <= format.decodeDouble(up));
      assertEquals(Order.rank(format, code) + 1, Order.rank(format, up));
    }
  }

  @Property
  void printedNumbersParseToTheirCodes(@ForAll("formats") NumericFormat format, @ForAll int bits) {
    int code = bits & mask(format);
    for (String text : List.of(Text.exact(format, code), Text.shortest(format, code))) {
      assertEquals(code, Text.parse(format, text, format.defaultProjection()), text);
    }
  }

  @Property
  void sumsAndProductsCommute(
      @ForAll("formats") NumericFormat format,
      @ForAll int x,
      @ForAll int y,
      @ForAll("roundings") Rounding rounding) {
    int a = x & mask(format);
    int b = y & mask(format);
    Arithmetic arithmetic = Arithmetic.of(format, new Projection(rounding, CLAMPING));
    assertSame(format, arithmetic.add(a, b), arithmetic.add(b, a));
    assertSame(format, arithmetic.multiply(a, b), arithmetic.multiply(b, a));
    assertSame(format, arithmetic.fma(a, b, a), arithmetic.fma(b, a, a));
  }

  private static void assertSame(NumericFormat format, int expected, int actual) {
    assertTrue(expected == actual || (format.isNan(expected) && format.isNan(actual)));
  }

  @Property
  void zeroAndOneAreNeutral(
      @ForAll("formats") NumericFormat format,
      @ForAll int bits,
      @ForAll("roundings") Rounding rounding) {
    int a = finite(format, bits);
    Assume.that(!isSpare(format, a));
    Arithmetic arithmetic = Arithmetic.of(format, new Projection(rounding, CLAMPING));
    int zero = format.encode(0.0, format.defaultProjection());
    int one = format.encode(1.0, format.defaultProjection());
    if (format.decodeDouble(zero) == 0) {
      assertEquals(Order.rank(format, a), Order.rank(format, arithmetic.add(a, zero)));
    }
    if (format.decodeDouble(one) == 1) {
      assertEquals(a, arithmetic.multiply(a, one));
      assertEquals(Order.rank(format, a), Order.rank(format, arithmetic.divide(a, one)));
      if (format.decodeDouble(zero) == 0) {
        assertEquals(Order.rank(format, a), Order.rank(format, arithmetic.fma(one, a, zero)));
      }
    }
  }

  /** Sterbenz: of two numbers within a factor of two the difference is a number of the format. */
  @Property
  void nearDifferencesAreExact(
      @ForAll("floats") NumericFormat format,
      @ForAll int x,
      @ForAll @IntRange(min = -200, max = 200) int distance,
      @ForAll("roundings") Rounding rounding) {
    FloatFormat layout = (FloatFormat) format;
    Assume.that(layout.subnormals());
    int a = finite(format, x);
    int b = a;
    int steps = distance % (1 << (layout.precision() - 1)); // less than to twice or to half
    for (int i = 0; i < Math.abs(steps); i++) {
      b = steps > 0 ? format.nextUp(b) : format.nextDown(b);
    }
    double u = format.decodeDouble(a);
    double v = format.decodeDouble(b);
    Assume.that(Double.isFinite(v) && v / 2 <= u && u <= 2 * v);
    Arithmetic arithmetic = Arithmetic.of(format, new Projection(rounding, CLAMPING));
    assertEquals(u - v + 0.0, format.decodeDouble(arithmetic.subtract(a, b)) + 0.0);
  }

  @Property
  void fusedOperationsWithNeutralOperandsAreThePlainOnes(
      @ForAll("floats") NumericFormat format,
      @ForAll int x,
      @ForAll int y,
      @ForAll("roundings") Rounding rounding) {
    int a = finite(format, x);
    int b = finite(format, y);
    Arithmetic arithmetic = Arithmetic.of(format, new Projection(rounding, CLAMPING));
    int zero = format.encode(0.0, format.defaultProjection());
    int one = format.encode(1.0, format.defaultProjection());
    Assume.that(format.decodeDouble(one) == 1);
    double product = format.decodeDouble(arithmetic.multiply(a, b));
    assertEquals(product + 0.0, format.decodeDouble(arithmetic.fma(a, b, zero)) + 0.0);
    assertEquals(arithmetic.add(a, b), arithmetic.fma(one, a, b));
    assertEquals(arithmetic.add(a, b), arithmetic.dot(new int[] {one, one}, new int[] {a, b}));
  }

  /** Multiplication of logarithms adds codes, and saturates at both ends. */
  @Example
  void logarithmicProductsAreSumsOfCodes() {
    LogFormat f = Formats.LNS8;
    for (Rounding rounding : SampleFormats.deterministic()) {
      Projection projection = new Projection(rounding, CLAMPING);
      Arithmetic arithmetic = Arithmetic.of(f, projection);
      for (int a = 1; a < 128; a++) {
        for (int b = 1; b < 128; b++) {
          int sum = a + b - f.bias();
          if (sum >= 1) {
            assertEquals(Math.min(127, sum), arithmetic.multiply(a, b));
            assertEquals(0x80 | Math.min(127, sum), arithmetic.multiply(0x80 | a, b));
          }
          int difference = a - b + f.bias();
          if (difference >= 1) {
            assertEquals(Math.min(127, difference), arithmetic.divide(a, b));
          }
        }
      }
    }
  }

  /** To nearest, the relative error of a logarithmic code is at most 2^(1/(2 gamma)) - 1. */
  @Property
  void logarithmicErrorsAreBounded(@ForAll("numbers") double x) {
    for (LogFormat f : List.of(Formats.LNS8, (LogFormat) Formats.parse("lns:b16g2048"))) {
      if (Math.abs(x) >= f.minPositive() && Math.abs(x) <= f.maxFinite()) {
        double rounded = f.decodeDouble(f.encode(x, f.defaultProjection()));
        double bound = Math.pow(2, 0.5 / f.gamma()) - 1;
        assertTrue(Math.abs(rounded - x) <= Math.abs(x) * bound * (1 + 1e-12));
      }
    }
  }

  @Property
  void negatingAPositNegatesItsCode(@ForAll("numbers") double x, @ForAll int bits) {
    for (PositFormat f : List.of(Formats.POSIT8, Formats.POSIT16, Formats.POSIT32)) {
      int code = bits & mask(f);
      if (!f.isNan(code)) {
        assertEquals(-f.decodeDouble(code) + 0.0, f.decodeDouble(-code & mask(f)));
      }
      int rounded = f.encode(x, f.defaultProjection());
      if (x != 0) {
        assertTrue(rounded != 0 && !f.isNan(rounded));
        assertEquals(-rounded & mask(f), f.encode(-x, f.defaultProjection()));
      }
    }
  }
}
