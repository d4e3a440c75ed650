package dev.narrow.kernels;

/** One element after the other, each in a {@link RunningSum}. */
final class ScalarAccumulatorMatmul implements AccumulatorMatmul {
  private final ThreadLocal<RunningSum> sum;

  /** The definition, and the fallback where there is nothing faster. */
  ScalarAccumulatorMatmul(Accumulator accumulator) {
    RunningSum.of(accumulator); // throws if there is none
    sum = ThreadLocal.withInitial(() -> RunningSum.of(accumulator));
  }

  /** What the calling thread sums up in, to be cleared first. */
  RunningSum sum() {
    return sum.get();
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
