package dev.narrow.kernels;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What a convolution and the gradient of its input have in common: each element of the output is a
 * sum over channels and taps of weight times input.
 *
 * <pre>
 *   out[n, g rows + r, p] = sum over (c, ty, tx) of weight(g, r, (c, ty, tx)) in[n, g channels + c, p's tap (ty, tx)]
 * </pre>
 *
 * One accumulator from +0 takes the terms by fused multiply-add, (c, ty, tx) ascending, an input
 * that does not exist being +0; then the bias is added.
 *
 * <p>It is a product of matrices, weights by {@link Patches}, in blocks of positions; or, where a
 * product would have too few rows to be fast, is computed plane by plane.
 *
 * @param rows channels of the output in each group
 * @param channels channels of the input in each group
 * @param bias a value for each channel of the output, or null
 */
@SuppressWarnings("ArrayRecordComponent") // views, never compared
record Correlation(
    int samples,
    int groups,
    int rows,
    int channels,
    TapAxis y,
    TapAxis x,
    Weights weights,
    float[] in,
    int inOffset,
    float @Nullable [] bias,
    int biasOffset,
    Grid out) {

  /** Floats in a block of patches: 4 MB, of which a product reads a part at a time. */
  static final int WORKSPACE = 1 << 20;

  /** The same where so few positions fit that a product of them would be slow. */
  private static final int LARGE_WORKSPACE = 1 << 22;

  /** Positions in a block are a multiple of what every vector width likes in a product. */
  static final int PANEL = 48;

  /** Samples with fewer positions share blocks. */
  private static final int LARGE_PLANE = 4 * PANEL;

  /** A product computes 4 or 8 rows at a time. */
  private static final int PRODUCT_ROWS = 4;

  /** The weight of group g, row r and term t: the strides lead from one to the next of each. */
  record Weights(float[] array, int offset, int groupStride, int rowStride, int termStride) {}

  /** Places in each plane of the output, every stepY rows and stepX columns from the first one. */
  record Grid(
      float[] array, int offset, int height, int width, int y, int x, int stepY, int stepX) {
    boolean isWhole() {
      return stepY == 1 && stepX == 1;
    }

    /** Stores n values of a row of positions. */
    void store(int plane, int row, int column, float[] values, int from, int n) {
      int to = offset + plane * height * width + (y + row * stepY) * width + x + column * stepX;
      if (stepX == 1) {
        System.arraycopy(values, from, array, to, n);
      } else {
        for (int i = 0; i < n; i++) {
          array[to + i * stepX] = values[from + i];
        }
      }
    }
  }

  private int plane() {
    return y.positions() * x.positions();
  }

  private int terms() {
    return channels * y.taps() * x.taps();
  }

  void run(Cpu cpu) {
    if (samples == 0 || groups * rows == 0 || plane() == 0) {
      return;
    }
    boolean plain = cpu.accumulator() instanceof Accumulator.Fp32; // which planes are summed up in
    if (plain && rows < PRODUCT_ROWS && weights.termStride() == 1 && terms() > 0) {
      Padded padded = Padded.of(y, x);
      if (padded.size() <= WORKSPACE / channels) {
        byPlanes(cpu, padded);
        return;
      }
    }
    byProducts(cpu);
  }

  private void byProducts(Cpu cpu) {
    int plane = plane();
    int terms = terms();
    boolean asIs = y.isIdentity() && x.isIdentity() && plane >= PANEL;
    boolean wholeSamples = asIs || plane >= LARGE_PLANE;
    boolean inPlace = wholeSamples && out.isWhole();
    int most = positions(asIs ? 1 : terms, inPlace ? 1 : rows);
    Cpu inner = cpu.within(Math.ceilDiv(samples * plane, PANEL));
    long cost = (long) groups * rows * Math.max(1, terms);
    cpu.share(
        samples * plane,
        PANEL,
        cost,
        (from, to) -> {
          int size = Math.min(most, to - from);
          float[] columns = Scratch.take(asIs ? 0 : terms * size);
          float[] product = Scratch.take(inPlace ? 0 : rows * size);
          int end;
          for (int start = from; start < to; start = end) {
            end = Math.min(to - start, size) + start;
            if (wholeSamples) {
              end = Math.min(end, start - start % plane + plane);
            }
            for (int group = 0; group < groups; group++) {
              block(inner, group, start, end - start, asIs, wholeSamples, columns, product);
            }
          }
          Scratch.give(product);
          Scratch.give(columns);
        });
  }

  /**
   * The positions of a block whose patches and whose product both have a bounded size; one, if that
   * alone is larger, since no sum is made in parts.
   *
   * @param terms floats of patches at each position
   * @param rows floats of the product at each position
   */
  static int positions(int terms, int rows) {
    int floats = Math.max(1, Math.max(terms, rows));
    int panels = WORKSPACE / floats / PANEL;
    return panels > 0 ? panels * PANEL : Math.clamp(LARGE_WORKSPACE / floats, 1, PANEL);
  }

  private void block(
      Cpu cpu,
      int group,
      int start,
      int n,
      boolean asIs,
      boolean inSample,
      float[] columns,
      float[] product) {
    int plane = plane();
    int terms = terms();
    int sample = start / plane;
    int first = start % plane;
    int sampleStride = groups * channels * y.extent() * x.extent();
    int base = inOffset + group * channels * y.extent() * x.extent();
    Matrix b;
    if (asIs) {
      b = Matrix.rowMajor(in, base + sample * sampleStride + first, terms, n, plane);
    } else {
      new Patches(y, x, in, sampleStride).gather(base, 0, terms, start, n, columns);
      b = Matrix.rowMajor(columns, 0, terms, n, n);
    }
    boolean inPlace = inSample && out.isWhole();
    int to = out.offset() + (sample * groups + group) * rows * plane + first;
    Matrix c =
        inPlace
            ? Matrix.rowMajor(out.array(), to, rows, n, plane)
            : Matrix.rowMajor(product, 0, rows, n, n);
    if (bias != null) {
      for (int row = 0; row < rows; row++) {
        int from = c.offset() + row * c.rowStride();
        Arrays.fill(c.array(), from, from + n, bias[biasOffset + group * rows + row]);
      }
    }
    Matrix a =
        new Matrix(
            weights.array(),
            weights.offset() + group * weights.groupStride(),
            rows,
            terms,
            weights.rowStride(),
            weights.termStride());
    cpu.multiply(a, b, c, bias != null);
    if (!inPlace) {
      for (int row = 0; row < rows; row++) {
        store(group * rows + row, start, n, product, row * n);
      }
    }
  }

  /** Stores one channel of the n positions from start on. */
  private void store(int channel, int start, int n, float[] values, int from) {
    int width = x.positions();
    for (int done = 0; done < n; ) {
      int sample = (start + done) / plane();
      int position = (start + done) % plane();
      int count = Math.min(n - done, width - position % width);
      out.store(
          sample * groups * rows + channel,
          position / width,
          position % width,
          values,
          from + done,
          count);
      done += count;
    }
  }

  private void byPlanes(Cpu cpu, Padded padded) {
    int terms = terms();
    int[] offsets = Scratch.takeInts(terms);
    for (int t = 0; t < terms; t++) {
      int tx = t % x.taps();
      int ty = t / x.taps() % y.taps();
      offsets[t] = t / (x.taps() * y.taps()) * (int) padded.size() + padded.offset(ty, tx);
    }
    int pitch = padded.width();
    int n = (y.positions() - 1) * pitch + x.positions();
    int inPlane = y.extent() * x.extent();
    cpu.share(
        samples * groups,
        1,
        (long) rows * terms * n,
        (from, to) -> {
          float[] planes = Scratch.take(channels * (int) padded.size());
          float[] sums = Scratch.take(n);
          Arrays.fill(planes, 0, channels * (int) padded.size(), 0f);
          for (int unit = from; unit < to; unit++) {
            for (int c = 0; c < channels; c++) {
              padded.fill(
                  in, inOffset + (unit * channels + c) * inPlane, planes, c * (int) padded.size());
            }
            for (int row = 0; row < rows; row++) {
              int group = unit % groups;
              cpu.kernels()
                  .correlate(
                      weights.array(),
                      weights.offset() + group * weights.groupStride() + row * weights.rowStride(),
                      offsets,
                      terms,
                      planes,
                      0,
                      bias == null ? -0f : bias[biasOffset + group * rows + row],
                      sums,
                      0,
                      n);
              for (int py = 0; py < y.positions(); py++) {
                out.store(unit * rows + row, py, 0, sums, py * pitch, x.positions());
              }
            }
          }
          Scratch.give(sums);
          Scratch.give(planes);
        });
    Scratch.give(offsets);
  }
}
