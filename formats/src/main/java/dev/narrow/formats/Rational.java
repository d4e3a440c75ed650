package dev.narrow.formats;

import java.math.BigInteger;

/** Quotients of integers as real numbers. */
final class Rational {
  private Rational() {}

  /** +-numerator / denominator * 2^exponent, both positive: a dyadic number if it is one. */
  static Real of(boolean negative, BigInteger numerator, BigInteger denominator, int exponent) {
    int zeros = denominator.getLowestSetBit();
    BigInteger[] whole = numerator.divideAndRemainder(denominator.shiftRight(zeros));
    if (whole[1].signum() == 0) {
      return new Dyadic(negative, whole[0], exponent - zeros);
    }
    return new Refined(
        negative,
        bits -> {
          int scale = bits + 1 + Math.max(0, denominator.bitLength() - numerator.bitLength());
          BigInteger low = numerator.shiftLeft(scale).divide(denominator);
          return new Interval(low, low.add(BigInteger.ONE), exponent - scale);
        });
  }
}
