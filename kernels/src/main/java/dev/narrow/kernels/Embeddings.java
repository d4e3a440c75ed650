package dev.narrow.kernels;

import dev.narrow.quant.Tensor;

/** Rows by their numbers: see {@link Backend} for what all operations have in common. */
public interface Embeddings {

  /**
   * Row p of y is row indices[p] of the table.
   *
   * @param table [count, width]
   * @param indices one for each row of y, in row-major order; 0 to count - 1
   * @param y any shape whose innermost extent is the width
   */
  void embedding(Tensor table, int[] indices, Tensor y);

  /**
   * Adds to each row of the table's gradient the rows of dy that were taken from it, one after
   * another, p ascending: the gradient of {@link #embedding} where dtable was zero.
   *
   * @param indices one for each row of dy; 0 to count - 1
   * @param dy any shape whose innermost extent is the width
   * @param dtable [count, width]
   */
  void addEmbeddingBackward(int[] indices, Tensor dy, Tensor dtable);

  /**
   * As {@link #embedding(Tensor, int[], Tensor)}, with indices that lie where the table does: on a
   * device nothing is copied, nobody waits, and the row of an index that is not in the table is
   * NaN.
   *
   * @param indices {@link Indices}, one for each row of y
   */
  default void embedding(Tensor table, Tensor indices, Tensor y) {
    embedding(table, Indices.read(indices, "indices"), y);
  }

  /**
   * As {@link #addEmbeddingBackward(int[], Tensor, Tensor)}; on a device an index that is not in
   * the table is left out, and nothing is thrown.
   *
   * @param indices {@link Indices} that lie where the table does
   */
  default void addEmbeddingBackward(Tensor indices, Tensor dy, Tensor dtable) {
    addEmbeddingBackward(Indices.read(indices, "indices"), dy, dtable);
  }
}
