package dev.narrow.kernels;

import dev.narrow.quant.Tensor;

/**
 * Sums and searches over many elements: see {@link Backend} for what all operations have in common.
 *
 * <p>A whole tensor is summed in chunks of 4096 consecutive elements, in row-major order, the last
 * of which may be shorter, each as one contiguous axis in sixteen lanes. The sums of the chunks are
 * a sequence that is summed the same way, until one is left: so that no chain of additions is long,
 * and many threads have something to do.
 */
public interface Reductions {

  /** The sum of all elements, in chunks. */
  float sum(Tensor x);

  /** The sum of the squares of all elements, in chunks, the squares by fused multiply-add. */
  float sumOfSquares(Tensor x);

  /** y[j] = the sum of column j, rows ascending, for x [m, n] and y [n]: a bias's gradient. */
  void sumRows(Tensor x, Tensor y);

  /** y[i] = the sum of row i in sixteen lanes, for x [..., n] and y [...]. */
  void sumColumns(Tensor x, Tensor y);

  /** y[i] = the sum of row i in sixteen lanes, divided by n, for x [..., n], n ≥ 1, and y [...]. */
  void meanColumns(Tensor x, Tensor y);

  /**
   * y[i] = the largest value of row i, NaN if it has one, for x [..., n], n ≥ 1, and y [...]; +0 is
   * above -0.
   */
  void maxColumns(Tensor x, Tensor y);

  /**
   * y[i] = the smallest value of row i, NaN if it has one, for x [..., n], n ≥ 1, and y [...]; -0
   * is below +0.
   */
  void minColumns(Tensor x, Tensor y);

  /**
   * y[i] = the first column of row i that holds its largest value, or its first NaN, for x [...,
   * n], n ≥ 1, and as many elements of y as there are rows; +0 and -0 are equal.
   */
  void argmaxColumns(Tensor x, int[] y);

  /** The largest finite magnitude, and what is not finite. */
  Scan scan(Tensor x);
}
