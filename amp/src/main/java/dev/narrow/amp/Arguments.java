package dev.narrow.amp;

/** Checks of arguments. */
final class Arguments {
  private Arguments() {}

  /**
   * Checks that a condition on an argument holds.
   *
   * @throws IllegalArgumentException naming the argument, its value and its range
   */
  static void require(boolean holds, String argument, Number value, String range) {
    if (!holds) {
      throw new IllegalArgumentException(argument + " = " + value + ", expected " + range);
    }
  }

  /** Checks the decay of a moving average. */
  static void requireDecay(String argument, float value) {
    require(value >= 0 && value < 1, argument, value, "0 to below 1");
  }

  /** Checks a number that may be zero. */
  static void requireNotNegative(String argument, float value) {
    require(value >= 0 && value <= Float.MAX_VALUE, argument, value, "0 or more and finite");
  }

  /** Checks a number that may not be zero. */
  static void requirePositive(String argument, float value) {
    require(value > 0 && value <= Float.MAX_VALUE, argument, value, "positive and finite");
  }
}
