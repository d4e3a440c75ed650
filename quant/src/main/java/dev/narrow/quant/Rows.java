package dev.narrow.quant;

/** The loop in which dense float64 linear algebra spends its time. */
final class Rows {
  /** Columns that are worked on at a time, so that the rows that go in stay in the cache. */
  static final int TILE = 256;

  private Rows() {}

  /**
   * y[j] -= a[0] x[first][j], then a[1] x[first + 1][j], and so on, for from &lt;= j &lt; to: the
   * same bits however the columns are divided.
   */
  static void subtract(
      double[] y, int from, int to, double[][] x, int first, double[] a, int terms) {
    int t = 0;
    for (; t + 4 <= terms; t += 4) { // a quarter of the loads and stores of y
      double[] x0 = x[first + t];
      double[] x1 = x[first + t + 1];
      double[] x2 = x[first + t + 2];
      double[] x3 = x[first + t + 3];
      double a0 = a[t];
      double a1 = a[t + 1];
      double a2 = a[t + 2];
      double a3 = a[t + 3];
      for (int j = from; j < to; j++) {
        y[j] = y[j] - a0 * x0[j] - a1 * x1[j] - a2 * x2[j] - a3 * x3[j];
      }
    }
    for (; t < terms; t++) {
      double[] row = x[first + t];
      double factor = a[t];
      for (int j = from; j < to; j++) {
        y[j] -= factor * row[j];
      }
    }
  }
}
