package dev.narrow.kernels;

/** The order in which sums are made, and with it how far results are the same bits elsewhere. */
public enum Summation {
  /**
   * Matrix products are the exact sums of the products of the decoded float32 values, each rounded
   * once: see {@link Accumulator.Exact}. No order of the terms changes them. Everything else is as
   * in {@link #ORDERED}.
   */
  EXACT,

  /**
   * A matrix product has one accumulator for each element, from +0, which takes the terms k
   * ascending: in float32 by fused multiply-add, unless another {@link Accumulator} is named. A sum
   * along a contiguous axis has sixteen lanes, lane j taking the elements i with i mod 16 = j,
   * ascending, and then a fixed tree: lane j + lane j + 8, j + 4, j + 2, j + 1. The bits are the
   * same on any processor, at any vector width and number of threads.
   */
  ORDERED,

  /**
   * Matrix products are made in any order, by a library of somebody else's or by the tensor cores
   * of a GPU, and need not be the same bits twice: opt-in, and never where a result is published as
   * reproducible. Everything else is as in {@link #ORDERED}.
   *
   * <p>An element of a product of k terms differs from its exact value by at most γ times the sum
   * of the terms' magnitudes, γ = k u / (1 - k u), u = 2^-24 (Higham, Accuracy and Stability of
   * Numerical Algorithms, 3.1), where nothing overflows or underflows; with one term more for each
   * of a factor, a bias and the old output. A subnormal may count as zero. Which NaN a result is,
   * is open. Tensor cores cut off instead of rounding, u = 2^-23, and may be given operands that
   * were rounded to fp16 before: the backend that uses them says which.
   */
  FAST
}
