package dev.narrow.formats;

import java.math.BigInteger;

/**
 * The number +-significand * 2^exponent.
 *
 * @param negative the sign
 * @param significand positive; made odd, so that equal numbers are equal records
 * @param exponent of the significand's unit
 */
record Dyadic(boolean negative, BigInteger significand, int exponent) implements Real {
  static final Dyadic ONE = new Dyadic(false, BigInteger.ONE, 0);

  Dyadic {
    if (significand.signum() <= 0) {
      throw new IllegalArgumentException(
          "significand = " + significand + ", expected a positive integer");
    }
    int zeros = significand.getLowestSetBit();
    significand = significand.shiftRight(zeros);
    exponent = Math.addExact(exponent, zeros);
  }

  /**
   * The number x.
   *
   * @throws IllegalArgumentException if x is zero, infinite or NaN
   */
  static Dyadic of(double x) {
    if (x == 0 || !Double.isFinite(x)) {
      throw new IllegalArgumentException("x = " + x + ", expected a finite number other than zero");
    }
    // getExponent of a subnormal is one less than that of its unit's binade
    int exponent = Math.max(Math.getExponent(x), Double.MIN_EXPONENT);
    long significand = Double.doubleToRawLongBits(x) & ((1L << 52) - 1);
    if (exponent == Math.getExponent(x)) {
      significand |= 1L << 52;
    }
    return of(x < 0 ? -significand : significand, exponent - 52);
  }

  /**
   * significand * 2^exponent.
   *
   * @throws IllegalArgumentException if the significand is zero
   */
  static Dyadic of(long significand, int exponent) {
    return of(BigInteger.valueOf(significand), exponent);
  }

  /**
   * significand * 2^exponent.
   *
   * @throws IllegalArgumentException if the significand is zero
   */
  static Dyadic of(BigInteger significand, int exponent) {
    return new Dyadic(significand.signum() < 0, significand.abs(), exponent);
  }

  boolean isInteger() {
    return exponent >= 0;
  }

  boolean isPowerOfTwo() {
    return significand.equals(BigInteger.ONE);
  }

  /** The number times 2^shift. */
  Dyadic scaled(int shift) {
    return new Dyadic(negative, significand, Math.addExact(exponent, shift));
  }

  Dyadic negated() {
    return new Dyadic(!negative, significand, exponent);
  }

  @Override
  public Truncation truncate(int bits) {
    int excess = significand.bitLength() - bits;
    return new Truncation(significand.shiftRight(excess), floorLog2(), excess <= 0);
  }

  @Override
  public int floorLog2() {
    return exponent + significand.bitLength() - 1;
  }
}
