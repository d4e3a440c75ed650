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
}
