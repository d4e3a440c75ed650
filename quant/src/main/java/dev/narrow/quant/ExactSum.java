package dev.narrow.quant;

import java.io.Serializable;
import java.math.BigInteger;
import java.util.Arrays;

/**
 * A sum of finite doubles without rounding, so that neither order nor grouping matters: a
 * fixed-point number that holds every finite double (the small superaccumulator of R. M. Neal, Fast
 * exact summation using small and large superaccumulators, arXiv 1505.05571).
 */
final class ExactSum implements Serializable {
  private static final long serialVersionUID = 1;

  private static final int DIGIT_BITS = 32;
  private static final long DIGIT = (1L << DIGIT_BITS) - 1;

  /** Of the lowest bit: that of {@link Double#MIN_VALUE}. */
  private static final int LOWEST_EXPONENT = -1074;

  /** From 2^-1074 to 2^1024, and 2^63 times that. */
  private static final int DIGITS = 68;

  /** An addition changes a digit by less than 2^32, and all of them stay below 2^62. */
  private static final int ADDITIONS = 1 << 30;

  /** Digits of 32 bits, lowest first, with carries that are still to be propagated above them. */
  private final long[] digits;

  private int additions;

  ExactSum() {
    this(new long[DIGITS], 0);
  }

  private ExactSum(long[] digits, int additions) {
    this.digits = digits;
    this.additions = additions;
  }

  /**
   * Adds a number.
   *
   * @throws ArithmeticException if it is infinite or NaN
   */
  void add(double x) {
    long bits = Double.doubleToRawLongBits(x);
    int field = (int) (bits >>> 52) & 0x7FF;
    if (field == 0x7FF) {
      throw new ArithmeticException("x = " + x + ", expected a finite number");
    }
    if (additions == ADDITIONS) {
      propagate();
    }
    additions++;
    long significand = (bits & 0xF_FFFF_FFFF_FFFFL) | (field == 0 ? 0 : 1L << 52);
    int position = Math.max(field, 1) - 1;
    int digit = position / DIGIT_BITS;
    int shift = position % DIGIT_BITS;
    long sign = bits >> 63; // (m ^ -1) - -1 is -m
    long high = significand >>> (DIGIT_BITS - shift);
    digits[digit] += ((significand << shift & DIGIT) ^ sign) - sign;
    digits[digit + 1] += ((high & DIGIT) ^ sign) - sign;
    digits[digit + 2] += ((high >>> DIGIT_BITS) ^ sign) - sign;
  }

  /** The sum of both, in a new object. */
  ExactSum plus(ExactSum other) {
    ExactSum sum = copy();
    ExactSum term = other.copy();
    sum.propagate();
    term.propagate();
    for (int i = 0; i < DIGITS; i++) {
      sum.digits[i] += term.digits[i];
    }
    sum.propagate();
    return sum;
  }

  private ExactSum copy() {
    return new ExactSum(digits.clone(), additions);
  }

  /** Makes all digits but the highest, which has the sign, non-negative and below 2^32. */
  private void propagate() {
    for (int i = 0; i < DIGITS - 1; i++) {
      digits[i + 1] += digits[i] >> DIGIT_BITS;
      digits[i] &= DIGIT;
    }
    additions = 0;
  }

  /** The nearest double, ties to even; infinite beyond the largest. */
  double value() {
    BigInteger sum = BigInteger.ZERO;
    for (int i = DIGITS - 1; i >= 0; i--) {
      sum = sum.shiftLeft(DIGIT_BITS).add(BigInteger.valueOf(digits[i]));
    }
    BigInteger magnitude = sum.abs();
    int drop = Math.max(0, magnitude.bitLength() - Long.SIZE);
    BigInteger top = magnitude.shiftRight(drop);
    if (magnitude.getLowestSetBit() < drop) {
      top = top.setBit(0); // far below the half of an ulp: all that it changes is a tie
    }
    return sum.signum() * Math.scalb(top.doubleValue(), drop + LOWEST_EXPONENT);
  }

  /** Whether the sums are the same number. */
  @Override
  public boolean equals(Object other) {
    return other instanceof ExactSum that && Arrays.equals(canonical(), that.canonical());
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(canonical());
  }

  private long[] canonical() {
    ExactSum sum = copy();
    sum.propagate();
    return sum.digits;
  }

  @Override
  public String toString() {
    return Double.toString(value());
  }
}
