package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.FloatRange;
import net.jqwik.api.constraints.IntRange;

/** The laws that hold for every format and every number. */
class EncodingPropertiesTest {
  private static final Saturation CLAMPING = Saturation.OCP_SAT;

  @Provide
  Arbitrary<NumericFormat> formats() {
    return Arbitraries.of(SampleFormats.all());
  }

  @Provide
  Arbitrary<NumericFormat> signedFormats() {
    return formats().filter(f -> !(f instanceof FloatFormat g) || g.signed());
  }

  @Provide
  Arbitrary<Rounding> roundings() {
    return Arbitraries.of(SampleFormats.deterministic());
  }

  /** Finite: of all magnitudes, of those that formats hold, and at and beside their values. */
  @Provide
  Arbitrary<Double> numbers() {
    Arbitrary<Double> bits =
        Arbitraries.longs().map(Double::longBitsToDouble).filter(Double::isFinite);
    Arbitrary<Double> usual =
        Combinators.combine(
                Arbitraries.doubles().between(-2, 2), Arbitraries.integers().between(-30, 20))
            .as(Math::scalb);
    Arbitrary<Double> near =
        Combinators.combine(
                formats(), Arbitraries.integers(), Arbitraries.integers().between(-2, 2))
            .as((f, code, ulps) -> f.decodeDouble(code) * (1 + ulps * 0x1p-52))
            .filter(Double::isFinite);
    return Arbitraries.oneOf(bits, usual, near);
  }

  private static double round(NumericFormat format, double x, Rounding rounding) {
    return format.decodeDouble(format.encode(x, new Projection(rounding, CLAMPING)));
  }

  @Example
  void everyFiniteCodeIsTheCodeOfItsValue() {
    for (NumericFormat format : SampleFormats.all()) {
      for (int code = 0; code < 1 << format.width(); code++) {
        if (!format.isNan(code) && !format.isInfinite(code)) {
          Projection projection = format.defaultProjection();
          assertEquals(code, format.encode(format.decodeDouble(code), projection), format.name());
          assertEquals(code, format.encode(format.decode(code), projection), format.name());
        }
      }
    }
  }

  @Property
  void floatsAreTheirOwnCodes(@ForAll float x, @ForAll("roundings") Rounding rounding) {
    Projection projection = new Projection(rounding, Saturation.IEEE);
    assertEquals(Float.floatToRawIntBits(x), Formats.FP32.encode(x, projection));
    assertEquals(x, Formats.FP32.decode(Float.floatToRawIntBits(x)));
  }

  @Property
  void doublesBecomeFloatsAsTheJdkHasIt(@ForAll("numbers") double x) {
    assertEquals(
        Float.floatToRawIntBits((float) x),
        Formats.FP32.encode(x, Formats.FP32.defaultProjection()));
  }

  @Property
  void roundingTwiceIsRoundingOnce(
      @ForAll("formats") NumericFormat format,
      @ForAll("numbers") double x,
      @ForAll("roundings") Rounding rounding) {
    // a decoded LNS value lies beside the true one, where directed rounding would move it on
    Rounding second = format instanceof LogFormat ? Rounding.NEAREST_EVEN : rounding;
    double once = round(format, x, rounding);
    assertEquals(once, round(format, once, second));
  }

  @Property
  void roundingIsMonotone(
      @ForAll("signedFormats") NumericFormat format,
      @ForAll("numbers") double x,
      @ForAll("numbers") double y,
      @ForAll("roundings") Rounding rounding) {
    // zero becomes the positive smallest magnitude, or NaN, where there is no zero
    Assume.that(x != 0 && y != 0);
    double low = round(format, Math.min(x, y), rounding);
    assertTrue(low <= round(format, Math.max(x, y), rounding));
  }

  @Property
  void roundingIsOdd(
      @ForAll("signedFormats") NumericFormat format,
      @ForAll("numbers") double x,
      @ForAll("roundings") Rounding rounding) {
    Assume.that(x != 0);
    Rounding mirrored =
        switch (rounding.mode()) {
          case TOWARD_POSITIVE -> Rounding.TOWARD_NEGATIVE;
          case TOWARD_NEGATIVE -> Rounding.TOWARD_POSITIVE;
          default -> rounding;
        };
    assertEquals(round(format, x, rounding) + 0.0, -round(format, -x, mirrored) + 0.0);
  }

