package dev.narrow.repro.report;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;

/**
 * An axis that starts and ends on a tick, with ticks at 1, 2 or 5 times a power of ten. Ticks are
 * decimal numbers, so neither they nor their labels suffer from binary rounding.
 *
 * @param ticks in ascending order, two at least; the first is at or below, the last at or above
 *     what the axis was made for
 * @param logarithmic whether equal ratios, not equal differences, take equal room
 */
record Axis(List<Tick> ticks, boolean logarithmic) {
  /** Larger magnitudes count as diverged: they leave no room for arithmetic on the axis. */
  static final double LARGEST = 1e300;

  private static final double SMALLEST = 1e-300;
  private static final int[][] MANTISSAS = {{1, 2, 5}, {1}};
  private static final int[] STRIDES = {2, 5, 10, 20, 50, 100, 200, 500, 1000};

  record Tick(double value, String label) {}

  static boolean drawable(double value) {
    return Math.abs(value) <= LARGEST;
  }

  /** A linear axis over min to max with at most so many ticks, 3 or more. */
  static Axis linear(double min, double max, int most) {
    check(min, max, most);
    double magnitude = Math.max(Math.abs(min), Math.abs(max));
    if (magnitude < SMALLEST) {
      return linear(-1, 1, most);
    }
    if (max - min <= 1e-9 * magnitude) {
      double low = Math.max(min - 0.01 * magnitude, -LARGEST);
      return linear(low, Math.min(max + 0.01 * magnitude, LARGEST), most);
    }
    BigDecimal exactMin = new BigDecimal(min);
    BigDecimal exactMax = new BigDecimal(max);
    for (int e = (int) Math.floor(StrictMath.log10((max - min) / most)) - 1; ; e++) {
      for (int mantissa : MANTISSAS[0]) {
        BigDecimal step = BigDecimal.valueOf(mantissa).scaleByPowerOfTen(e);
        BigDecimal first = exactMin.divide(step, 0, RoundingMode.FLOOR);
        BigDecimal last = exactMax.divide(step, 0, RoundingMode.CEILING);
        BigDecimal count = last.subtract(first).add(BigDecimal.ONE);
        if (count.compareTo(BigDecimal.valueOf(most)) <= 0) {
          return steps(first, count.intValue(), step, e, magnitude);
        }
      }
    }
  }

  private static Axis steps(
      BigDecimal first, int count, BigDecimal step, int exponent, double magnitude) {
    boolean plain = exponent >= -5 && magnitude < 1e6;
    List<Tick> ticks = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      BigDecimal value = first.add(BigDecimal.valueOf(i)).multiply(step);
      String label =
          plain ? Numbers.fixed(value, Math.max(0, -exponent)) : Numbers.scientific(value);
      ticks.add(new Tick(value.doubleValue(), label));
    }
    return new Axis(ticks, false);
  }

  /** A logarithmic axis over min to max, both above 0, with at most so many ticks, 3 or more. */
  static Axis logarithmic(double min, double max, int most) {
    check(min, max, most);
    if (min <= 0) {
      throw new IllegalArgumentException("min = " + min + ", expected more than 0");
    }
    double low = Math.max(min, SMALLEST);
    double high = Math.max(max, SMALLEST);
    if (high <= low * (1 + 1e-9)) {
      return logarithmic(low / 2, Math.min(low * 2, LARGEST), most);
    }
    int from = (int) Math.floor(StrictMath.log10(low)) - 1;
    int to = (int) Math.ceil(StrictMath.log10(high)) + 1;
    for (int[] mantissas : MANTISSAS) {
      List<BigDecimal> candidates = new ArrayList<>();
      for (int e = from; e <= to; e++) {
        for (int mantissa : mantissas) {
          candidates.add(BigDecimal.valueOf(mantissa).scaleByPowerOfTen(e));
        }
      }
      List<BigDecimal> covering = covering(candidates, low, high);
      if (covering.size() <= most) {
        return logarithmic(covering);
      }
    }
    for (int stride : STRIDES) {
      List<BigDecimal> candidates = new ArrayList<>();
      for (int e = Math.floorDiv(from, stride); (e - 1) * stride < to; e++) {
        int exponent =
            Math.clamp((long) e * stride, -301, 301); // a tick's value is a finite double
        candidates.add(BigDecimal.ONE.scaleByPowerOfTen(exponent));
      }
      List<BigDecimal> covering = covering(candidates, low, high);
      if (covering.size() <= most) {
        return logarithmic(covering);
      }
    }
    throw new AssertionError("1000 decades take two ticks");
  }

  private static Axis logarithmic(List<BigDecimal> values) {
    List<Tick> ticks = new ArrayList<>();
    for (BigDecimal value : values) {
      double number = value.doubleValue();
      boolean plain = number >= 1e-3 && number < 1e5;
      String text =
          plain
              ? Numbers.fixed(value, Math.max(0, value.stripTrailingZeros().scale()))
              : Numbers.scientific(value);
      ticks.add(new Tick(number, text));
    }
    return new Axis(ticks, true);
  }

  /** From the last candidate at or below low to the first at or above high. */
  private static List<BigDecimal> covering(List<BigDecimal> candidates, double low, double high) {
    int first = 0;
    while (candidates.get(first + 1).compareTo(new BigDecimal(low)) <= 0) {
      first++;
    }
    int last = first;
    while (candidates.get(last).compareTo(new BigDecimal(high)) < 0) {
      last++;
    }
    return candidates.subList(first, last + 1);
  }

  double low() {
    return ticks.getFirst().value();
  }

  double high() {
    return ticks.getLast().value();
  }

  /** Where a value lies: 0 at the axis's start, 1 at its end, outside that beyond them. */
  double fraction(double value) {
    return logarithmic
        ? (StrictMath.log10(value) - StrictMath.log10(low()))
            / (StrictMath.log10(high()) - StrictMath.log10(low()))
        : (value - low()) / (high() - low());
  }

  /** How many decimals figures beside a linear axis have: hundredths for steps of 0.5 to 2. */
  int decimals() {
    double step = ticks.get(1).value() - ticks.get(0).value();
    return Math.clamp((int) Math.ceil(1.69 - StrictMath.log10(step)), 0, 9);
  }

  private static void check(double min, double max, int most) {
    if (!drawable(min) || !drawable(max) || min > max) {
      throw new IllegalArgumentException(
          "min = " + min + " and max = " + max + ", expected min <= max, both within 1e300");
    }
    if (most < 3) {
      throw new IllegalArgumentException("most = " + most + ", expected 3 or more");
    }
  }
}
