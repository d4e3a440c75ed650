package dev.narrow.formats;

import java.math.BigInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Function;

/**
 * Powers 2^(a / 2^b) enclosed between fixed-point integers, as products of square roots of square
 * roots of 2.
 *
 * <p>A number is rounded only where both ends of its enclosure agree on the result, and otherwise
 * enclosed more tightly until they do; for irrational numbers this ends.
 */
final class Pow2 {
  private static final int FIRST_PRECISION = 192;
  private static final AtomicReferenceArray<Pow2> DOUBLED = new AtomicReferenceArray<>(24);
  private static final int MAX_LOG_DENOMINATOR = 50;

  private final int precision;
  private final Interval[] roots = new Interval[MAX_LOG_DENOMINATOR + 1];

  private Pow2(int precision) {
    this.precision = precision;
    BigInteger two = BigInteger.ONE.shiftLeft(precision + 1);
    roots[0] = new Interval(two, two, precision);
    for (int i = 1; i < roots.length; i++) {
      roots[i] = roots[i - 1].root();
    }
  }

  /** Powers with at least so many bits after the binary point. */
  static Pow2 of(int precision) {
    int doublings = 0;
    while (FIRST_PRECISION << doublings < precision) {
      doublings++;
    }
    Pow2 known = DOUBLED.get(doublings);
    if (known == null) {
      known = new Pow2(FIRST_PRECISION << doublings); // in a race both threads make the same
      DOUBLED.set(doublings, known);
    }
    return known;
  }

  /** 2^(numerator / 2^logDenominator), the exponent in [0, 2). */
  Interval power(long numerator, int logDenominator) {
    BigInteger one = BigInteger.ONE.shiftLeft(precision);
    Interval power = new Interval(one, one, precision);
    for (int i = 0; i <= logDenominator; i++) {
      if ((numerator >>> (logDenominator - i) & 1) != 0) {
        power = power.times(roots[i]);
      }
    }
    return power;
  }

  /** The number times 2^bits, rounded up to an integer. */
  static long ceiling(Function<Pow2, Interval> number, int bits) {
    return decided(number, (end, precision) -> end.negate().shiftRight(precision - bits).negate());
  }

  /** The number times 2^bits, rounded to the nearest integer; it must not lie halfway. */
  static long nearest(Function<Pow2, Interval> number, int bits) {
    return decided(
        number,
        (end, precision) -> end.shiftRight(precision - bits - 1).add(BigInteger.ONE).shiftRight(1));
  }

  private static long decided(Function<Pow2, Interval> number, Rule rule) {
    Pow2 powers = of(FIRST_PRECISION);
    while (true) {
      Interval interval = number.apply(powers);
      BigInteger below = rule.round(interval.low, powers.precision);
      if (below.equals(rule.round(interval.high, powers.precision))) {
        return below.longValueExact();
      }
      powers = of(2 * powers.precision);
    }
  }

  private interface Rule {
    BigInteger round(BigInteger end, int precision);
  }

  /**
   * A real number between {@code low} and {@code high}, both in units of 2^-precision.
   *
   * @param low not above the number
   * @param high not below the number
   * @param precision bits after the binary point
   */
  record Interval(BigInteger low, BigInteger high, int precision) {

    private Interval root() {
      BigInteger[] above = high.shiftLeft(precision).sqrtAndRemainder();
      return new Interval(
          low.shiftLeft(precision).sqrt(),
          above[1].signum() == 0 ? above[0] : above[0].add(BigInteger.ONE),
          precision);
    }

    private Interval times(Interval other) {
      return new Interval(
          low.multiply(other.low).shiftRight(precision),
          high.multiply(other.high).negate().shiftRight(precision).negate(),
          precision);
    }

    Interval times(long factor) {
      BigInteger f = BigInteger.valueOf(factor);
      return new Interval(low.multiply(f), high.multiply(f), precision);
    }

    Interval plus(Interval other) {
      return new Interval(low.add(other.low), high.add(other.high), precision);
    }
  }
}
