package dev.narrow.kernels;

import dev.narrow.quant.Tensor;
import dev.narrow.quant.TensorReader;

/** {@link Embeddings} on the processor. */
interface CpuEmbeddings extends Embeddings {
  /** What computes. */
  Cpu cpu();

  @Override
  default void embedding(Tensor table, int[] indices, Tensor y) {
    LayerArguments.expectEmbedding(table, indices, y);
    if (!Values.isArray(table) && table.rotation().isEmpty()) {
      decodeRows(TensorReader.of(table, "table"), indices, y);
      return;
    }
    try (Values to = Values.write(y, "y");
        Values from = Values.readToPass(table)) {
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
        int row = to.offset() + p * width;
        table.read(indices[p] * width, width, to.array(), row);
        for (int i = row; i < row + width; i++) { // as Values.readToPass
          to.array()[i] = ScalarKernels.canonical(to.array()[i]);
        }
      }
      to.store();
    }
  }

  @Override
  default void addEmbeddingBackward(int[] indices, Tensor dy, Tensor dtable) {
    LayerArguments.expectEmbeddingBackward(indices, dy, dtable);
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
}
