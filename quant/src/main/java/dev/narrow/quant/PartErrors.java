package dev.narrow.quant;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The quantization error of each part of a tensor, an index of an axis, a block or a tile: which of
 * them are worst. In few bytes a part, so that there may be millions; {@link
 * QuantizationError#measure(Tensor, Tensor, Granularity, int)} gives the whole report of one.
 *
 * <pre>{@code
 * PartErrors rows = PartErrors.measure(w, q, new Granularity.PerAxis(0));
 * for (int row : rows.worst(10)) {
 *   out.println(row + ": " + rows.sqnrDb(row) + " dB");
 * }
 * }</pre>
 */
public final class PartErrors {
  private final double[] signal;
  private final double[] noise;

  private PartErrors(int parts) {
    signal = new double[parts];
    noise = new double[parts];
  }

  /**
   * Measures the parts of a tensor.
   *
   * @param reference the values before
   * @param quantized the codes and scales after, or the values
   * @param parts how the tensor is divided, which need not be as its scales are; {@code
   *     quantized.scales().granularity()} for the parts that share a scale
   * @throws IllegalArgumentException if the shapes differ, or have too few axes
   * @throws UnsupportedOperationException if a storage is not memory of the host
   */
  public static PartErrors measure(Tensor reference, Tensor quantized, Granularity parts) {
    QuantizationError.requireShape(reference, quantized);
    PartErrors errors = new PartErrors(parts.scales(reference.shape()));
    float[] before = reference.toFloats();
    float[] after = quantized.toFloats();
    parts.forEach(
        reference.shape(),
        (from, n, first, block) -> {
          for (int i = 0; i < n; i += block) {
            errors.add(before, after, from + i, Math.min(block, n - i), first + i / block);
          }
        });
    return errors;
  }

  /** The elements of one part. */
  static int[] elements(Shape shape, Granularity parts, int part) {
    IntStream.Builder elements = IntStream.builder();
    parts.forEach(
        shape,
        (from, n, first, block) -> {
          long start = (long) (part - first) * block;
          if (start >= 0 && start < n) {
            int end = (int) Math.min(n, start + block);
            IntStream.range(from + (int) start, from + end).forEach(elements);
          }
        });
    return elements.build().toArray();
  }

  private void add(float[] before, float[] after, int from, int n, int part) {
    double signalSum = 0;
    double noiseSum = 0;
    for (int i = from; i < from + n; i++) {
      double x = before[i];
      double y = after[i];
      if (Double.isFinite(x)) {
        signalSum += x * x;
        noiseSum += Double.isFinite(y) ? (x - y) * (x - y) : Double.POSITIVE_INFINITY;
      }
    }
    signal[part] += signalSum;
    noise[part] += noiseSum;
  }

  /** How many parts there are, in the row-major order of their grid. */
  public int count() {
    return signal.length;
  }

  /** Sum of x² over the elements of a part that are finite before. */
  public double signal(int part) {
    return signal[part];
  }

  /** Sum of (x - y)² over the same; infinite if one of them became infinite or NaN. */
  public double noise(int part) {
    return noise[part];
  }

  /**
   * The signal to quantization noise ratio of a part in decibels, 10 log10(signal / noise):
   * infinite if nothing changed, and -infinity if a finite element became infinite or NaN.
   */
  public double sqnrDb(int part) {
    return noise[part] == 0
        ? Double.POSITIVE_INFINITY
        : 10 * StrictMath.log10(signal[part] / noise[part]);
  }

  /**
   * The parts with the lowest signal to quantization noise ratio, the worst first; of equal ones
   * the first.
   *
   * @param limit how many at most
   * @throws IllegalArgumentException if the limit is negative
   */
  public List<Integer> worst(int limit) {
    return IntStream.range(0, count())
        .boxed()
        .sorted(Comparator.comparingDouble(this::sqnrDb))
        .limit(limit)
        .toList();
  }

  /** Whether signal and noise of all parts are the same. */
  @Override
  public boolean equals(Object other) {
    return other instanceof PartErrors that
        && Arrays.equals(signal, that.signal)
        && Arrays.equals(noise, that.noise);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(signal) * 31 + Arrays.hashCode(noise);
  }
}
