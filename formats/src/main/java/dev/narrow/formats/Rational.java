package dev.narrow.formats;

import java.math.BigInteger;

/**
 * The number +-numerator / denominator where that is not dyadic.
 *
 * @param negative the sign
 * @param numerator positive
 * @param denominator positive, with an odd factor that the numerator does not have
 */
record Rational(boolean negative, BigInteger numerator, BigInteger denominator) implements Real {

  /** The quotient of two positive integers: a dyadic number if it is one. */
  static Real of(boolean negative, BigInteger numerator, BigInteger denominator) {
    BigInteger common = numerator.gcd(denominator);
    BigInteger top = numerator.divide(common);
    BigInteger bottom = denominator.divide(common);
    return bottom.bitCount() == 1
        ? new Dyadic(negative, top, -bottom.getLowestSetBit())
        : new Rational(negative, top, bottom);
  }

  @Override
  public Truncation truncate(int bits) {
    int exponent = floorLog2();
    int shift = bits - 1 - exponent;
    BigInteger quotient =
        numerator.shiftLeft(Math.max(0, shift)).divide(denominator.shiftLeft(Math.max(0, -shift)));
    return new Truncation(quotient, exponent, false);
  }

  @Override
  public int floorLog2() {
    int estimate = numerator.bitLength() - denominator.bitLength();
    BigInteger power = denominator.shiftLeft(Math.max(0, estimate));
    boolean below = numerator.shiftLeft(Math.max(0, -estimate)).compareTo(power) < 0;
    return below ? estimate - 1 : estimate;
  }
}
