package dev.narrow.formats;

import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/**
 * A positive number strictly between low * 2^exponent and high * 2^exponent. A number that is not
 * dyadic is never equal to an end, so that an enclosure of it may always be taken to be open.
 */
record Interval(BigInteger low, BigInteger high, int exponent) {

  /** Greater than 1 by less than 2^(1 - bits). */
  static Interval aboveOne(int bits) {
    BigInteger one = BigInteger.ONE.shiftLeft(bits);
    return new Interval(one, one.add(BigInteger.TWO), -bits);
  }

  /** Less than 1 by less than 2^-bits. */
  static Interval belowOne(int bits) {
    BigInteger one = BigInteger.ONE.shiftLeft(bits);
    return new Interval(one.subtract(BigInteger.ONE), one, -bits);
  }

  /** What stands for numbers too large or too small for any format. */
  static Interval beyond(boolean large, int bits) {
    return aboveOne(bits).scaled(large ? Real.MAX_EXPONENT : -Real.MAX_EXPONENT - 2);
  }

  /** The interval times 2^shift. */
  Interval scaled(int shift) {
    return new Interval(low, high, exponent + shift);
  }

  /** The number cut off after so many bits, if all of the interval agrees. */
  Real.@Nullable Truncation truncate(int bits) {
    BigInteger last = high.subtract(BigInteger.ONE); // open: the number lies below high
    if (low.signum() <= 0) {
      return null;
    }
    int length = low.bitLength();
    if (exponent + length - 1 >= Real.MAX_EXPONENT) {
      return limit(bits, Real.MAX_EXPONENT);
    }
    if (exponent + last.bitLength() - 1 < -Real.MAX_EXPONENT) {
      return limit(bits, -Real.MAX_EXPONENT);
    }
    int excess = length - bits;
    if (excess < 0 || last.bitLength() != length) {
      return null;
    }
    BigInteger significand = low.shiftRight(excess);
    return significand.equals(last.shiftRight(excess))
        ? new Real.Truncation(significand, exponent + length - 1, false)
        : null;
  }

  private static Real.Truncation limit(int bits, int exponent) {
    return new Real.Truncation(BigInteger.ONE.shiftLeft(bits - 1), exponent, false);
  }
}
