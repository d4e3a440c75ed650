package dev.narrow.quant;

import dev.narrow.formats.NumericFormat;
import java.util.Arrays;

/** The amax with the least divergence: {@link Calibration.KlDivergence}. */
final class EntropySearch implements Groups.Choice {
  private final Trial trial;
  private final int bins;
  private final int fewest; // bins below a threshold

  private final int[] histogram;
  private final int[] filled; // the bins that are not empty, in order
  private final float[] centers; // of these

  EntropySearch(Trial trial, int bins, NumericFormat format) {
    this.trial = trial;
    this.bins = bins;
    boolean signed =
        format.decode(format.encode(-format.maxFinite(), format.defaultProjection())) < 0;
    int bits = format.width() - (signed ? 1 : 0);
    this.fewest = bits < 17 ? Math.min(bins, 1 << bits) : bins;
    this.histogram = new int[bins];
    this.filled = new int[bins];
    this.centers = new float[bins];
  }

  @Override
  public float amax(float[] values, int from, int to, int scale) {
    float amax = Groups.amax(values, from, to);
    if (amax == 0) {
      return 0;
    }
    double width = (double) amax / bins;
    int count = fill(values, from, to, width);
    int above = to - from;
    double clippedSum = 0; // of p ln p over the bins below the last
    double least = Double.POSITIVE_INFINITY;
    float best = amax;
    for (int k = 0; k < count; k++) {
      int mass = histogram[filled[k]];
      above -= mass;
      if (filled[k] + 1 >= fewest || k == count - 1) {
        float threshold = k == count - 1 ? amax : (float) ((filled[k] + 1) * width);
        trial.factor(scale, threshold);
        double divergence =
            divergence(k + 1, above, clippedSum + entropyTerm(mass + above), to - from, scale);
        if (divergence <= least) {
          least = divergence;
          best = threshold;
        }
      }
      clippedSum += entropyTerm(mass);
    }
    return best;
  }

  /** Counts magnitudes; returns how many bins are not empty. */
  private int fill(float[] values, int from, int to, double width) {
    Arrays.fill(histogram, 0);
    for (int i = from; i < to; i++) {
      histogram[Math.min(bins - 1, (int) (Math.abs(values[i]) / width))]++;
    }
    int count = 0;
    for (int bin = 0; bin < bins; bin++) {
      if (histogram[bin] > 0) {
        filled[count] = bin;
        centers[count++] = (float) ((bin + 0.5) * width);
      }
    }
    return count;
  }

  /**
   * The sum of P ln(P / Q) over the first n bins that are not empty: P = p / N, where p is a bin's
   * count, for the last with what lies above; Q = q / (N - above), where q is the mean count,
   * without what lies above, of the bins with the same code.
   *
   * @param sum of p ln p
   */
  private double divergence(int n, int above, double sum, int total, int scale) {
    double cross = 0; // the sum of p ln q
    double code = Double.NaN;
    int mass = 0; // of the bins with this code
    int sharing = 0;
    for (int from = 0; from < n; from += Encoding.CHUNK) {
      int length = Math.min(Encoding.CHUNK, n - from);
      float[] quantized = trial.quantized(centers, from, length, scale);
      for (int i = 0; i < length; i++) {
        if (quantized[i] != code && sharing > 0) {
          cross += mass * StrictMath.log((double) mass / sharing);
          mass = 0;
          sharing = 0;
        }
        code = quantized[i];
        mass += histogram[filled[from + i]];
        sharing++;
      }
    }
    cross += (mass + above) * StrictMath.log((double) mass / sharing);
    return (sum - cross) / total - StrictMath.log(total) + StrictMath.log(total - above);
  }

  private static double entropyTerm(double p) {
    return p * StrictMath.log(p);
  }
}
