package dev.narrow.bench.gpu;

import java.util.Arrays;

/**
 * The median of some measurements, and the quartiles around it.
 *
 * @param low the first quartile
 * @param median the second
 * @param high the third
 */
record Quartiles(double low, double median, double high) {

  /** Of what was not measured. */
  static final Quartiles NONE = new Quartiles(Double.NaN, Double.NaN, Double.NaN);

  /** Of an odd number of values, better many. */
  static Quartiles of(double... values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int n = sorted.length;
    return new Quartiles(sorted[n / 4], sorted[n / 2], sorted[n - 1 - n / 4]);
  }
}
