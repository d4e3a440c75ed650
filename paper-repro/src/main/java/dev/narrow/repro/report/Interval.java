package dev.narrow.repro.report;

/**
 * An estimate with its two-sided confidence interval.
 *
 * @param estimate the estimate; NaN where a value it rests on was not finite
 * @param low the lower bound; NaN where fewer than two values were given
 * @param high the upper bound; NaN where fewer than two values were given
 * @param confidence the confidence of the bounds, between 0 and 1, for example 0.95
 */
public record Interval(double estimate, double low, double high, double confidence) {}
