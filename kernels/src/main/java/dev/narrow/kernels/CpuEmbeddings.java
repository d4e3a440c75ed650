package dev.narrow.kernels;

import static dev.narrow.kernels.Arguments.expectApart;
import static dev.narrow.kernels.Arguments.expectAxes;

import dev.narrow.quant.Tensor;
import dev.narrow.quant.TensorReader;

/** {@link Embeddings} on the processor. */
interface CpuEmbeddings extends Embeddings {
  /** What computes. */
  Cpu cpu();

  @Override
  default void embedding(Tensor table, int[] indices, Tensor y) {
    expectFit(table, "table", indices, y, "y");
    expectApart(table, "table", y, "y");
    if (!Values.isArray(table) && table.rotation().isEmpty()) {
      decodeRows(TensorReader.of(table, "table"), indices, y);
      return;
    }
    try (Values to = Values.write(y, "y");
        Values from = Values.read(table)) {
      int width = table.shape().dim(1);
      cpu()
          .share(
              indices.length,
              1,
              width,
              (first, last) -> {
                for (int p = first; p < last; p++) {
                  int row = from.offset() + indices[p] * width;
                  System.arraycopy(from.array(), row, to.array(), to.offset() + p * width, width);
                }
              });
      to.store();
    }
  }

  /** Of a table of codes only the rows that are asked for. */
  private static void decodeRows(TensorReader table, int[] indices, Tensor y) {
    try (Values to = Values.write(y, "y")) {
      int width = table.tensor().shape().dim(1);
      for (int p = 0; p < indices.length; p++) {
        table.read(indices[p] * width, width, to.array(), to.offset() + p * width);
      }
      to.store();
    }
  }

  @Override
  default void addEmbeddingBackward(int[] indices, Tensor dy, Tensor dtable) {
    expectFit(dtable, "dtable", indices, dy, "dy");
    expectApart(dy, "dy", dtable, "dtable");
    try (Values to = Values.update(dtable, "dtable");
        Values from = Values.read(dy)) {
      int width = dtable.shape().dim(1);
      // Threads share columns: two positions may have the same row.
      cpu()
          .share(
              width,
              Kernels.LANES,
              indices.length,
              (first, last) -> {
                for (int p = 0; p < indices.length; p++) {
                  int row = to.offset() + indices[p] * width + first;
                  int gradient = from.offset() + p * width + first;
                  cpu()
                      .kernels()
                      .add(to.array(), row, from.array(), gradient, to.array(), row, last - first);
                }
              });
      to.store();
    }
  }

  private static void expectFit(
      Tensor table, String tableName, int[] indices, Tensor rows, String name) {
    expectAxes(table, tableName, 2);
    int width = table.shape().dim(1);
    Arguments.expectAnAxis(rows, name);
    int columns = rows.shape().dim(rows.shape().axis(-1));
    if (columns != width) {
      throw new IllegalArgumentException(
          "%s has shape %s, expected an innermost extent of %d for %s of shape %s"
              .formatted(name, rows.shape(), width, tableName, table.shape()));
    }
    int count = Arguments.outer(rows.shape()).size();
    if (indices.length != count) {
      throw new IllegalArgumentException(
          "indices has %d elements, expected %d, one for each row of %s"
              .formatted(indices.length, count, name));
    }
    int limit = table.shape().dim(0);
    for (int p = 0; p < indices.length; p++) {
      if (indices[p] < 0 || indices[p] >= limit) {
        throw new IllegalArgumentException(
            limit == 0
                ? "indices[%d] = %d, expected none for %s without rows"
                    .formatted(p, indices[p], tableName)
                : "indices[%d] = %d, expected 0 to %d".formatted(p, indices[p], limit - 1));
      }
    }
  }
}
