package dev.narrow.kernels;

import java.util.Arrays;

/**
 * What the taps of a kernel meet, written out as a matrix (im2col): a row for each channel and tap,
 * a column for each position, +0 for padding. Positions of all samples are numbered as one, sample
 * by sample and row by row.
 *
 * @param sampleStride from one sample's channels to the next one's
 */
@SuppressWarnings("ArrayRecordComponent") // a view, never compared
record Patches(TapAxis y, TapAxis x, float[] in, int sampleStride) {

  /** Positions in a sample. */
  int plane() {
    return y.positions() * x.positions();
  }

  /**
   * Writes some of the rows, those of n positions.
   *
   * @param base the first of the channels, in sample 0
   * @param first row: channel × taps + tap
   * @param columns gets so many rows of n elements
   */
  void gather(int base, int first, int rows, int from, int n, float[] columns) {
    int taps = y.taps() * x.taps();
    for (int r = 0; r < rows; r++) {
      int start = base + (first + r) / taps * y.extent() * x.extent();
      int tap = (first + r) % taps;
      gatherRow(start, tap / x.taps(), tap % x.taps(), from, n, columns, r * n);
    }
  }

  private void gatherRow(int start, int ty, int tx, int from, int n, float[] columns, int to) {
    int plane = plane();
    boolean shifted = y.step() == 1 && x.step() == 1 && x.positions() == x.extent();
    for (int done = 0; done < n; ) {
      int sample = (from + done) / plane;
      int first = (from + done) % plane;
      int count = Math.min(n - done, plane - first);
      if (shifted) {
        gatherShifted(start + sample * sampleStride, ty, tx, first, count, columns, to + done);
      } else {
        gatherPlane(start + sample * sampleStride, ty, tx, first, count, columns, to + done);
      }
      done += count;
    }
  }

  private void gatherPlane(int start, int ty, int tx, int first, int n, float[] columns, int to) {
    int yFrom = y.from(ty);
    int yTo = y.to(ty);
    int xFrom = x.from(tx);
    int xTo = x.to(tx);
    int py = first / x.positions();
    int px = first % x.positions();
    for (int done = 0; done < n; ) {
      int at = to + done;
      int count = Math.min(n - done, x.positions() - px);
      int low = Math.clamp(xFrom, px, px + count);
      int high = Math.clamp(xTo, low, px + count);
      if (py < yFrom || py >= yTo || low == high) {
        Arrays.fill(columns, at, at + count, 0f);
      } else {
        Arrays.fill(columns, at, at + low - px, 0f);
        int source = start + y.index(py, ty) * x.extent() + x.index(low, tx);
        copy(in, source, x.step(), columns, at + low - px, high - low);
        Arrays.fill(columns, at + high - px, at + count, 0f);
      }
      done += count;
      px = 0;
      py++;
    }
  }

  /**
   * Where positions lie as elements do, a row of the matrix is a piece of the plane from another
   * place on: copied at once, the columns that have come round a border set to zero.
   */
  private void gatherShifted(int start, int ty, int tx, int first, int n, float[] columns, int to) {
    int width = x.extent();
    int rowFrom = y.from(ty);
    int rowTo = y.to(ty);
    int columnFrom = x.from(tx);
    int columnTo = x.to(tx);
    int end = first + n;
    int low = Math.clamp(rowFrom * width + columnFrom, first, end);
    int high = Math.clamp((rowTo - 1) * width + columnTo, low, end);
    if (rowFrom == rowTo || columnFrom == columnTo || low == high) {
      Arrays.fill(columns, to, to + n, 0f);
      return;
    }
    int shift = y.index(0, ty) * width + x.index(0, tx);
    Arrays.fill(columns, to, to + low - first, 0f);
    System.arraycopy(in, start + low + shift, columns, to + low - first, high - low);
    Arrays.fill(columns, to + high - first, to + n, 0f);
    if (columnFrom > 0 || columnTo < width) {
      for (int row = low / width; row <= (high - 1) / width; row++) {
        zero(columns, to - first, row * width, row * width + columnFrom, low, high);
        zero(columns, to - first, row * width + columnTo, (row + 1) * width, low, high);
      }
    }
  }

  private static void zero(float[] columns, int base, int from, int to, int low, int high) {
    for (int i = Math.max(from, low); i < Math.min(to, high); i++) {
      columns[base + i] = 0f;
    }
  }

  /** n elements, which are a step apart where they come from. */
  static void copy(float[] from, int source, int step, float[] to, int target, int n) {
    if (step == 1) {
      System.arraycopy(from, source, to, target, n);
      return;
    }
    for (int i = 0; i < n; i++) {
      to[target + i] = from[source + i * step];
    }
  }
}
