package dev.narrow.repro.report;

/**
 * Student's t distribution with a whole number of degrees of freedom. Its tails are regularized
 * incomplete beta functions (DLMF 8.17): with x = df / (df + t^2), the upper tail is I_x(df/2, 1/2)
 * / 2 and the part between 0 and t is I_(1-x)(1/2, df/2) / 2.
 */
final class StudentT {
  private static final double SMALLEST_P = 1e-100; // keeps t^2 finite for one degree of freedom
  private static final int MOST_TERMS = 100_000; // a few dozen are enough

  private StudentT() {}

  /**
   * The t below which a share p of the distribution lies.
   *
   * @param p 1e-100 to 1 - 2^-53
   * @param df degrees of freedom, 1 or more
   */
  static double quantile(double p, int df) {
    if (!(p >= SMALLEST_P && p < 1)) {
      throw new IllegalArgumentException(
          "p = " + p + ", expected " + SMALLEST_P + " or more and less than 1");
    }
    checkDegrees(df);
    if (p > 0.5) {
      return -quantile(1 - p, df); // 1 - p is exact (Sterbenz)
    }
    // The density falls for t > 0, so Newton's steps from 0 never pass the root: they only rise,
    // and the first that does not is the end. Residuals are taken where they do not cancel.
    double t = 0;
    while (true) {
      double residual = p > 0.25 ? (0.5 - p) - centre(t, df) : upperTail(t, df) - p;
      double next = t + residual / density(t, df);
      if (!(next > t)) {
        return t == 0 ? 0 : -t;
      }
      t = next;
    }
  }

  /** The share of the distribution above t, for t >= 0. */
  static double upperTail(double t, int df) {
    checkDegrees(df);
    return inCentre(t, df) ? 0.5 - centre(t, df) : half(t, df, df / 2.0, 0.5, df, t * t);
  }

  /** The share of the distribution between 0 and t, for t >= 0. */
  static double centre(double t, int df) {
    checkDegrees(df);
    return inCentre(t, df) ? half(t, df, 0.5, df / 2.0, t * t, df) : 0.5 - upperTail(t, df);
  }

  /** I_x(a, b) / 2 with x = part / (part + rest), where x^a (1-x)^b / B(a, b) is t density(t). */
  private static double half(double t, int df, double a, double b, double part, double rest) {
    double x = part / (part + rest);
    double y = rest / (part + rest);
    return 0.5 * t * density(t, df) * fraction(a, b, x, y);
  }

  /** Where the continued fraction of the centre, not of the tail, converges fast. */
  private static boolean inCentre(double t, int df) {
    return t * t / (df + t * t) < 1.5 / (df / 2.0 + 2.5); // x < (a + 1) / (a + b + 2)
  }

  static double density(double t, int df) {
    return gammaRatio(df)
        / Math.sqrt(df * Math.PI)
        * StrictMath.exp(-(df + 1) / 2.0 * StrictMath.log1p(t * t / df));
  }

  /** Gamma((df + 1) / 2) / Gamma(df / 2). */
  private static double gammaRatio(int df) {
    if (df > 200) { // DLMF 5.11.13 with a = 1/2, b = 0; the first term left out is below 1e-16
      double u = 2.0 / df;
      double series = 869.0 / 4194304 + u * (39325.0 / 33554432);
      series = -399.0 / 262144 + u * series;
      series = -21.0 / 32768 + u * series;
      series = 5.0 / 1024 + u * series;
      series = 1.0 / 128 + u * series;
      series = -1.0 / 8 + u * series;
      return Math.sqrt(df / 2.0) * (1 + u * series);
    }
    double ratio = df % 2 == 1 ? 1 / Math.sqrt(Math.PI) : Math.sqrt(Math.PI) / 2;
    for (int n = df % 2 == 1 ? 1 : 2; n < df; n += 2) {
      ratio *= (n + 1.0) / n; // from Gamma(x + 1) = x Gamma(x)
    }
    return ratio;
  }

  /**
   * I_x(a, b) B(a, b) / (x^a y^b), y = 1 - x, by the continued fraction of Didonato and Morris (ACM
   * TOMS 18, 1992, equation 9), whose partial denominators do not cancel where x is near 1 as those
   * of DLMF 8.17.22 do; evaluated from the front (Lentz).
   */
  private static double fraction(double a, double b, double x, double y) {
    double lambda = x < y ? a - (a + b) * x : (a + b) * y - b; // one number, two roundings
    double c = a * (lambda + 1) / (a + 1);
    double d = 0;
    double denominator = c;
    for (int n = 1; n <= MOST_TERMS; n++) {
      double odd = a + 2 * n - 1;
      double alpha = (a + n - 1) / odd * ((a + b + n - 1) / odd) * n * (b - n) * x * x;
      double beta = n + n * (b - n) * x / odd + (a + n) * (lambda + 1 + n * (1 + y)) / (odd + 2);
      d = 1 / (beta + alpha * d);
      c = beta + alpha / c;
      double step = d * c;
      denominator *= step;
      if (!(Math.abs(step - 1) > 0x1p-51)) { // NaN ends it too
        return 1 / denominator;
      }
    }
    throw new ArithmeticException(
        "continued fraction of I_" + x + "(" + a + ", " + b + ") does not converge");
  }

  private static void checkDegrees(int df) {
    if (df < 1) {
      throw new IllegalArgumentException("df = " + df + ", expected 1 or more");
    }
  }
}
