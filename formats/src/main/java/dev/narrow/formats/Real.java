package dev.narrow.formats;

import java.math.BigInteger;

/**
 * A real number other than zero, as closely known as anybody asks.
 *
 * <p>Numbers of 2^(2^20) and more that are not dyadic are reported as 2^(2^20), inexact, and those
 * below 2^-(2^20) as 2^-(2^20), inexact: a format whose exponents lie within 2^17 of zero rounds
 * them as it would have rounded the number itself, in every mode.
 */
sealed interface Real permits Dyadic, Power, Refined {

  /** e^x and 2^x lie beyond what is reported for |x| of 2^20 and more. */
  int LOG_MAX_EXPONENT = 20;

  /** The largest exponent of a {@link Truncation} that is not exact. */
  int MAX_EXPONENT = 1 << LOG_MAX_EXPONENT;

  boolean negative();

  /**
   * The magnitude, cut off after so many significant bits.
   *
   * @param bits at least 2
   */
  Truncation truncate(int bits);

  /** floor(log2 |x|). */
  default int floorLog2() {
    return truncate(2).exponent();
  }

  /**
   * A magnitude in [significand, significand + 1) * 2^(exponent - bits + 1).
   *
   * @param significand of exactly so many bits as were asked for
   * @param exponent floor(log2 |x|)
   * @param exact whether the magnitude is the lower end
   */
  record Truncation(BigInteger significand, int exponent, boolean exact) {}
}
