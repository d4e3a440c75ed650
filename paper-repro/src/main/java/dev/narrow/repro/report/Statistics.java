package dev.narrow.repro.report;

/**
 * What a handful of seeds says about an arm. Plain double arithmetic in a fixed order: the same
 * values give the same bits on every machine. A value that is not finite (a run that diverged)
 * makes the result NaN; nothing is left out silently.
 */
public final class Statistics {

  private Statistics() {}

  /**
   * The arithmetic mean. The mean of equal values is that value, exactly.
   *
   * @param values one figure for each seed
   * @return the mean
   * @throws IllegalArgumentException if there are no values
   */
  public static double mean(double... values) {
    if (values.length == 0) {
      throw new IllegalArgumentException("values is empty, expected 1 or more");
    }
    double sum = 0;
    double lost = 0; // what the additions rounded off (Neumaier 1974)
    for (double value : values) {
      double next = sum + value;
      lost += Math.abs(sum) >= Math.abs(value) ? (sum - next) + value : (value - next) + sum;
      sum = next;
    }
    double mean = (sum + lost) / values.length;
    // And what the division rounded off, so that equal values have themselves as their mean.
    mean += (Math.fma(-values.length, mean, sum) + lost) / values.length;
    return Double.isFinite(mean) ? mean : Double.NaN;
  }

  /**
   * The sample standard deviation, sqrt(sum (x - mean)^2 / (n - 1)); NaN for a single value.
   *
   * @param values one figure for each seed
   * @return the standard deviation
   * @throws IllegalArgumentException if there are no values
   */
  public static double standardDeviation(double... values) {
    double mean = mean(values);
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    return values.length < 2 ? Double.NaN : Math.sqrt(squares / (values.length - 1));
  }

  /**
   * The mean with the interval mean ± t s / sqrt(n), where s is the sample standard deviation and t
   * the quantile of Student's distribution at (1 + confidence) / 2 with n - 1 degrees of freedom.
   * The bounds are NaN for a single value.
   *
   * @param confidence between 0 and 1, exclusive, for example 0.95
   * @param values one figure for each seed
   * @return the mean and its bounds
   * @throws IllegalArgumentException if there are no values, or confidence is out of range
   */
  public static Interval meanInterval(double confidence, double... values) {
    if (!(confidence > 0 && confidence < 1)) {
      throw new IllegalArgumentException(
          "confidence = " + confidence + ", expected more than 0 and less than 1");
    }
    double mean = mean(values);
    if (values.length < 2) {
      return new Interval(mean, Double.NaN, Double.NaN, confidence);
    }
    // Half of 1 - confidence is exact enough where (1 + confidence) / 2 would round to 1.
    double t = -StudentT.quantile((1 - confidence) / 2, values.length - 1);
    double half = t * standardDeviation(values) / Math.sqrt(values.length);
    return new Interval(mean, mean - half, mean + half, confidence);
  }

  /**
   * The mean of values[i] - baseline[i] with its interval: the paired t interval, for arms that
   * share seed i.
   *
   * @param confidence between 0 and 1, exclusive, for example 0.95
   * @param values one figure for each seed
   * @param baseline the baseline's figures for the same seeds in the same order
   * @return the mean difference and its bounds
   * @throws IllegalArgumentException if the lengths differ or are 0, or confidence is out of range
   */
  public static Interval pairedDifference(double confidence, double[] values, double[] baseline) {
    return meanInterval(confidence, differences(values, baseline));
  }

  /**
   * The differences values[i] - baseline[i].
   *
   * @param values one figure for each seed
   * @param baseline the baseline's figures for the same seeds in the same order
   * @return one difference for each seed
   * @throws IllegalArgumentException if the lengths differ
   */
  public static double[] differences(double[] values, double[] baseline) {
    if (values.length != baseline.length) {
      throw new IllegalArgumentException(
          "values has "
              + values.length
              + " figures and baseline "
              + baseline.length
              + ", expected as many: they are paired by seed");
    }
    double[] differences = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      differences[i] = values[i] - baseline[i];
    }
    return differences;
  }
}
