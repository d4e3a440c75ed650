package dev.narrow.kernels;

import dev.narrow.quant.Tensor;

/**
 * Operations on single elements: see {@link Backend} for what all operations have in common. The
 * output may be one of the operands.
 */
public interface Elementwise {

  /** y = x where x is above 0 or NaN, else +0. */
  void relu(Tensor x, Tensor y);

  /** dx = dy where y is above 0, else +0: the gradient of y = relu(x). */
  void reluBackward(Tensor y, Tensor dy, Tensor dx);

  /** y = e to the power x: see {@link Elementary#exp}. */
  void exp(Tensor x, Tensor y);

  /** y = 2 to the power x: see {@link Elementary#exp2}. */
  void exp2(Tensor x, Tensor y);

  /** y = natural logarithm of x: see {@link Elementary#log}. */
  void log(Tensor x, Tensor y);

  /** y = x + row in every row, for x and y [m, n] and row [n]. */
  void addRow(Tensor x, Tensor row, Tensor y);

  /** y = factor x. */
  void scale(float factor, Tensor x, Tensor y);

  /** y = factor x + y, rounded once. */
  void addScaled(float factor, Tensor x, Tensor y);
}
