package dev.narrow.formats;

import java.math.BigInteger;

/**
 * The irrational number +-2^log2, of which logarithmic number systems are made.
 *
 * @param negative the sign
 * @param log2 not an integer
 */
record Power(boolean negative, Dyadic log2) implements Real {

  Power {
    if (log2.isInteger()) {
      throw new IllegalArgumentException("log2 = " + log2 + ", expected a number with a fraction");
    }
  }

  /** +-2^(numerator / 2^logDenominator): a dyadic number if the exponent is an integer. */
  static Real of(boolean negative, long numerator, int logDenominator) {
    return numerator == 0
        ? new Dyadic(negative, BigInteger.ONE, 0)
        : of(negative, Dyadic.of(numerator, -logDenominator));
  }

  /** +-2^log2: a dyadic number if the exponent is an integer. */
  static Real of(boolean negative, Dyadic log2) {
    if (!log2.isInteger()) {
      return new Power(negative, log2);
    }
    if (log2.floorLog2() >= LOG_MAX_EXPONENT) {
      return new Refined(negative, bits -> Interval.beyond(!log2.negative(), bits));
    }
    int exponent = log2.significand().intValueExact() << log2.exponent();
    return new Dyadic(negative, BigInteger.ONE, log2.negative() ? -exponent : exponent);
  }

  @Override
  public Truncation truncate(int bits) {
    return new Refined(negative, precision -> Elementary.encloseExp2(log2, precision))
        .truncate(bits);
  }

  @Override
  public int floorLog2() {
    if (log2.floorLog2() >= LOG_MAX_EXPONENT) {
      return log2.negative() ? -MAX_EXPONENT : MAX_EXPONENT;
    }
    int whole = log2.significand().shiftRight(-log2.exponent()).intValueExact();
    return log2.negative() ? ~whole : whole; // -whole - 1: log2 has a fraction
  }
}
