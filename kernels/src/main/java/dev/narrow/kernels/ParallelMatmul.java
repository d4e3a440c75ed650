package dev.narrow.kernels;

import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Shares a product among threads of the common pool: each computes a range of the rows or columns
 * of c. No sum is divided, so the bits do not depend on how many there are.
 */
final class ParallelMatmul {
  /** Ranges are whole register blocks, except the last: rows of 8, columns of 48. */
  private static final int ROWS = 8;

  private static final int COLUMNS = 48;

  private ParallelMatmul() {}

  /** See {@link Kernels#matmul}. */
  static void matmul(
      Kernels kernels,
      int threads,
      Matrix a,
      Matrix b,
      Matrix c,
      float @Nullable [] bias,
      int biasOffset,
      boolean accumulate) {
    if (threads == 1) {
      kernels.matmul(a, b, c, bias, biasOffset, accumulate);
      return;
    }
    boolean byRows = c.rows() >= c.columns();
    int extent = byRows ? c.rows() : c.columns();
    int unit = byRows ? ROWS : COLUMNS;
    int share = Math.ceilDiv(Math.ceilDiv(extent, threads), unit) * unit;
    IntStream.range(0, Math.ceilDiv(extent, share))
        .parallel()
        .forEach(part -> {
          int from = part * share;
          int to = Math.min(extent, from + share);
          if (byRows) {
            kernels.matmul(
                a.rowRange(from, to), b, c.rowRange(from, to), bias, biasOffset, accumulate);
          } else {
            kernels.matmul(
                a,
                b.columnRange(from, to),
                c.columnRange(from, to),
                bias,
                biasOffset + from,
                accumulate);
          }
        });
  }
}
