package dev.narrow.formats;

/**
 * A number that is not dyadic, enclosed more and more tightly until the enclosure decides. This
 * ends because such a number has a distance from every dyadic one.
 *
 * @param negative the sign
 * @param magnitude enclosures of the magnitude
 */
record Refined(boolean negative, Enclosing magnitude) implements Real {

  /** What is tried first beyond the bits asked for: fails once in 2^25 or so. */
  private static final int GUARD = 32;

  private static final int LEAST_BITS = 32;

  /** Encloses a positive number in intervals whose widths go to zero. */
  @FunctionalInterface
  interface Enclosing {
    /** An interval of about so many significant bits, at least 64. */
    Interval enclose(int bits);
  }

  @Override
  public Truncation truncate(int bits) {
    if (bits < 2) {
      throw new IllegalArgumentException("bits = " + bits + ", expected at least 2");
    }
    int precision = Math.max(bits, LEAST_BITS) + GUARD;
    Truncation truncation = magnitude.enclose(precision).truncate(bits);
    while (truncation == null) {
      precision = Math.multiplyExact(precision, 2);
      truncation = magnitude.enclose(precision).truncate(bits);
    }
    return truncation;
  }
}
