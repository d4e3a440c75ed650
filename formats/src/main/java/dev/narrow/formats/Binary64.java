package dev.narrow.formats;

/** The parts of a finite float64 other than zero: |x| = significand * 2^(exponent - 63). */
final class Binary64 {
  static final long INFINITY = 0x7FF0_0000_0000_0000L;
  private static final long HIDDEN = 1L << 52;

  private Binary64() {}

  /** With its top bit set, unsigned. */
  static long significand(double x) {
    long bits = Double.doubleToRawLongBits(x);
    long fraction = bits & (HIDDEN - 1);
    boolean subnormal = (bits & INFINITY) == 0;
    return subnormal ? fraction << Long.numberOfLeadingZeros(fraction) : (fraction | HIDDEN) << 11;
  }

  /** floor(log2 |x|). */
  static int exponent(double x) {
    long magnitude = Double.doubleToRawLongBits(x) & Long.MAX_VALUE;
    int exponent = (int) (magnitude >>> 52) - 1023;
    return exponent > -1023 ? exponent : -1011 - Long.numberOfLeadingZeros(magnitude);
  }
}
