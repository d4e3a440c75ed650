package dev.narrow.kernels;

import dev.narrow.quant.Tensor;

/**
 * Sums and searches over many elements: see {@link Backend} for what all operations have in common.
 */
public interface Reductions {

  /** The sum of all elements, as one contiguous axis. */
  float sum(Tensor x);

  /** The sum of the squares of all elements, as one contiguous axis, by fused multiply-add. */
  float sumOfSquares(Tensor x);

  /** y[j] = the sum of column j, rows ascending, for x [m, n] and y [n]: a bias's gradient. */
  void sumRows(Tensor x, Tensor y);

  /** The largest finite magnitude, and what is not finite. */
  Scan scan(Tensor x);
}
