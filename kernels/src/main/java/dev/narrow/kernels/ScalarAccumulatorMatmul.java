package dev.narrow.kernels;

import java.util.HashMap;
import java.util.Map;

/** One element after the other, each in a {@link RunningSum}. */
record ScalarAccumulatorMatmul(Accumulator accumulator) implements AccumulatorMatmul {
  private static final ThreadLocal<Map<Accumulator, RunningSum>> SUMS =
      ThreadLocal.withInitial(HashMap::new);

  ScalarAccumulatorMatmul {
    RunningSum.of(accumulator); // throws if there is none
  }

  /** What the calling thread sums up in, to be cleared first. */
  RunningSum sum() {
    return SUMS.get().computeIfAbsent(accumulator, RunningSum::of);
  }

  @Override
  public void multiply(Matrix a, Matrix b, Matrix c) {
    RunningSum sum = sum();
    for (int i = 0; i < c.rows(); i++) {
      for (int j = 0; j < c.columns(); j++) {
        sum.clear();
        int ai = a.offset() + i * a.rowStride();
        int bi = b.offset() + j * b.columnStride();
        for (int k = 0; k < a.columns(); k++) {
          sum.add(a.array()[ai], b.array()[bi]);
          ai += a.columnStride();
          bi += b.rowStride();
        }
        c.array()[c.offset() + i * c.rowStride() + j] = ScalarKernels.canonical(sum.result());
      }
    }
  }
}
