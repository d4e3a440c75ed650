package dev.narrow.formats;

/**
 * Two doubles with a number strictly between them: enough to round most numbers to a narrow format,
 * where both ends round alike.
 *
 * <p>The functions enclose their values at x itself, a finite double other than zero; a number that
 * was rounded to x has another value. They rest on the errors that the JDK allows its own, in ulps
 * of the exact result: {@link Math#exp}, {@link Math#log} and {@link Math#pow} 1, {@link Math#tanh}
 * 2.5, division and {@link Math#sqrt} 1/2. An ulp of the exact result may be two of the calculated
 * one, where a power of two lies between them. An ulp of a normal number is at most 2^-52 of it and
 * more than 2^-53.
 *
 * @param low less than the number; negative infinity if need be
 * @param high greater than the number; infinity if need be
 */
record Enclosure(double low, double high) {

  /** e^x. */
  static Enclosure exp(double x) {
    return power(x, Math.exp(x));
  }

  /** 2^x. */
  static Enclosure exp2(double x) {
    return power(x, Math.pow(2, x));
  }

  private static Enclosure power(double x, double power) {
    Enclosure around = around(power, 2);
    return x > 0 ? around.above(1) : around.above(0).below(1);
  }

  /** The natural logarithm of a positive number. */
  static Enclosure log(double x) {
    return around(Math.log(x), 2);
  }

  /** The logarithm to the base 2 of a positive number. */
  static Enclosure log2(double x) {
    // 2^-52 for the logarithm, 2^-53 each for the constant and the division: below 4 ulps
    return around(Math.log(x) / LN2, 4);
  }

  private static final double LN2 = 0x1.62e42fefa39efp-1;

  /** The hyperbolic tangent, which lies between 0 and x as well as between -1 and 1. */
  static Enclosure tanh(double x) {
    Enclosure around = around(Math.tanh(x), 5);
    return x > 0 ? around.above(0).below(Math.min(x, 1)) : around.above(Math.max(x, -1)).below(0);
  }

  /** 1 / (1 + e^-x). */
  static Enclosure sigmoid(double x) {
    // u = e^-|x|: 2^-52 for it in the numerator, half that in the denominator (u <= 1), 2^-53 each
    // for the sum and the division: below 5 ulps; where u is subnormal it is all of the result
    double u = Math.exp(-Math.abs(x));
    return x > 0
        ? around(1 / (1 + u), 5).above(0.5).below(1)
        : around(u / (1 + u), 5).above(0).below(0.5);
  }

  /** 1 / x. */
  static Enclosure reciprocal(double x) {
    return around(1 / x, 1);
  }

  /** The square root of a positive number. */
  static Enclosure sqrt(double x) {
    return around(Math.sqrt(x), 1);
  }

  /** 1 / sqrt(x) of a positive number. */
  static Enclosure reciprocalSqrt(double x) {
    // 2^-53 each for the root and the division, and their product: below 3 ulps
    return around(1 / Math.sqrt(x), 3);
  }

  /**
   * The numbers within so many ulps of x, and somewhat more. Two ulps are added because a sum that
   * crosses a power of two is rounded by one.
   */
  private static Enclosure around(double x, int ulps) {
    double finite = Math.clamp(x, -Double.MAX_VALUE, Double.MAX_VALUE);
    double radius = (ulps + 2) * Math.ulp(finite);
    return new Enclosure(finite - radius, finite + radius);
  }

  private Enclosure above(double bound) {
    return new Enclosure(Math.max(low, bound), high);
  }

  private Enclosure below(double bound) {
    return new Enclosure(low, Math.min(high, bound));
  }
}
