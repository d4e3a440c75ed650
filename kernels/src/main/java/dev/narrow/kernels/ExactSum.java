package dev.narrow.kernels;

import java.util.Arrays;

/**
 * {@link Accumulator.Exact} in wide fixed point (Kulisch, Computer Arithmetic and Validity, 2013,
 * section 8).
 *
 * <p>Products of float32 numbers are multiples of 2^-298 below 2^256 with significands of 48 bits.
 * The sum is an integer in units of 2^-298, in digits to the base 2^32 of which each lies in a long
 * of its own. A term changes three digits by less than 2^32 and carries nothing, so that the longs
 * hold 2^31 terms.
 */
final class ExactSum implements RunningSum {
  private static final int UNIT = -298;
  private static final int DIGIT = 32;

  /**
   * 256 + 298 bits, 31 more for the number of terms, one for the sign, and room for a third digit.
   */
  private static final int DIGITS = 20;

  private static final long MASK = 0xffff_ffffL;

  private final long[] digits = new long[DIGITS];

  /** The sum of the terms that are not finite: an infinity, or NaN. */
  private double special;

  @Override
  public void clear() {
    Arrays.fill(digits, 0);
    special = 0;
  }

  @Override
  public void add(float a, float b) {
    double product = (double) a * b; // exact
    if (!Double.isFinite(product)) {
      special += product;
      return;
    }
    if (product == 0) {
      return;
    }
    // a normal number: at least 2^-298
    long bits = Double.doubleToRawLongBits(product);
    long significand = (bits & 0xf_ffff_ffff_ffffL) | 1L << 52;
    int place = Math.getExponent(product) - 52 - UNIT;
    if (place < 0) { // the low bits, below the unit, are zeros
      significand >>>= -place;
      place = 0;
    }
    int digit = place / DIGIT;
    int shift = place % DIGIT;
    long low = (significand & MASK) << shift;
    long high = (significand >>> DIGIT) << shift; // below 2^53
    long sign = bits >> 63; // -1 or 0
    digits[digit] += ((low & MASK) ^ sign) - sign;
    long middle = (low >>> DIGIT) + (high & MASK);
    digits[digit + 1] += ((middle & MASK) ^ sign) - sign;
    digits[digit + 2] += (((high >>> DIGIT) + (middle >>> DIGIT)) ^ sign) - sign;
  }

  @Override
  public float result() {
    if (special != 0) {
      return (float) special;
    }
    long carry = 0;
    for (int i = 0; i < DIGITS; i++) {
      long digit = digits[i] + carry;
      digits[i] = digit & MASK;
      carry = digit >> DIGIT;
    }
    boolean negative = carry < 0;
    if (negative) {
      negate();
    }
    int top = DIGITS - 1;
    while (top >= 0 && digits[top] == 0) {
      top--;
    }
    if (top < 0) {
      return 0f;
    }
    // 63 bits from the highest one on, the last of them odd if any further one is set: more than
    // the 53 + 2 after which rounding again, in the cast, is innocuous (Boldo and Melquiond, 2005)
    int highest = top * DIGIT + 63 - Long.numberOfLeadingZeros(digits[top]);
    int lowest = highest - 62;
    long significand = 0;
    boolean sticky = false;
    for (int i = 0; i <= top; i++) {
      int shift = i * DIGIT - lowest;
      if (shift <= -DIGIT) {
        sticky |= digits[i] != 0;
      } else if (shift < 0) {
        sticky |= (digits[i] & ((1L << -shift) - 1)) != 0;
        significand |= digits[i] >>> -shift;
      } else {
        significand |= digits[i] << shift;
      }
    }
    return round(negative, significand | (sticky ? 1 : 0), lowest + UNIT);
  }

  private void negate() {
    long carry = 1;
    for (int i = 0; i < DIGITS; i++) {
      long digit = (digits[i] ^ MASK) + carry;
      digits[i] = digit & MASK;
      carry = digit >>> DIGIT;
    }
  }

  /** ±significand 2^exponent as float32: 63 bits, cut to 53 and to odd, are a double. */
  private static float round(boolean negative, long significand, int exponent) {
    long odd = significand >>> 10 | ((significand & 0x3ff) != 0 ? 1 : 0);
    double value = Math.scalb((double) odd, exponent + 10); // exact: 2^-298 to 2^287
    return (float) (negative ? -value : value);
  }
}
