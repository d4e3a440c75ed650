package dev.narrow.kernels;

import java.util.Arrays;

/**
 * {@link Accumulator.Chunked} by two others: the sums of all chunks of some rows and columns are
 * written as one row for each chunk, and then each column of those is summed up, a product with a
 * row of ones.
 */
record ChunkedMatmul(int chunk, AccumulatorMatmul within, AccumulatorMatmul across)
    implements AccumulatorMatmul {
  private static final int ROWS = 32;
  private static final int COLUMNS = 64;

  /** Sums of chunks that are kept at a time, unless one element has more. */
  private static final int ROOM = 1 << 18;

  @Override
  public void multiply(Matrix a, Matrix b, Matrix c) {
    int chunks = Math.ceilDiv(a.columns(), chunk);
    int most = ROOM / Math.max(1, chunks);
    int width = Math.min(c.columns(), Math.clamp(most, 1, COLUMNS));
    int height = Math.min(c.rows(), Math.clamp(most / Math.max(1, width), 1, ROWS));
    int size = height * width;
    float[] sums = Scratch.take(chunks * size);
    float[] totals = Scratch.take(size);
    float[] ones = Scratch.take(chunks);
    Arrays.fill(ones, 0, chunks, 1f);
    Matrix row = Matrix.rowMajor(ones, 0, 1, chunks, chunks);
    Matrix chunked = Matrix.rowMajor(sums, 0, chunks, size, size);
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
              Matrix.rowMajor(sums, p * size, rows, columns, columns));
        }
        int n = rows * columns;
        across.multiply(row, chunked.columnRange(0, n), Matrix.rowMajor(totals, 0, 1, n, n));
        for (int r = 0; r < rows; r++) {
          int target = c.offset() + (i + r) * c.rowStride() + j;
          System.arraycopy(totals, r * columns, c.array(), target, columns);
        }
      }
    }
    Scratch.give(ones);
    Scratch.give(totals);
    Scratch.give(sums);
  }
}
