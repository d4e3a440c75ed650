package dev.narrow.quant;

/**
 * The paper's update formula, one weight matrix column after the other (arXiv 2210.17323, equations
 * 2 and 3): after column q is rounded, w -= (w_q - quant(w_q)) / [H^-1]_qq [H^-1]_q,: and row and
 * column q leave H^-1 by one step of Gaussian elimination. No Cholesky factor, no blocks.
 */
final class GptqReference {
  private GptqReference() {}

  /** The weights as they are when their turn comes; what is left is to round them. */
  static float[] compensated(
      float[] weight,
      int rows,
      int n,
      float[] x,
      double damping,
      int[] order,
      Quantizer quantizer,
      Scales scales) {
    double[][] inverse = inverse(hessian(x, n, damping));
    double[][] w = new double[rows][n];
    for (int i = 0; i < weight.length; i++) {
      w[i / n][i % n] = weight[i];
    }
    float[] compensated = new float[weight.length];
    for (int q : order) {
      float[] column = new float[weight.length]; // zero but for column q
      for (int r = 0; r < rows; r++) {
        column[r * n + q] = (float) w[r][q];
        compensated[r * n + q] = (float) w[r][q];
      }
      quantizer.fakeQuantize(Tensor.of(column, rows, n), scales, null);
      for (int r = 0; r < rows; r++) {
        double error = (w[r][q] - column[r * n + q]) / inverse[q][q];
        for (int j = 0; j < n; j++) {
          w[r][j] -= error * inverse[q][j];
        }
      }
      double[] pivot = inverse[q].clone();
      for (int i = 0; i < n; i++) {
        double factor = inverse[i][q] / pivot[q];
        for (int j = 0; j < n; j++) {
          inverse[i][j] -= factor * pivot[j];
        }
      }
    }
    return compensated;
  }

  /** 2 X^T X and on its diagonal the damping times its mean. */
  private static double[][] hessian(float[] x, int n, double damping) {
    double[][] h = new double[n][n];
    for (int from = 0; from < x.length; from += n) {
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          h[i][j] += 2.0 * x[from + i] * x[from + j];
        }
      }
    }
    double mean = 0;
    for (int i = 0; i < n; i++) {
      mean += h[i][i] / n;
    }
    for (int i = 0; i < n; i++) {
      h[i][i] += damping * mean;
    }
    return h;
  }

  /** By Gauss and Jordan, without pivoting: the matrix is positive definite. */
  private static double[][] inverse(double[][] a) {
    int n = a.length;
    double[][] inverse = new double[n][n];
    for (int i = 0; i < n; i++) {
      inverse[i][i] = 1;
    }
    for (int p = 0; p < n; p++) {
      double pivot = a[p][p];
      for (int j = 0; j < n; j++) {
        a[p][j] /= pivot;
        inverse[p][j] /= pivot;
      }
      for (int i = 0; i < n; i++) {
        double factor = i == p ? 0 : a[i][p];
        for (int j = 0; j < n; j++) {
          a[i][j] -= factor * a[p][j];
          inverse[i][j] -= factor * inverse[p][j];
        }
      }
    }
    return inverse;
  }
}
