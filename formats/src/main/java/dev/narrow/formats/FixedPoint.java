package dev.narrow.formats;

import java.math.BigInteger;

/**
 * Exponential and logarithm in integers that count units of 2^-precision. Everything is cut off
 * downwards, so that what is computed is a lower bound; how far below the number it may lie is
 * proved beside each function.
 */
final class FixedPoint {
  private static volatile Constant ln2 = new Constant(BigInteger.ZERO, 0);

  private FixedPoint() {}

  private record Constant(BigInteger units, int precision) {}

  /** The L for which ln 2 lies in [L, L + 1]. */
  static BigInteger ln2(int precision) {
    Constant known = ln2;
    if (known.precision < precision) {
      known = computeLn2(Math.max(256, 2 * precision));
      ln2 = known; // a race computes it twice, no more
    }
    // [L, L + 1] * 2^-n lies in [floor(L / 2^n), floor(L / 2^n) + 1]
    return known.units.shiftRight(known.precision - precision);
  }

  /** ln 2 = 2 atanh(1 / 3), with as many guard bits as it takes for both ends to agree. */
  private static Constant computeLn2(int precision) {
    for (int guard = 32; ; guard += 32) {
      Interval atanh = atanh(BigInteger.ONE, BigInteger.valueOf(3), precision + guard);
      BigInteger low = atanh.low().shiftRight(guard - 1);
      if (low.equals(atanh.high().shiftRight(guard - 1))) {
        return new Constant(low, precision);
      }
    }
  }

  /**
   * The E for which e^r lies in [E, E + 2].
   *
   * <p>e^r = (e^s)^(2^k) with s = r / 2^k < 2^-8, k >= 8. In units of 2^-q, q = precision + k +
   * guard, s is an integer. The Taylor terms are T_0 = 1, T_n = floor(T_(n-1) s / n) until T_N = 0.
   * With t_n the true terms, e_n = t_n - T_n < e_(n-1) 2^-8 / n + 1 < 1.01, so that t_N < 1.01 and
   * the terms after it sum to less than 0.01: the sum is less than 2 N too small, relatively too
   * (it is at least 1). Each squaring doubles the relative error d and cuts off less than a unit: 1
   * - d' >= (1 - d)^2 - 2^-q. After k of them d < 2^k (2 N + 1) 2^-q, and the error of e^r <= 2 is
   * less than (2 N + 1) 2^(1 - guard) units of 2^-precision. Since T_n < 2^(q - 8 n), N <= q / 8 +
   * 1 and 2 N + 1 <= q / 4 + 3, which 2^(guard - 1) exceeds for precision >= 64; that leaves one
   * unit for this and one for the final cut.
   *
   * @param r from 0 to ln 2
   * @param precision at least 64
   */
  static BigInteger exp(BigInteger r, int precision) {
    int halvings = Math.max(8, (int) Math.sqrt(precision));
    int guard = 32 - Integer.numberOfLeadingZeros(precision);
    int q = precision + halvings + guard;
    BigInteger s = r.shiftLeft(guard);
    BigInteger sum = BigInteger.ONE.shiftLeft(q).add(s);
    BigInteger term = s;
    for (int n = 2; term.signum() != 0; n++) {
      term = term.multiply(s).shiftRight(q).divide(BigInteger.valueOf(n));
      sum = sum.add(term);
    }
    for (int i = 0; i < halvings; i++) {
      sum = sum.multiply(sum).shiftRight(q);
    }
    return sum.shiftRight(halvings + guard);
  }

  /**
   * atanh(n / d) = z + z^3 / 3 + z^5 / 5 + ..., z = n / d <= 1 / 3.
   *
   * <p>The errors, in units: z less than 1; z^2 less than 2/3 + 1 < 1.67; each power less than that
   * of the one before / 9 + 1.67 / 3 + 1, so less than 1.76; each term from the third power on less
   * than 1.76 / 3 + 1 < 2. At the first power that is cut off to 0 the true one is below 1.76, and
   * with all that follow, divided by their orders, below 1. Together less than twice the number of
   * terms, that last one included.
   */
  static Interval atanh(BigInteger n, BigInteger d, int precision) {
    BigInteger power = n.shiftLeft(precision).divide(d);
    BigInteger square = power.multiply(power).shiftRight(precision);
    BigInteger sum = power;
    int order = 1;
    while (power.signum() != 0) {
      power = power.multiply(square).shiftRight(precision);
      order += 2;
      sum = sum.add(power.divide(BigInteger.valueOf(order)));
    }
    return new Interval(sum, sum.add(BigInteger.valueOf(order + 1L)), -precision);
  }
}
