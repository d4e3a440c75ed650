package dev.narrow.quant;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The finite elements of each scale, side by side in an array of their own, which takes as much
 * memory as the tensor.
 */
final class Groups {
  /** What one thread does at a time. */
  private static final int SHARE = 256;

  private final float[] values;
  private final int[] ends; // of each group; it begins where the one before ends

  private Groups(float[] values, int[] ends) {
    this.values = values;
    this.ends = ends;
  }

  static Groups of(Floats elements, Shape shape, Granularity granularity) {
    int[] counts = new int[granularity.scales(shape)];
    forEachFinite(elements, shape, granularity, (_, scale) -> counts[scale]++);
    int[] ends = new int[counts.length];
    for (int k = 1; k < ends.length; k++) {
      ends[k] = ends[k - 1] + counts[k - 1];
    }
    int size = ends.length == 0 ? 0 : ends[ends.length - 1] + counts[ends.length - 1];
    float[] values = new float[size];
    forEachFinite(elements, shape, granularity, (x, scale) -> values[ends[scale]++] = x);
    return new Groups(values, ends);
  }

  @FunctionalInterface
  private interface Element {
    void visit(float x, int scale);
  }

  private static void forEachFinite(
      Floats elements, Shape shape, Granularity granularity, Element visitor) {
    float[] array = elements.array();
    granularity.forEach(
        shape,
        (from, n, first, block) -> {
          for (int start = 0, scale = first; start < n; start += block, scale++) {
            int at = elements.offset() + from;
            for (int i = at + start; i < at + Math.min(n, start + block); i++) {
              if (Float.isFinite(array[i])) {
                visitor.visit(array[i], scale);
              }
            }
          }
        });
  }

  /** Chooses the amax of one scale. */
  @FunctionalInterface
  interface Choice {
    /**
     * The amax of values[from] to values[to - 1], at least one, which may be changed.
     *
     * @param scale its index
     */
    float amax(float[] values, int from, int to, int scale);
  }

  /** Makes choices for one thread. */
  @FunctionalInterface
  interface Chooser {
    Choice forOneThread();
  }

  /** The amax of each group; zero where there are no finite elements. */
  void choose(Chooser chooser, float[] amax) {
    IntStream.range(0, Math.ceilDiv(ends.length, SHARE))
        .parallel()
        .forEach(share -> {
          Choice choice = chooser.forOneThread();
          int last = Math.min(ends.length, (share + 1) * SHARE);
          for (int k = share * SHARE; k < last; k++) {
            int from = k == 0 ? 0 : ends[k - 1];
            amax[k] = from == ends[k] ? 0 : choice.amax(values, from, ends[k], k);
          }
        });
  }

  /** The largest magnitude. */
  static float amax(float[] values, int from, int to) {
    float amax = 0;
    for (int i = from; i < to; i++) {
      amax = Math.max(amax, Math.abs(values[i]));
    }
    return amax;
  }

  /** See {@link Calibration.Percentile}. */
  static float percentile(float[] values, int from, int to, double percent) {
    for (int i = from; i < to; i++) {
      values[i] = Math.abs(values[i]);
    }
    Arrays.parallelSort(values, from, to);
    double at = (to - from - 1) * (percent / 100);
    int below = (int) at;
    double t = at - below;
    double low = values[from + below];
    double high = values[Math.min(from + below + 1, to - 1)];
    // from the nearer end, as NumPy does
    double between = t < 0.5 ? low + (high - low) * t : high - (high - low) * (1 - t);
    return between == 0 ? values[to - 1] : (float) between;
  }
}
