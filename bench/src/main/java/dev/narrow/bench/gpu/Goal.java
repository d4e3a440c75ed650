package dev.narrow.bench.gpu;

import java.util.Locale;

/**
 * What a figure is to reach.
 *
 * @param atLeast whether it is a lower limit
 * @param limit in the units of the figure
 */
record Goal(boolean atLeast, double limit) {
  static Goal atLeast(double limit) {
    return new Goal(true, limit);
  }

  static Goal atMost(double limit) {
    return new Goal(false, limit);
  }

  /** Whether a figure reaches it; one that could not be measured does not. */
  boolean isMet(double figure) {
    return atLeast ? figure >= limit : figure <= limit;
  }

  /** For example {@code ≥ 0.85}. */
  @Override
  public String toString() {
    return (atLeast ? "≥ " : "≤ ") + String.format(Locale.ROOT, "%.2f", limit);
  }
}
