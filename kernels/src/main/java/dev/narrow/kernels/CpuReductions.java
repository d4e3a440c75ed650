package dev.narrow.kernels;

import static dev.narrow.kernels.Arguments.expectApart;
import static dev.narrow.kernels.Arguments.expectAxes;
import static dev.narrow.kernels.Arguments.expectShape;

import dev.narrow.quant.Tensor;

/** {@link Reductions} on the processor. */
interface CpuReductions extends Reductions {
  /** Elements of a whole tensor that are summed at a time. */
  int CHUNK = 4096;

  /** What computes. */
  Cpu cpu();

  @Override
  default float sum(Tensor x) {
    try (Values values = Values.read(x)) {
      return inChunks(values.array(), values.offset(), values.size(), cpu().kernels()::sum);
    }
  }

  @Override
  default float sumOfSquares(Tensor x) {
    try (Values values = Values.read(x)) {
      return inChunks(
          values.array(), values.offset(), values.size(), cpu().kernels()::sumOfSquares);
    }
  }

  /** Reduces the elements chunk by chunk, and sums up what that gives. */
  private float inChunks(float[] x, int xOffset, int n, RowReduction reduction) {
    if (n <= CHUNK) {
      return reduction.apply(x, xOffset, n);
    }
    int chunks = Math.ceilDiv(n, CHUNK);
    float[] sums = Scratch.take(chunks);
    cpu()
        .share(
            chunks,
            1,
            CHUNK,
            (first, last) -> {
              for (int i = first; i < last; i++) {
                int from = i * CHUNK;
                sums[i] = reduction.apply(x, xOffset + from, Math.min(CHUNK, n - from));
              }
            });
    float sum = inChunks(sums, 0, chunks, cpu().kernels()::sum);
    Scratch.give(sums);
    return sum;
  }

  @Override
  default void sumRows(Tensor x, Tensor y) {
    expectAxes(x, "x", 2);
    expectShape(y, "y", x.shape().dim(1));
    expectApart(x, "x", y, "y");
    try (Values to = Values.write(y, "y");
        Values from = Values.read(x)) {
      cpu().kernels().sumRows(from.rows(), to.array(), to.offset());
      to.store();
    }
  }

  /** The reduction of n consecutive elements. */
  @FunctionalInterface
  interface RowReduction {
    /** Reads x. */
    float apply(float[] x, int xOffset, int n);
  }

  private static void reduceColumns(Tensor x, Tensor y, RowReduction reduction) {
    expectShape(y, "y", Arguments.outer(x.shape()));
    expectApart(x, "x", y, "y");
    try (Values to = Values.write(y, "y");
        Values from = Values.read(x)) {
      int columns = from.rows().columns();
      for (int i = 0; i < to.size(); i++) {
        to.array()[to.offset() + i] =
            reduction.apply(from.array(), from.offset() + i * columns, columns);
      }
      to.store();
    }
  }

  @Override
  default void sumColumns(Tensor x, Tensor y) {
    Arguments.expectAnAxis(x, "x");
    reduceColumns(x, y, cpu().kernels()::sum);
  }

  @Override
  default void meanColumns(Tensor x, Tensor y) {
    Arguments.expectColumns(x, "x");
    reduceColumns(
        x, y, (row, at, n) -> ScalarKernels.canonical(cpu().kernels().sum(row, at, n) / n));
  }

  @Override
  default void maxColumns(Tensor x, Tensor y) {
    Arguments.expectColumns(x, "x");
    reduceColumns(x, y, cpu().kernels()::maximum);
  }

  @Override
  default void minColumns(Tensor x, Tensor y) {
    Arguments.expectColumns(x, "x");
    reduceColumns(x, y, cpu().kernels()::minimum);
  }

  @Override
  default void argmaxColumns(Tensor x, int[] y) {
    int columns = Arguments.expectColumns(x, "x");
    Arguments.expectOneForEachRow(x, y, "y");
    try (Values from = Values.read(x)) {
      for (int i = 0; i < y.length; i++) {
        int row = from.offset() + i * columns;
        float max = cpu().kernels().maximum(from.array(), row, columns);
        int j = 0;
        while (from.array()[row + j] != max && !Float.isNaN(from.array()[row + j])) {
          j++;
        }
        y[i] = j;
      }
    }
  }

  @Override
  default Scan scan(Tensor x) {
    try (Values values = Values.read(x)) {
      return cpu().kernels().scan(values.array(), values.offset(), values.size());
    }
  }
}
