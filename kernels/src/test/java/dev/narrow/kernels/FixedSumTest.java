package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;

import dev.narrow.formats.Rounding;
import dev.narrow.kernels.Accumulator.Fixed;
import dev.narrow.kernels.Accumulator.Fixed.Overflow;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;

/** {@link Fixed} is integer arithmetic. */
@Tag("scalar")
@Tag("simd")
class FixedSumTest {

  @Provide
  Arbitrary<Rounding> roundings() {
    return Arbitraries.of(
        Rounding.NEAREST_EVEN,
        Rounding.NEAREST_AWAY,
        Rounding.TOWARD_ZERO,
        Rounding.TOWARD_POSITIVE,
        Rounding.TOWARD_NEGATIVE,
        Rounding.TO_ODD);
  }

  private static BigInteger round(BigDecimal x, Rounding rounding) {
    return switch (rounding.mode()) {
      case NEAREST_EVEN -> x.setScale(0, RoundingMode.HALF_EVEN).toBigIntegerExact();
      case NEAREST_AWAY -> x.setScale(0, RoundingMode.HALF_UP).toBigIntegerExact();
      case TOWARD_ZERO -> x.setScale(0, RoundingMode.DOWN).toBigIntegerExact();
      case TOWARD_POSITIVE -> x.setScale(0, RoundingMode.CEILING).toBigIntegerExact();
      case TOWARD_NEGATIVE -> x.setScale(0, RoundingMode.FLOOR).toBigIntegerExact();
      case TO_ODD -> {
        BigInteger down = x.setScale(0, RoundingMode.DOWN).toBigIntegerExact();
        boolean exact = new BigDecimal(down).compareTo(x) == 0;
        yield exact || down.testBit(0) ? down : down.add(BigInteger.valueOf(x.signum()));
      }
      case STOCHASTIC, STOCHASTIC_A, STOCHASTIC_B -> throw new AssertionError(rounding);
    };
  }

  private static float oracle(Fixed fixed, float[] a, float[] b) {
    BigDecimal unit = BigDecimal.TWO.pow(Math.abs(fixed.fractionBits()));
    BigInteger modulus = BigInteger.TWO.pow(fixed.bits());
    BigInteger half = modulus.shiftRight(1);
    BigInteger sum = BigInteger.ZERO;
    for (int i = 0; i < a.length; i++) {
      BigDecimal product = new BigDecimal(a[i]).multiply(new BigDecimal(b[i]));
      BigDecimal units = fixed.fractionBits() < 0 ? product.divide(unit) : product.multiply(unit);
      sum = sum.add(round(units, fixed.rounding()));
      if (fixed.overflow() == Overflow.WRAP) {
        sum = sum.add(half).mod(modulus).subtract(half);
      } else {
        sum = sum.min(half.subtract(BigInteger.ONE)).max(half.negate());
      }
    }
    BigDecimal value = new BigDecimal(sum);
    value = fixed.fractionBits() < 0 ? value.multiply(unit) : value.divide(unit);
    return value.floatValue();
  }

  private static void assertFixed(Fixed fixed, float[] a, float[] b) {
    float expected = oracle(fixed, a, b);
    assertSameBits(expected, Terms.sum(fixed, a, b), fixed.name());
    assertSameBits(expected, Terms.defined(fixed, a, b), fixed.name());
  }

  /** Products from far below the unit to far beyond the range. */
  @Property(tries = 400)
  void aSumIsThatOfIntegers(
      @ForAll @IntRange(min = 2, max = 64) int bits,
      @ForAll @IntRange(min = -64, max = 126) int fractionBits,
      @ForAll("roundings") Rounding rounding,
      @ForAll Overflow overflow,
      @ForAll @IntRange(min = 0, max = 12) int k,
      @ForAll @IntRange(min = -4, max = 70) int size,
      @ForAll long seed) {
    Data data = new Data(seed);
    float[] a = data.uniform(k);
    float[] b = data.uniform(k);
    for (int i = 0; i < k; i++) {
      a[i] = Math.scalb(a[i], size / 2 - fractionBits / 2);
      b[i] = Math.scalb(b[i], size - size / 2 - (fractionBits - fractionBits / 2));
    }
    assertFixed(new Fixed(bits, fractionBits, rounding, overflow), a, b);
  }

  /** Quarters of a unit: ties, and sums that pass the ends of the range often. */
  @Property(tries = 300)
  void smallIntegersPassTheEndsOften(
      @ForAll @IntRange(min = 2, max = 8) int bits,
      @ForAll("roundings") Rounding rounding,
      @ForAll Overflow overflow,
      @ForAll @IntRange(min = 1, max = 40) int k,
      @ForAll long seed) {
    Data data = new Data(seed);
    float[] a = new float[k];
    float[] b = new float[k];
    for (int i = 0; i < k; i++) {
      a[i] = data.below(200) - 100;
      b[i] = 0.25f;
    }
    assertFixed(new Fixed(bits, 0, rounding, overflow), a, b);
  }

  @Example
  void whatIsNotFiniteMakesTheSumNan() {
    for (Overflow overflow : Overflow.values()) {
      Fixed fixed = new Fixed(16, 4, Rounding.NEAREST_EVEN, overflow);
      for (float x : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
        float[] a = {1f, x, 2f};
        assertSameBits(Float.NaN, Terms.sum(fixed, a, new float[] {1f, 1f, 1f}), "sum");
        assertSameBits(Float.NaN, Terms.sum(fixed, a, new float[] {1f, 0f, 1f}), "sum");
      }
    }
  }
}
