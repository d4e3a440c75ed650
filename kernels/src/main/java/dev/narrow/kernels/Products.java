package dev.narrow.kernels;

import dev.narrow.quant.Tensor;

/**
 * Products of matrices: see {@link Backend} for what all operations have in common.
 *
 * <p>Operands have any format and any scales; they are decoded while they are packed. The output is
 * fp32, or has any format and scales: then it is written through the projection of the quantizer
 * that made it, else through its format's default one, and its matrices are all of it.
 */
public interface Products {

  /**
   * out = activation(alpha a b + bias + beta out), for each matrix of out. Where a or b is a single
   * matrix, it is used for all.
   *
   * @param how what is done to the product: see {@link Matmul}
   * @param a [m, k]
   * @param b [k, n]
   * @param out [m, n], rows contiguous, no element twice; memory apart from a, b and bias
   * @throws IllegalArgumentException if extents do not fit, memory overlaps, or out cannot be
   *     written; nothing has been written then
   */
  void matmul(Matmul how, Matrices a, Matrices b, Matrices out);

  /**
   * out = a b on the two innermost axes.
   *
   * @throws IllegalArgumentException as above
   */
  default void matmul(Tensor a, Tensor b, Tensor out) {
    matmul(Matmul.plain(), Matrices.of(a), Matrices.of(b), Matrices.of(out));
  }

  /**
   * y = a x: the sum along each row in sixteen lanes, each a chain of fused multiply-adds from +0
   * (element i in lane i mod 16), added in a fixed tree. Not the bits of {@link #matmul}, whose
   * sums are single chains.
   *
   * @param a [m, k], any format
   * @param x [k], any format
   * @param y [m], memory apart from a and x
   * @throws IllegalArgumentException if extents do not fit, memory overlaps, or y cannot be written
   */
  void matvec(Tensor a, Tensor x, Tensor y);
}
