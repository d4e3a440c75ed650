package dev.narrow.kernels;

/** Products of matrices in a given {@link Accumulator}. */
interface AccumulatorMatmul {

  /**
   * c = a b, the sums only. Each element is the sum of its own row and column, so that any part of
   * the rows or columns of c has the same bits by itself.
   *
   * @param a m × k
   * @param b k × n
   * @param c m × n, columnStride 1, memory apart from a and b; overwritten
   */
  void multiply(Matrix a, Matrix b, Matrix c);
}
