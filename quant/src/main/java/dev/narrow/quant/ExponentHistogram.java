package dev.narrow.quant;

import java.io.Serializable;
import java.util.Arrays;

/**
 * How many of a tensor's numbers lie in each octave, the binades of float32, whatever their sign;
 * zeros, infinities and NaN are counted apart.
 */
public final class ExponentHistogram implements Serializable {
  private static final long serialVersionUID = 1;

  /** The octave that stands for all numbers below 2^-126, the subnormal ones of float32. */
  public static final int MIN_OCTAVE = Float.MIN_EXPONENT - 1;

  /** The octave of the largest floats. */
  public static final int MAX_OCTAVE = Float.MAX_EXPONENT;

  /** The histogram of nothing: the identity of {@link #merge}. */
  static final ExponentHistogram NONE = new ExponentHistogram(new long[256 + 2]);

  private static final int FIELDS = 256;
  private static final int SPECIAL = FIELDS - 1;

  // Bins: subnormal numbers, 254 octaves, NaN, zeros, infinities.
  private static final int ZEROS = FIELDS;
  private static final int INFINITIES = FIELDS + 1;

  private final long[] bins;

  private ExponentHistogram(long[] bins) {
    this.bins = bins;
  }

  /**
   * Counts of the exponent fields of float32.
   *
   * @param fields how many numbers have each
   * @param zeros how many of those with field 0 are zero
   * @param infinities how many of those with field 255 are infinite
   */
  static ExponentHistogram of(long[] fields, long zeros, long infinities) {
    long[] bins = Arrays.copyOf(fields, FIELDS + 2);
    bins[0] -= zeros;
    bins[SPECIAL] -= infinities;
    bins[ZEROS] = zeros;
    bins[INFINITIES] = infinities;
    return new ExponentHistogram(bins);
  }

  /**
   * Numbers x with 2^octave ≤ |x| &lt; 2^(octave + 1), and for {@link #MIN_OCTAVE} all below 2^-126
   * but zero.
   *
   * @param octave {@link #MIN_OCTAVE} to {@link #MAX_OCTAVE}
   * @throws IllegalArgumentException if it is outside of them
   */
  public long count(int octave) {
    if (octave < MIN_OCTAVE || octave > MAX_OCTAVE) {
      throw new IllegalArgumentException(
          "octave = " + octave + ", expected " + MIN_OCTAVE + " to " + MAX_OCTAVE);
    }
    return bins[octave - MIN_OCTAVE];
  }

  /** Zeros of either sign. */
  public long zeros() {
    return bins[ZEROS];
  }

  /** Infinities of either sign. */
  public long infinities() {
    return bins[INFINITIES];
  }

  /** NaNs. */
  public long nans() {
    return bins[SPECIAL];
  }

  /** All numbers. */
  public long total() {
    return Arrays.stream(bins).sum();
  }

  /** The counts of two parts together. */
  public ExponentHistogram merge(ExponentHistogram other) {
    long[] sums = bins.clone();
    for (int i = 0; i < sums.length; i++) {
      sums[i] += other.bins[i];
    }
    return new ExponentHistogram(sums);
  }

  /**
   * The divergence of Kullback and Leibler, sum of p ln(p / q), of this distribution p from another
   * one, q, in nats: what is lost if q is taken for p.
   *
   * <p>The bins are the octaves, zeros, infinities and NaN, as far as one of the histograms has a
   * number there. So that it is finite where q has none, half a number is added to each of these
   * bins in both (the prior of H. Jeffreys): with k bins and n numbers, p = (count + 1/2) / (n +
   * k/2).
   *
   * @return 0 or more; 0 where the histograms are equal, NaN where both are empty
   */
  public double divergence(ExponentHistogram other) {
    int occupied = 0;
    for (int i = 0; i < bins.length; i++) {
      occupied += bins[i] + other.bins[i] > 0 ? 1 : 0;
    }
    double n = total() + occupied / 2.0;
    double otherN = other.total() + occupied / 2.0;
    double sum = 0;
    for (int i = 0; i < bins.length; i++) {
      if (bins[i] + other.bins[i] > 0) {
        double p = (bins[i] + 0.5) / n;
        double q = (other.bins[i] + 0.5) / otherN;
        sum += p * StrictMath.log(p / q);
      }
    }
    return occupied == 0 ? Double.NaN : Math.max(0, sum);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ExponentHistogram that && Arrays.equals(bins, that.bins);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bins);
  }

  /** The octaves that have numbers, for example {@code zero: 1, 2^-3: 7}. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    append(text, "zero", zeros());
    append(text, "below 2^" + Float.MIN_EXPONENT, bins[0]);
    for (int field = 1; field < SPECIAL; field++) {
      append(text, "2^" + (field + MIN_OCTAVE), bins[field]);
    }
    append(text, "infinite", infinities());
    append(text, "NaN", nans());
    return text.toString();
  }

  private static void append(StringBuilder text, String bin, long count) {
    if (count > 0) {
      text.append(text.isEmpty() ? "" : ", ").append(bin).append(": ").append(count);
    }
  }
}
