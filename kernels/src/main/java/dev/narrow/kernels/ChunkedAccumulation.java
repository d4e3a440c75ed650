package dev.narrow.kernels;

import java.util.Arrays;

/**
 * {@link Accumulator.Chunked} by two others: the sums of all chunks of some rows and columns are
 * written one below the other, and then each column of them is summed up, a product with a row of
 * ones.
 */
record ChunkedAccumulation(int chunk, Accumulation within, Accumulation across)
    implements Accumulation {
  private static final int ROWS = 32;
  private static final int COLUMNS = 64;

  /** Sums of chunks that are kept at a time, unless one element has more. */
  private static final int ROOM = 1 << 18;

  @Override
  public void multiply(Matrix a, Matrix b, Matrix c) {
    int chunks = Math.ceilDiv(a.columns(), chunk);
    int width = Math.min(c.columns(), Math.clamp(ROOM / Math.max(1, chunks), 1, COLUMNS));
    int rowStride = chunks * width;
    int height = Math.clamp(ROOM / Math.max(1, rowStride), 1, ROWS);
    float[] sums = Scratch.take(height * rowStride);
    float[] ones = Scratch.take(chunks);
    Arrays.fill(ones, 0, chunks, 1f);
    Matrix row = Matrix.rowMajor(ones, 0, 1, chunks, chunks);
    for (int j = 0; j < c.columns(); j += width) {
      int columns = Math.min(width, c.columns() - j);
      Matrix right = b.columnRange(j, j + columns);
      for (int i = 0; i < c.rows(); i += height) {
        int rows = Math.min(height, c.rows() - i);
        Matrix left = a.rowRange(i, i + rows);
        for (int p = 0; p < chunks; p++) {
          int from = p * chunk;
          int to = (int) Math.min(a.columns(), (long) from + chunk);
          within.multiply(
              left.columnRange(from, to),
              right.rowRange(from, to),
              Matrix.rowMajor(sums, p * width, rows, columns, rowStride));
        }
        for (int r = 0; r < rows; r++) {
          across.multiply(
              row,
              Matrix.rowMajor(sums, r * rowStride, chunks, columns, width),
              c.rowRange(i + r, i + r + 1).columnRange(j, j + columns));
        }
      }
    }
    Scratch.give(ones);
    Scratch.give(sums);
  }
}
