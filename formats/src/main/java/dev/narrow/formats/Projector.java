package dev.narrow.formats;

import java.math.BigInteger;

/**
 * The code that a real number becomes in a format: rounded once, however the number is given.
 *
 * @param format of the result
 * @param projection rounding and saturation
 * @param randomWord as in {@link NumericFormat#encode(double, Projection, int)}
 */
record Projector(NumericFormat format, Projection projection, int randomWord) {

  int nan() {
    return encode(Double.NaN);
  }

  int infinity(boolean negative) {
    return encode(negative ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY);
  }

  int zero(boolean negative) {
    return encode(negative ? -0.0 : 0.0);
  }

  private int encode(double x) {
    return format.encode(x, projection, randomWord);
  }

  /**
   * The code of a number with the magnitude significand * 2^(exponent - 63) or, if sticky, between
   * that and the next significand's. No format but the logarithmic has a border between two
   * roundings strictly between them: of 24 bits and 32 random ones and one for the half, 57 are
   * significant.
   *
   * @param significand with its top bit set, unsigned
   */
  int round(boolean negative, long significand, int exponent, boolean sticky) {
    return switch (format) {
      case FloatFormat f ->
          f.round(negative, significand, exponent, sticky, projection, randomWord);
      case PositFormat f ->
          f.round(negative, significand, exponent, sticky, projection, randomWord);
      case FixedFormat f ->
          f.round(negative, significand, exponent, sticky, projection, randomWord);
      case TableFormat f ->
          f.round(negative, significand, exponent, sticky, projection, randomWord);
      case LogFormat f -> {
        if (sticky) {
          throw new IllegalArgumentException("sticky = true, expected false for " + f);
        }
        BigInteger integer = new BigInteger(Long.toUnsignedString(significand));
        yield f.round(new Dyadic(negative, integer, exponent - 63), projection, randomWord);
      }
    };
  }

  /** The code of a number. */
  int round(Real x) {
    if (format instanceof LogFormat f) {
      return f.round(x, projection, randomWord);
    }
    Real.Truncation t = x.truncate(64);
    return round(x.negative(), t.significand().longValue(), t.exponent(), !t.exact());
  }

  /** The code of the number +-2^(numerator / 2^logDenominator). */
  int round(boolean negative, long numerator, int logDenominator) {
    return format instanceof LogFormat f
        ? f.round(negative, numerator, logDenominator, projection, randomWord)
        : round(Power.of(negative, numerator, logDenominator));
  }

  /**
   * The code of a number strictly between two others, if these decide it: rounding is monotone.
   *
   * @return the code, or -1 if the number must be known better
   */
  long round(Enclosure enclosure) {
    double low = enclosure.low();
    double high = enclosure.high();
    boolean usual =
        Math.abs(low) >= Double.MIN_NORMAL
            && Math.abs(high) >= Double.MIN_NORMAL
            && low > 0 == high > 0
            && Double.isFinite(low)
            && Double.isFinite(high);
    if (!usual) {
      return -1;
    }
    int code = encode(low);
    return code == encode(high) ? Integer.toUnsignedLong(code) : -1;
  }
}
