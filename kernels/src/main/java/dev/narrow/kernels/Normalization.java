package dev.narrow.kernels;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Layer norm, and RMS norm where there are no means: see {@link Normalizations#layerNorm}.
 *
 * @param x a matrix of rows, columnStride 1
 * @param means of each row, written by the forward pass and read by the backward pass; null for 0
 * @param inverses of the root of each row's variance, likewise
 */
record Normalization(Kernels kernels, Matrix x, @Nullable Values means, Values inverses) {
  /** Elements of x that the caches hold while the sums over rows and dx both read them. */
  private static final int BLOCK = 1 << 16;

  /** Rows first to last - 1. */
  void forward(float epsilon, Values weight, @Nullable Values bias, Matrix y, int first, int last) {
    int n = x.columns();
    for (int i = first; i < last; i++) {
      int from = x.offset() + i * x.rowStride();
      int to = y.offset() + i * y.rowStride();
      float mean = 0f;
      float squares;
      if (means == null) {
        squares = kernels.sumOfSquares(x.array(), from, n);
      } else {
        mean = ScalarKernels.canonical(kernels.sum(x.array(), from, n) / n);
        means.array()[means.offset() + i] = mean;
        squares = kernels.sumOfSquaredDeviations(mean, x.array(), from, n);
      }
      // The root of a float32 in double, rounded to float32, is the float32 root rounded once.
      float inverse = ScalarKernels.canonical(1f / (float) Math.sqrt(squares / n + epsilon));
      inverses.array()[inverses.offset() + i] = inverse;
      kernels.standardize(mean, inverse, x.array(), from, y.array(), to, n);
      if (bias == null) {
        kernels.multiply(y.array(), to, weight.array(), weight.offset(), y.array(), to, n);
      } else {
        kernels.multiplyAdd(
            y.array(),
            to,
            weight.array(),
            weight.offset(),
            bias.array(),
            bias.offset(),
            y.array(),
            to,
            n);
      }
    }
  }

  /** All gradients, in blocks of rows: the sums over rows first, so that dx may be x or dy. */
  void backward(
      Cpu cpu, Values weight, Matrix dy, Matrix dx, Values dweight, @Nullable Values dbias) {
    int n = x.columns();
    Arrays.fill(dweight.array(), dweight.offset(), dweight.offset() + n, 0f);
    if (dbias != null) {
      Arrays.fill(dbias.array(), dbias.offset(), dbias.offset() + n, 0f);
    }
    int height = Math.max(1, BLOCK * cpu.threads() / n);
    for (int block = 0; block < x.rows(); block += height) {
      int start = block;
      int rows = Math.min(height, x.rows() - start);
      cpu.share(
          n,
          Kernels.LANES,
          4L * rows,
          (first, last) -> sums(dy, dweight, dbias, start, start + rows, first, last));
      cpu.share(
          rows, 1, 8L * n, (first, last) -> gradients(weight, dy, dx, start + first, start + last));
    }
  }

  private float mean(int row) {
    return means == null ? 0f : means.array()[means.offset() + row];
  }

  private float inverse(int row) {
    return inverses.array()[inverses.offset() + row];
  }

  private void sums(
      Matrix dy,
      Values dweight,
      @Nullable Values dbias,
      int firstRow,
      int lastRow,
      int firstColumn,
      int lastColumn) {
    int n = lastColumn - firstColumn;
    float[] standardized = Scratch.take(n);
    for (int i = firstRow; i < lastRow; i++) {
      int from = x.offset() + i * x.rowStride() + firstColumn;
      int above = dy.offset() + i * dy.rowStride() + firstColumn;
      int to = dweight.offset() + firstColumn;
      kernels.standardize(mean(i), inverse(i), x.array(), from, standardized, 0, n);
      kernels.multiplyAdd(
          dy.array(), above, standardized, 0, dweight.array(), to, dweight.array(), to, n);
      if (dbias != null) {
        int sum = dbias.offset() + firstColumn;
        kernels.add(dbias.array(), sum, dy.array(), above, dbias.array(), sum, n);
      }
    }
    Scratch.give(standardized);
  }

  private void gradients(Values weight, Matrix dy, Matrix dx, int first, int last) {
    int n = x.columns();
    float[] standardized = Scratch.take(n);
    float[] gradient = Scratch.take(n);
    for (int i = first; i < last; i++) {
      int from = x.offset() + i * x.rowStride();
      int above = dy.offset() + i * dy.rowStride();
      kernels.standardize(mean(i), inverse(i), x.array(), from, standardized, 0, n);
      kernels.multiply(dy.array(), above, weight.array(), weight.offset(), gradient, 0, n);
      float mean = means == null ? 0f : kernels.sum(gradient, 0, n) / n;
      float projection = kernels.dot(gradient, 0, standardized, 0, n) / n;
      kernels.standardizeGradient(
          mean,
          projection,
          inverse(i),
          standardized,
          0,
          gradient,
          0,
          dx.array(),
          dx.offset() + i * dx.rowStride(),
          n);
    }
    Scratch.give(gradient);
    Scratch.give(standardized);
  }
}
