package dev.narrow.kernels;

import dev.narrow.quant.Tensor;

/** Products of matrices: see {@link Backend} for what all operations have in common. */
public interface Products {

  /** out = a b, for a [m, k], b [k, n] and out [m, n]. */
  void matmul(Tensor a, Tensor b, Tensor out);

  /**
   * out = a b + bias in every row, for a [m, k], b [k, n], bias [n] and out [m, n]; rounded after
   * the product.
   */
  void matmul(Tensor a, Tensor b, Tensor bias, Tensor out);

  /** out = aᵀ b, for a [k, m], b [k, n] and out [m, n]. */
  void matmulTransposedA(Tensor a, Tensor b, Tensor out);

  /** out = aᵀ b + out, for a [k, m], b [k, n] and out [m, n]; rounded after the product. */
  void addMatmulTransposedA(Tensor a, Tensor b, Tensor out);

  /** out = a bᵀ, for a [m, k], b [n, k] and out [m, n]. */
  void matmulTransposedB(Tensor a, Tensor b, Tensor out);
}
