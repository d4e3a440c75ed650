package dev.narrow.quant;

import java.util.Arrays;

/**
 * What decides which formats can hold numbers: how many there are of each magnitude. Made in one
 * pass; parts are merged into the whole.
 *
 * <p>Not safe for threads that add at the same time: give each its own, and merge.
 */
public final class TensorStatistics {
  /** The octave of the smallest float32, 2^-149. */
  public static final int LEAST_OCTAVE = -149;

  private static final int EXPONENTS = 256;
  private static final int SPECIAL = EXPONENTS - 1;

  private long count;
  private long zeros;
  private long nan;
  private float amax;
  private float smallest = Float.POSITIVE_INFINITY;
  private double sum;
  private double squares;
  private final long[] exponents = new long[EXPONENTS]; // of float32, biased
  private final long[] subnormals = new long[Float.MIN_EXPONENT - LEAST_OCTAVE]; // by octave

  /** Counts some numbers. */
  public void add(float[] values, int from, int n) {
    double total = 0;
    double energy = 0;
    for (int i = from; i < from + n; i++) {
      float x = values[i];
      float magnitude = Math.abs(x);
      int exponent = Float.floatToRawIntBits(magnitude) >>> 23;
      exponents[exponent]++;
      if (exponent == 0) {
        addSmall(magnitude);
      } else if (exponent == SPECIAL) {
        nan += Float.isNaN(x) ? 1 : 0;
      } else {
        amax = Math.max(amax, magnitude);
        smallest = Math.min(smallest, magnitude);
        total += x;
        energy += (double) x * x;
      }
    }
    count += n;
    sum += total;
    squares += energy;
  }

  private void addSmall(float magnitude) {
    if (magnitude == 0) {
      zeros++;
    } else {
      amax = Math.max(amax, magnitude);
      smallest = Math.min(smallest, magnitude);
      subnormals[Math.getExponent((double) magnitude) - LEAST_OCTAVE]++;
    }
  }

  /** Counts what another one has counted. */
  public void merge(TensorStatistics other) {
    count += other.count;
    zeros += other.zeros;
    nan += other.nan;
    amax = Math.max(amax, other.amax);
    smallest = Math.min(smallest, other.smallest);
    sum += other.sum;
    squares += other.squares;
    Arrays.setAll(exponents, i -> exponents[i] + other.exponents[i]);
    Arrays.setAll(subnormals, i -> subnormals[i] + other.subnormals[i]);
  }

  /** How many numbers there were. */
  public long count() {
    return count;
  }

  /** How many were zero, of either sign. */
  public long zeros() {
    return zeros;
  }

  /** How many were NaN. */
  public long nan() {
    return nan;
  }

  /** How many were infinite. */
  public long infinite() {
    return exponents[SPECIAL] - nan;
  }

  /** The largest finite magnitude; 0 if there was none but zero. */
  public float amax() {
    return amax;
  }

  /** The smallest magnitude other than zero; infinity if there was none. */
  public float smallest() {
    return smallest;
  }

  /** log2 of the ratio of the largest to the smallest magnitude; 0 if there was none but zero. */
  public double octaves() {
    return amax == 0 ? 0 : (Math.log(amax) - Math.log(smallest)) / Math.log(2);
  }

  /** The mean of the finite numbers, subnormal ones counted as zero; NaN if there was none. */
  public double mean() {
    return sum / finite();
  }

  /** The root of the mean square of the finite numbers; NaN if there was none. */
  public double rms() {
    return Math.sqrt(squares / finite());
  }

  private long finite() {
    return count - exponents[SPECIAL];
  }

  /**
   * How many finite numbers have a magnitude from 2^octave up to 2^(octave + 1).
   *
   * @param octave {@link #LEAST_OCTAVE} to 127
   * @throws IllegalArgumentException if it is out of range
   */
  public long inOctave(int octave) {
    if (octave < LEAST_OCTAVE || octave > Float.MAX_EXPONENT) {
      throw new IllegalArgumentException(
          "octave = " + octave + ", expected " + LEAST_OCTAVE + " to " + Float.MAX_EXPONENT);
    }
    return octave < Float.MIN_EXPONENT
        ? subnormals[octave - LEAST_OCTAVE]
        : exponents[octave + Float.MAX_EXPONENT];
  }
}
