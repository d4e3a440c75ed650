package dev.narrow.kernels;

import dev.narrow.formats.RandomBits;
import dev.narrow.quant.Tensor;

/**
 * Arithmetic on single elements: see {@link Backend} for what all operations have in common. The
 * output may be one of the operands of its shape.
 */
public interface TensorArithmetic {

  /** z = x + y, all of one shape. */
  void add(Tensor x, Tensor y, Tensor z);

  /** z = x - y, all of one shape. */
  void subtract(Tensor x, Tensor y, Tensor z);

  /** z = x y, all of one shape. */
  void multiply(Tensor x, Tensor y, Tensor z);

  /** z = x / y, all of one shape. */
  void divide(Tensor x, Tensor y, Tensor z);

  /** y = x row in every row, for x and y of one shape with innermost extent n, and row [n]. */
  void multiplyRow(Tensor x, Tensor row, Tensor y);

  /**
   * y = low where x is below it, high where x is above it, else x: NaN passes, and so does a zero
   * of either sign where a limit is zero.
   *
   * @param low not NaN
   * @param high low or more
   * @param x any shape
   * @param y of x's shape; may be x
   */
  void clamp(float low, float high, Tensor x, Tensor y);

  /**
   * Dropout (Srivastava et al., JMLR 15, 2014), scaled so that the mean stays: y = x (1 / (1 -
   * probability)) where an element is kept, else +0. Element i, in row-major order, is kept if its
   * random word, as an unsigned integer, is at least probability 2<sup>32</sup>, rounded to the
   * nearest integer. The gradient is the same operation with the same bits on dy.
   *
   * @param probability of +0: 0 or more, below 1
   * @param bits the random words
   * @param x any shape
   * @param y of x's shape; may be x
   */
  void dropout(float probability, RandomBits bits, Tensor x, Tensor y);
}