  @Property
  void directedRoundingBrackets(
      @ForAll("signedFormats") NumericFormat format, @ForAll("numbers") double x) {
    Assume.that(Math.abs(x) <= format.limits().maxFinite());
    Assume.that(Math.abs(x) >= format.limits().minPositive() || format.decode(0) == 0);
    double below = round(format, x, Rounding.TOWARD_NEGATIVE);
    double above = round(format, x, Rounding.TOWARD_POSITIVE);
    double inner = round(format, x, Rounding.TOWARD_ZERO);
    assertTrue(below <= x && x <= above, below + " <= " + x + " <= " + above);
    assertTrue(Math.abs(inner) <= Math.abs(x));
    assertEquals((x > 0 ? below : above) + 0.0, inner + 0.0);
    for (Rounding rounding : SampleFormats.deterministic()) {
      double rounded = round(format, x, rounding);
      assertTrue(rounded == below || rounded == above);
    }
  }

  @Property
  void nearestIsNotFartherThanAnyNeighbour(
      @ForAll("signedFormats") NumericFormat format, @ForAll("numbers") double x) {
    Assume.that(Math.abs(x) <= format.limits().maxFinite());
    Assume.that(Math.abs(x) >= format.limits().minPositive() || format.decode(0) == 0);
    double error = Math.abs(round(format, x, Rounding.NEAREST_EVEN.linear()) - x);
    double slack = format instanceof LogFormat ? Math.ulp(x) : 0; // of decoding
    assertTrue(error <= Math.abs(round(format, x, Rounding.TOWARD_POSITIVE) - x) + slack);
    assertTrue(error <= Math.abs(round(format, x, Rounding.TOWARD_NEGATIVE) - x) + slack);
  }

  /** Boldo and Melquiond's theorem, with float32 between: 24 bits are two more than 22. */
  @Property
  void roundingToOddFirstChangesNothing(
      @ForAll("formats") NumericFormat format,
      @ForAll("numbers") double x,
      @ForAll("roundings") Rounding rounding) {
    // beyond the floats there is an overflow already on the way
    Assume.that(format instanceof FloatFormat && Math.abs(x) <= Float.MAX_VALUE);
    Projection odd = new Projection(Rounding.TO_ODD, Saturation.IEEE);
    Projection projection = format.defaultProjection().with(rounding);
    float between = Float.intBitsToFloat(Formats.FP32.encode(x, odd));
    assertEquals(format.encode(x, projection), format.encode(between, projection));
  }

  @Property
  void inexactToOddIsOdd(
      @ForAll("formats") NumericFormat format, @ForAll("numbers") double number) {
    double x = Math.abs(number);
    Assume.that(x <= format.limits().maxFinite() && x > format.limits().minPositive());
    int code = format.encode(x, new Projection(Rounding.TO_ODD, CLAMPING));
    boolean odd = (code & 1) != 0;
    assertTrue(
        odd || format.decodeDouble(code) == x || round(format, x, Rounding.TOWARD_ZERO) == x);
  }

  @Property
  void stochasticRoundingPicksANeighbourAndLeavesExactNumbers(
      @ForAll("signedFormats") NumericFormat format,
      @ForAll("numbers") double x,
      @ForAll int word,
      @ForAll @IntRange(min = 1, max = 32) int n,
      @ForAll boolean linear) {
    Assume.that(Math.abs(x) <= format.limits().maxFinite() && x != 0);
    Rounding rounding = linear ? Rounding.stochastic(n).linear() : Rounding.stochastic(n);
    Projection projection = new Projection(rounding, CLAMPING);
    double rounded = format.decodeDouble(format.encode(x, projection, word));
    double below = round(format, x, Rounding.TOWARD_NEGATIVE);
    double above = round(format, x, Rounding.TOWARD_POSITIVE);
    assertTrue(rounded == below || rounded == above);
  }

  @Property
  void aFloatAndItsDoubleAreOneNumber(
      @ForAll("formats") NumericFormat format,
      @ForAll float x,
      @ForAll("roundings") Rounding rounding) {
    Projection projection = new Projection(rounding, Saturation.IEEE);
    assertEquals(format.encode((double) x, projection), format.encode(x, projection));
  }

  @Property
  void bulkIsScalarAtEveryLengthAndOffset(
      @ForAll("formats") NumericFormat format,
      @ForAll List<@FloatRange(min = -600, max = 600) Float> list,
      @ForAll @IntRange(max = 9) int from,
      @ForAll @IntRange(max = 9) int to) {
    int n = list.size();
    float[] floats = new float[from + n + 3];
    short[] shorts = new short[to + n + 3];
    int[] ints = new int[to + n + 3];
    short[] expectedShorts = new short[to + n + 3];
    int[] expected = new int[to + n + 3];
    Projection projection = format.defaultProjection();
    for (int i = 0; i < n; i++) {
      floats[from + i] = list.get(i);
      expected[to + i] = format.encode(list.get(i), projection);
      expectedShorts[to + i] = (short) expected[to + i];
    }
    Codec codec = Codec.of(format, projection);
    codec.encode(floats, from, shorts, to, n);
    codec.encode(floats, from, ints, to, n);
    assertArrayEquals(expectedShorts, shorts);
    assertArrayEquals(expected, ints);
  }
}
