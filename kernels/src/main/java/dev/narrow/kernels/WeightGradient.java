package dev.narrow.kernels;

import java.util.Arrays;

/**
 * The gradient of a convolution's weights:
 *
 * <pre>
 *   dweight[g rows + r, c, ty, tx] = sum over positions p of dy[g rows + r, p] in[g channels + c, p's tap (ty, tx)]
 * </pre>
 *
 * The positions of all samples follow one another, (n, oy, ox) ascending. Each run of {@link #RUN}
 * of them has one accumulator from +0, which takes its terms by fused multiply-add; the sums of the
 * runs are added in turn, each addition rounded.
 *
 * <p>It is a product of {@link Patches} by the transpose of dy, which is transposed at the end: the
 * patches, the larger operand, are then read as they lie.
 *
 * @param rows channels of the output in each group
 * @param channels channels of the input in each group
 */
@SuppressWarnings("ArrayRecordComponent") // views, never compared
record WeightGradient(
    int samples,
    int groups,
    int rows,
    int channels,
    TapAxis y,
    TapAxis x,
    float[] in,
    int inOffset,
    float[] dy,
    int dyOffset,
    float[] dweight,
    int dweightOffset) {

  /** Terms that have an accumulator of their own: part of the definition, and so of the bits. */
  static final int RUN = 1024;

  private static final int TILE = 16;

  /** Channels and taps of a group: the weights of a channel of the output. */
  private int terms() {
    return channels * y.taps() * x.taps();
  }

  private int plane() {
    return y.positions() * x.positions();
  }

  void run(Cpu cpu) {
    if (rows == 0 || terms() == 0) {
      return;
    }
    int all = groups * terms();
    Cpu inner = cpu.within(Math.ceilDiv(all, TILE));
    cpu.share(
        all,
        TILE,
        (long) rows * samples * plane(),
        (from, to) -> {
          int size = Math.min(Math.min(Correlation.WORKSPACE / RUN, terms()), to - from);
          int run = Math.min(RUN, samples * plane());
          float[] columns = Scratch.take(size * run);
          float[] gradients = Scratch.take(rows * run);
          float[] sums = Scratch.take(size * rows);
          int count;
          for (int start = from; start < to; start += count) {
            count = Math.min(Math.min(size, to - start), terms() - start % terms());
            block(inner, start, count, columns, gradients, sums);
          }
          Scratch.give(sums);
          Scratch.give(gradients);
          Scratch.give(columns);
        });
  }

  /** Some terms of a group: its channels and taps, those of all groups being numbered as one. */
  private void block(
      Cpu cpu, int term, int terms, float[] columns, float[] gradients, float[] sums) {
    int plane = plane();
    int group = term / terms();
    int firstTerm = term % terms();
    int inPlane = y.extent() * x.extent();
    int base = inOffset + group * channels * inPlane;
    int sampleStride = groups * channels * inPlane;
    Patches patches = new Patches(y, x, in, sampleStride);
    Matrix c = Matrix.rowMajor(sums, 0, terms, rows, rows);
    Arrays.fill(sums, 0, terms * rows, 0f); // what is left if there are no positions
    int n;
    for (int start = 0; start < samples * plane; start += n) {
      n = Math.min(RUN, samples * plane - start);
      int sample = start / plane;
      int first = start % plane;
      boolean inSample = first + n <= plane;
      Matrix a;
      if (inSample && y.isIdentity() && x.isIdentity()) {
        int at = base + sample * sampleStride + firstTerm * inPlane + first;
        a = Matrix.rowMajor(in, at, terms, n, plane);
      } else {
        patches.gather(base, firstTerm, terms, start, n, columns);
        a = Matrix.rowMajor(columns, 0, terms, n, n);
      }
      Matrix b;
      if (inSample) {
        int at = dyOffset + (sample * groups + group) * rows * plane + first;
        b = Matrix.rowMajor(dy, at, rows, n, plane);
      } else {
        gatherGradients(group, start, n, gradients);
        b = Matrix.rowMajor(gradients, 0, rows, n, n);
      }
      cpu.multiply(a, b.transposed(), c, start > 0);
    }
    store(sums, terms, dweightOffset + group * rows * terms() + firstTerm);
  }

  /** Transposes the sums, a few rows at a time so that their cache lines are read once. */
  private void store(float[] sums, int terms, int to) {
    int rowStride = terms();
    for (int from = 0; from < terms; from += TILE) {
      for (int row = 0; row < rows; row++) {
        for (int t = from; t < Math.min(terms, from + TILE); t++) {
          dweight[to + row * rowStride + t] = sums[t * rows + row];
        }
      }
    }
  }

  private void gatherGradients(int group, int start, int n, float[] gradients) {
    int plane = plane();
    for (int done = 0; done < n; ) {
      int first = (start + done) % plane;
      int count = Math.min(n - done, plane - first);
      int from = dyOffset + ((start + done) / plane * groups + group) * rows * plane + first;
      for (int row = 0; row < rows; row++) {
        System.arraycopy(dy, from + row * plane, gradients, row * n + done, count);
      }
      done += count;
    }
  }
}
