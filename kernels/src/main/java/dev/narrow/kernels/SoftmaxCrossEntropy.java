package dev.narrow.kernels;

/**
 * The mean cross entropy of the softmax of logits, and its gradient, row by row:
 *
 * <pre>
 *   e[j]     = exp(x[j] - max x)          sum = e[0] + e[1] + ..., sixteen lanes
 *   p[j]     = e[j] / sum
 *   loss     = log(sum) - (x[label] - max x)
 *   mean     = (sum of the losses of all rows, sixteen lanes) / rows
 *   dx[j]    = (p[j] - [j = label]) × (seed / rows)
 * </pre>
 *
 * Each operation is rounded once.
 */
final class SoftmaxCrossEntropy {
  private SoftmaxCrossEntropy() {}

  /**
   * Returns the mean loss and writes the gradient.
   *
   * @param x logits, a sample in each row, columnStride 1
   * @param labels the column of each row's class
   * @param seed the gradient of whatever is differentiated with respect to the mean loss
   * @param dx the gradient with respect to x, columnStride 1; may be x
   */
  static float run(Kernels kernels, Matrix x, int[] labels, float seed, Matrix dx) {
    int rows = x.rows();
    int columns = x.columns();
    float[] losses = Scratch.take(rows);
    float factor = seed / rows;
    for (int i = 0; i < rows; i++) {
      int from = x.offset() + i * x.rowStride();
      int to = dx.offset() + i * dx.rowStride();
      int label = to + labels[i];
      float max = kernels.maximum(x.array(), from, columns);
      float labelled = x.array()[from + labels[i]] - max;
      float exponentials = kernels.expShifted(x.array(), from, max, dx.array(), to, columns);
      losses[i] = Elementary.log(exponentials) - labelled;
      kernels.divide(dx.array(), to, exponentials, dx.array(), to, columns);
      dx.array()[label] -= 1f;
      kernels.scale(factor, dx.array(), to, dx.array(), to, columns);
    }
    float sum = kernels.sum(losses, 0, rows);
    Scratch.give(losses);
    return ScalarKernels.canonical(sum / rows);
  }
}
