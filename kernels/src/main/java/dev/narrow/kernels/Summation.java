package dev.narrow.kernels;

/** The order in which sums are made, and with it how far results are the same bits elsewhere. */
public enum Summation {
  /**
   * A matrix product has one float32 accumulator for each element, from +0, which takes the terms
   * by fused multiply-add, k ascending. A sum along a contiguous axis has sixteen lanes, lane j
   * taking the elements i with i mod 16 = j, ascending, and then a fixed tree: lane j + lane j + 8,
   * j + 4, j + 2, j + 1. The bits are the same on any processor, at any vector width and number of
   * threads.
   */
  ORDERED
}
