package dev.narrow.quant;

import java.util.stream.IntStream;

/**
 * The upper triangular U with (X^T X + damping)^-1 = U^T U, the Cholesky factor of the inverse, in
 * float64. The factor 2 of the Hessian cancels in what GPTQ does with U.
 *
 * <p>No inverse is calculated on the way: with rows and columns taken from the last, Cholesky's
 * method gives H = T^T T for a lower triangular T, and U is the inverse of T^T.
 */
final class InverseHessian {
  private static final int SAMPLES = 64;
  private static final int PANEL = 64;

  private InverseHessian() {}

  /**
   * U, its rows and columns in the order of a permutation.
   *
   * @param x activations [samples, in], finite
   * @param diagonal of X^T X, in the order of x; a zero counts as 1, and not in the mean
   * @param order which column of x comes first, and so on
   * @param damping in units of the diagonal's mean
   * @throws IllegalArgumentException if the damped Hessian is not positive definite
   */
  static double[][] factor(
      Floats x, int samples, double[] diagonal, int[] order, double damping, Progress progress) {
    double[][] h = hessian(x, samples, order, progress);
    double sum = 0;
    int live = 0;
    for (double value : diagonal) {
      sum += value;
      live += value > 0 ? 1 : 0;
    }
    double damp = live == 0 ? 0 : damping * (sum / live);
    for (int i = 0; i < order.length; i++) {
      h[i][i] = (diagonal[order[i]] == 0 ? 1 : h[i][i]) + damp;
    }
    decompose(h, damping, progress);
    return invert(h, progress);
  }

  /** The lower triangle of X^T X. */
  private static double[][] hessian(Floats x, int samples, int[] order, Progress progress) {
    int n = order.length;
    double[][] h = new double[n][];
    for (int i = 0; i < n; i++) {
      h[i] = new double[i + 1];
    }
    double[][] rows = new double[Math.min(SAMPLES, samples)][n];
    for (int from = 0; from < samples; from += SAMPLES) {
      int count = Math.min(SAMPLES, samples - from);
      for (int s = 0; s < count; s++) {
        for (int i = 0; i < n; i++) {
          rows[s][i] = x.array()[x.offset() + (from + s) * n + order[i]];
        }
      }
      IntStream.range(0, n)
          .parallel()
          .forEach(i -> {
            double[] a = new double[count];
            for (int s = 0; s < count; s++) {
              a[s] = -rows[s][i];
            }
            Rows.subtract(h[i], 0, i + 1, rows, 0, a, count);
          });
      progress.add((double) count * n * n / 2);
    }
    return h;
  }

  /** Replaces the lower triangle of H by T, from the last row up. */
  private static void decompose(double[][] h, double damping, Progress progress) {
    double[] noise = new double[h.length]; // what rounding errors leave of a pivot that is zero
    for (int i = 0; i < h.length; i++) {
      noise[i] = h.length * Math.ulp(h[i][i]);
    }
    for (int end = h.length; end > 0; end -= PANEL) {
      int begin = Math.max(0, end - PANEL);
      int last = end;
      IntStream.range(0, Math.ceilDiv(end, Rows.TILE))
          .parallel()
          .forEach(tile -> {
            int column = tile * Rows.TILE;
            subtractPanel(h, begin, last, h, h, last, h.length, column, column + Rows.TILE);
          });
      double[] a = new double[PANEL];
      for (int j = end - 1; j >= begin; j--) {
        for (int m = j + 1; m < end; m++) {
          a[m - j - 1] = h[m][j];
        }
        Rows.subtract(h[j], 0, j + 1, h, j + 1, a, end - 1 - j);
        if (!(h[j][j] > noise[j])) {
          throw new IllegalArgumentException(
              "damping = "
                  + damping
                  + ", expected more: the activations' X^T X is not positive definite");
        }
        double root = Math.sqrt(h[j][j]);
        for (int i = 0; i < j; i++) {
          h[j][i] /= root;
        }
        h[j][j] = root;
      }
      progress.add((double) (end - begin) * end * (h.length - begin));
    }
  }

  /**
   * For rows begin &lt;= j &lt; end, y[j] -= the sum over first &lt;= m &lt; last of a[m][j] x[m],
   * in a tile of columns, as far as y has them.
   */
  private static void subtractPanel(
      double[][] y,
      int begin,
      int end,
      double[][] a,
      double[][] x,
      int first,
      int last,
      int column,
      int columnEnd) {
    double[] factors = new double[PANEL];
    for (int m = first; m < last; m += PANEL) {
      int terms = Math.min(PANEL, last - m);
      for (int j = begin; j < end; j++) {
        for (int t = 0; t < terms; t++) {
          factors[t] = a[m + t][j];
        }
        Rows.subtract(y[j], column, Math.min(columnEnd, y[j].length), x, m, factors, terms);
      }
    }
  }

  /** The inverse of the upper triangular T^T, in full rows. */
  private static double[][] invert(double[][] t, Progress progress) {
    int n = t.length;
    double[][] u = new double[n][n];
    IntStream.range(0, Math.ceilDiv(n, Rows.TILE))
        .parallel()
        .forEach(tile -> {
          int from = tile * Rows.TILE;
          int to = Math.min(n, from + Rows.TILE);
          invert(t, u, from, to);
          progress.add(((double) to * to * to - (double) from * from * from) / 6);
        });
    return u;
  }

  /** Some columns of the inverse, from their last row up. */
  private static void invert(double[][] t, double[][] u, int from, int to) {
    double[] a = new double[PANEL];
    for (int end = to; end > 0; end -= PANEL) {
      int begin = Math.max(0, end - PANEL);
      subtractPanel(u, begin, end, t, u, end, to, from, to);
      for (int i = end - 1; i >= begin; i--) {
        for (int k = i + 1; k < end; k++) {
          a[k - i - 1] = t[k][i];
        }
        Rows.subtract(u[i], from, to, u, i + 1, a, end - 1 - i);
        if (i >= from) {
          u[i][i] = 1;
        }
        for (int j = Math.max(from, i); j < to; j++) {
          u[i][j] /= t[i][i];
        }
      }
    }
  }
}
