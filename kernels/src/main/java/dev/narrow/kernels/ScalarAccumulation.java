package dev.narrow.kernels;

/** One element after the other, each in a {@link Sum}. */
record ScalarAccumulation(Accumulator accumulator) implements Accumulation {
  ScalarAccumulation {
    Sum.of(accumulator); // throws if there is none
  }

  @Override
  public void multiply(Matrix a, Matrix b, Matrix c) {
    Sum sum = Sum.of(accumulator);
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
