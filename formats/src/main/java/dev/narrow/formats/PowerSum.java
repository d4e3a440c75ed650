package dev.narrow.formats;

import java.math.BigInteger;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * An exact sum of terms c * 2^(n / g) with dyadic c and integer n, where g is a power of two. It is
 * kept in its one form, a coefficient for each fraction of the exponent: 1, 2^(1/g), ..., 2^((g -
 * 1)/g) are linearly independent over the rational numbers, since x^g - 2 is irreducible
 * (Eisenstein), so that the sum is zero only if every coefficient is.
 */
final class PowerSum implements Refined.Enclosing {
  private final int logDenominator;
  private final Map<Long, Dyadic> coefficients = new TreeMap<>();
  private boolean negative;

  /** Nothing yet, g being 2^logDenominator. */
  PowerSum(int logDenominator) {
    this.logDenominator = logDenominator;
  }

  /** Adds coefficient * 2^(numerator / g). */
  void add(Dyadic coefficient, long numerator) {
    int whole = Math.toIntExact(numerator >> logDenominator);
    long fraction = numerator & ((1L << logDenominator) - 1);
    coefficients.merge(fraction, coefficient.scaled(whole), PowerSum::sum);
  }

  private static @Nullable Dyadic sum(Dyadic x, Dyadic y) {
    int unit = Math.min(x.exponent(), y.exponent());
    BigInteger sum = scaled(x, unit).add(scaled(y, unit));
    return sum.signum() == 0 ? null : Dyadic.of(sum, unit);
  }

  private static BigInteger scaled(Dyadic x, int unit) {
    BigInteger magnitude = x.significand().shiftLeft(x.exponent() - unit);
    return x.negative() ? magnitude.negate() : magnitude;
  }

  /** What has been added up, if it is not zero; nothing may be added afterwards. */
  @Nullable Real value() {
    if (coefficients.isEmpty()) {
      return null;
    }
    if (coefficients.size() == 1) {
      Map.Entry<Long, Dyadic> term = coefficients.entrySet().iterator().next();
      Dyadic coefficient = term.getValue();
      if (term.getKey() == 0) {
        return coefficient;
      }
      if (coefficient.isPowerOfTwo()) {
        long numerator = ((long) coefficient.exponent() << logDenominator) + term.getKey();
        return Power.of(coefficient.negative(), numerator, logDenominator);
      }
    }
    negative = isNegative();
    return new Refined(negative, this);
  }

  private boolean isNegative() {
    for (int bits = 64; ; bits *= 2) {
      Interval interval = encloseSigned(bits);
      if (interval.low().signum() == interval.high().signum()) {
        return interval.low().signum() < 0;
      }
    }
  }

  @Override
  public Interval enclose(int bits) {
    Interval interval = encloseSigned(bits);
    return negative
        ? new Interval(interval.high().negate(), interval.low().negate(), interval.exponent())
        : interval;
  }

  private Interval encloseSigned(int bits) {
    int precision = bits + 64;
    Pow2 powers = Pow2.of(precision);
    int unit = coefficients.values().stream().mapToInt(Dyadic::exponent).min().orElseThrow();
    BigInteger low = BigInteger.ZERO;
    BigInteger high = BigInteger.ZERO;
    int unitOfPowers = 0;
    for (Map.Entry<Long, Dyadic> term : coefficients.entrySet()) {
      Pow2.Interval power = powers.power(term.getKey(), logDenominator);
      BigInteger coefficient = scaled(term.getValue(), unit);
      boolean positive = coefficient.signum() > 0;
      low = low.add(coefficient.multiply(positive ? power.low() : power.high()));
      high = high.add(coefficient.multiply(positive ? power.high() : power.low()));
      unitOfPowers = -power.precision();
    }
    return new Interval(low, high, unit + unitOfPowers);
  }

  /** Compares |x| and |y|. Only sums of powers may be equal, as {@link Elementary} has it. */
  static int compareMagnitudes(Real x, Real y) {
    for (int bits = 64; ; bits *= 2) {
      Real.Truncation s = x.truncate(bits);
      Real.Truncation t = y.truncate(bits);
      int order =
          s.exponent() != t.exponent()
              ? Integer.compare(s.exponent(), t.exponent())
              : s.significand().compareTo(t.significand());
      if (order != 0 || s.exact() || t.exact()) {
        return order != 0 ? order : Boolean.compare(t.exact(), s.exact());
      }
      if (bits == 64 && haveEqualMagnitudes(x, y)) {
        return 0;
      }
    }
  }

  private static boolean haveEqualMagnitudes(Real x, Real y) {
    return switch (x) {
      case Dyadic dyadic -> dyadic.equals(y);
      case Power power -> y instanceof Power other && power.log2().equals(other.log2());
      case Refined refined ->
          refined.magnitude() instanceof PowerSum a
              && y instanceof Refined other
              && other.magnitude() instanceof PowerSum b
              && a.hasMagnitudeOf(b);
    };
  }

  private boolean hasMagnitudeOf(PowerSum other) {
    PowerSum difference = new PowerSum(Math.max(logDenominator, other.logDenominator));
    addTo(difference, negative);
    other.addTo(difference, !other.negative);
    return difference.coefficients.isEmpty();
  }

  /** Adds this to a sum with a g no less, or subtracts it. */
  private void addTo(PowerSum sum, boolean subtract) {
    int shift = sum.logDenominator - logDenominator;
    coefficients.forEach((fraction, c) -> sum.add(subtract ? c.negated() : c, fraction << shift));
  }
}
