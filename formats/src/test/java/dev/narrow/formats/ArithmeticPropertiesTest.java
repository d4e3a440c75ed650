package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** The laws of arithmetic that rounding leaves, in every format. */
class ArithmeticPropertiesTest {
  @Provide
  Arbitrary<NumericFormat> formats() {
    return Arbitraries.of(Formats.all());
  }

  @Provide
  Arbitrary<Rounding> roundings() {
    return Arbitraries.of(SampleFormats.deterministic());
  }

  private static boolean isNumber(NumericFormat format, int... codes) {
    for (int code : codes) {
      if (format.isNan(code) || format.isInfinite(code)) {
        return false;
      }
    }
    return true;
  }

  private static Arithmetic arithmetic(NumericFormat format, Rounding rounding) {
    return Arithmetic.of(format, format.defaultProjection().with(rounding));
  }

  @Property
  void sumsAndProductsCommute(
      @ForAll("formats") NumericFormat format,
      @ForAll("roundings") Rounding rounding,
      @ForAll int a,
      @ForAll int b,
      @ForAll int c) {
    Arithmetic m = arithmetic(format, rounding);
    assertEquals(m.add(a, b), m.add(b, a));
    assertEquals(m.multiply(a, b), m.multiply(b, a));
    assertEquals(m.fma(a, b, c), m.fma(b, a, c));
    assertEquals(m.faa(a, b, c), m.faa(c, a, b));
    assertEquals(
        m.dot(new int[] {a, b}, new int[] {b, c}), m.dot(new int[] {c, a}, new int[] {b, b}));
  }

  /** One of the operands being 0 or 1, an fma is a product or a sum; so is a dot product. */
  @Property
  void fmaHoldsProductsAndSums(
      @ForAll("formats") NumericFormat format,
      @ForAll("roundings") Rounding rounding,
      @ForAll int a,
      @ForAll int b) {
    Arithmetic m = arithmetic(format, rounding);
    int one = format.encode(1.0, format.defaultProjection());
    Assume.that(format.decodeDouble(one) == 1);
    assertEquals(m.add(a, b), m.fma(one, a, b));
    assertEquals(m.add(a, b), m.dot(new int[] {a, one}, new int[] {one, b}));
    assertEquals(m.convert(a), m.multiply(a, one));
    assertEquals(m.convert(a), m.divide(a, one));
    assertEquals(m.multiply(a, b), m.dot(new int[] {a}, new int[] {b}));
  }

  /**
   * Sterbenz: of numbers within a factor of two the difference is exact, where there is underflow.
   */
  @Property
  void differencesOfNearNumbersAreExact(@ForAll int a, @ForAll int b) {
    for (FloatFormat format : List.of(Formats.FP16, Formats.BF16, Formats.FP32, Formats.E4M3FN)) {
      double x = format.decodeDouble(a);
      double y = format.decodeDouble(b);
      if (isNumber(format, a, b) && y / 2 <= x && x <= 2 * y) {
        int difference = arithmetic(format, Rounding.TOWARD_NEGATIVE).subtract(a, b);
        assertEquals(x - y + 0.0, format.decodeDouble(difference) + 0.0);
      }
    }
  }

  /** Wide formats, of which no two can be swept: exact sums in decimals, encoded by definition. */
  @Property
  void wideSumsAndProductsLieBetweenTheirNeighbours(@ForAll int a, @ForAll int b, @ForAll int c) {
    for (NumericFormat format : List.of(Formats.POSIT32, Formats.FP32, Formats.TF32)) {
      if (!isNumber(format, a, b, c)) {
        continue;
      }
      BigDecimal x = new BigDecimal(format.decodeDouble(a));
      BigDecimal exact =
          x.multiply(new BigDecimal(format.decodeDouble(b)))
              .add(new BigDecimal(format.decodeDouble(c)));
      boolean beyond =
          exact.signum() != 0
              && (exact.abs().compareTo(new BigDecimal(format.limits().minPositive())) < 0
                  || exact.abs().compareTo(new BigDecimal(format.limits().maxFinite())) > 0);
      if (format instanceof PositFormat && beyond) {
        continue; // posits saturate at both ends
      }
      int below = arithmetic(format, Rounding.TOWARD_NEGATIVE).fma(a, b, c);
      int above = arithmetic(format, Rounding.TOWARD_POSITIVE).fma(a, b, c);
      if (isNumber(format, below, above)) {
        int low = new BigDecimal(format.decodeDouble(below)).compareTo(exact);
        int high = new BigDecimal(format.decodeDouble(above)).compareTo(exact);
        boolean isValue = low == 0 && high == 0;
        boolean isBetween = low < 0 && high > 0 && format.nextUp(below) == above;
        assertTrue(isValue || isBetween, format.name() + " " + exact);
      }
    }
  }

  @Provide
  Arbitrary<NumericFormat> floatsWithSubnormals() {
    return formats()
        .filter(
            format -> format instanceof FloatFormat f && f.signed() && f.zero() && f.subnormals());
  }

  @Property
  void remaindersAreExactAndAtMostHalfTheDivisor(
      @ForAll("floatsWithSubnormals") NumericFormat format, @ForAll int a, @ForAll int b) {
    double x = format.decodeDouble(a);
    double y = format.decodeDouble(b);
    Assume.that(isNumber(format, a, b) && y != 0);
    double rest = format.decodeDouble(arithmetic(format, Rounding.NEAREST_EVEN).remainder(a, b));
    assertEquals(Math.IEEEremainder(x, y) + 0.0, rest + 0.0);
  }

  @Property
  void comparisonIsThatOfValues(
      @ForAll("formats") NumericFormat format, @ForAll int a, @ForAll int b) {
    double x = format.decodeDouble(a);
    double y = format.decodeDouble(b);
    Arithmetic.Comparison expected =
        x < y
            ? Arithmetic.Comparison.LESS
            : x > y
                ? Arithmetic.Comparison.GREATER
                : x == y ? Arithmetic.Comparison.EQUAL : Arithmetic.Comparison.UNORDERED;
    Arithmetic m = arithmetic(format, Rounding.NEAREST_EVEN);
    assertEquals(expected, m.compare(a, b));
    if (expected != Arithmetic.Comparison.UNORDERED && !(format instanceof FixedFormat)) {
      assertEquals(Math.min(x, y) + 0.0, format.decodeDouble(m.minimum(a, b)) + 0.0);
      assertEquals(Math.max(x, y) + 0.0, format.decodeDouble(m.maximumNumber(a, b)) + 0.0);
    }
  }

  /** However many terms and however far apart, a dot product is rounded once. */
  @Property
  void aDotProductIsExact(@ForAll List<Integer> list) {
    FloatFormat format = Formats.BF16;
    Arithmetic m = Arithmetic.of(format, Formats.FP32, Formats.FP32.defaultProjection());
    int[] codes =
        list.stream().mapToInt(i -> i & 0xFFFF).filter(i -> isNumber(format, i)).toArray();
    int[] reversed = new int[codes.length];
    BigDecimal sum = BigDecimal.ZERO;
    for (int i = 0; i < codes.length; i++) {
      reversed[i] = codes[codes.length - 1 - i];
      BigDecimal x = new BigDecimal(format.decodeDouble(codes[i]));
      sum = sum.add(x.multiply(new BigDecimal(format.decodeDouble(reversed[i]))));
    }
    int dot = m.dot(codes, reversed);
    assertEquals(sum.floatValue() + 0.0f, Formats.FP32.decode(dot) + 0.0f);
  }
}
