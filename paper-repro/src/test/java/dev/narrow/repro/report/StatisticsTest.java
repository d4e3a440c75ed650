package dev.narrow.repro.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class StatisticsTest {

  @Test
  void textbookExample() {
    double[] values = {2, 4, 4, 4, 5, 5, 7, 9};
    assertEquals(5, Statistics.mean(values));
    assertEquals(Math.sqrt(32.0 / 7), Statistics.standardDeviation(values));
  }

  @Test
  void aSingleSeedHasAMeanAndNoSpread() {
    assertEquals(97.5, Statistics.mean(97.5));
    assertEquals(Double.NaN, Statistics.standardDeviation(97.5));
    assertEquals(
        new Interval(97.5, Double.NaN, Double.NaN, 0.95), Statistics.meanInterval(0.95, 97.5));
  }

  @Test
  void aDivergedSeedMakesTheMeanNan() {
    assertEquals(Double.NaN, Statistics.mean(1, Double.POSITIVE_INFINITY));
    assertEquals(Double.NaN, Statistics.mean(1, Double.NaN));
    Interval interval = Statistics.meanInterval(0.95, 1, Double.NaN);
    assertEquals(new Interval(Double.NaN, Double.NaN, Double.NaN, 0.95), interval);
  }

  @Test
  void pairingTakesOutWhatTheSeedsShare() {
    // Differences -0.5, -0.1, -0.3: mean -0.3, s = 0.2, t(0.975, 2) = 0.95 / sqrt(0.04875).
    double[] baseline = {90, 95, 92};
    double[] values = {89.5, 94.9, 91.7};
    Interval interval = Statistics.pairedDifference(0.95, values, baseline);
    double half = 0.95 / Math.sqrt(0.04875) * 0.2 / Math.sqrt(3);
    assertEquals(-0.3, interval.estimate(), 1e-13);
    assertEquals(-0.3 - half, interval.low(), 1e-12);
    assertEquals(-0.3 + half, interval.high(), 1e-12);
  }

  @Property
  void anIntervalOfConstantDifferencesIsAPoint(
      @ForAll @DoubleRange(min = -100, max = 100) double difference,
      @ForAll @IntRange(min = 2, max = 40) int seeds) {
    double[] values = new double[seeds];
    Arrays.fill(values, difference);
    Interval interval = Statistics.pairedDifference(0.95, values, new double[seeds]);
    assertEquals(difference, interval.estimate());
    assertEquals(difference, interval.low());
    assertEquals(difference, interval.high());
  }

  @Property
  void theMeanIsWithinAnUlp(
      @ForAll @Size(min = 1, max = 50) List<@DoubleRange(min = -1e9, max = 1e9) Double> list) {
    double[] values = array(list);
    BigDecimal sum = BigDecimal.ZERO;
    for (double value : values) {
      sum = sum.add(new BigDecimal(value));
    }
    double exact = sum.divide(BigDecimal.valueOf(values.length), new MathContext(60)).doubleValue();
    // Where terms cancel, what compensation leaves is of the second order: n^2 2^-106 of them.
    double largest = Arrays.stream(values).map(Math::abs).max().orElseThrow();
    assertEquals(exact, Statistics.mean(values), Math.ulp(exact) + largest * 0x1p-90);
  }

  @Property
  void anIntervalWidensWithConfidence(
      @ForAll @Size(min = 2, max = 9) List<@DoubleRange(min = 90, max = 99) Double> list) {
    double[] values = array(list);
    Interval narrow = Statistics.meanInterval(0.8, values);
    Interval wide = Statistics.meanInterval(0.95, values);
    assertTrue(wide.low() <= narrow.low() && narrow.high() <= wide.high());
    assertTrue(narrow.low() <= narrow.estimate() && narrow.estimate() <= narrow.high());
  }

  @Test
  void wrongArgumentsAreNamed() {
    assertEquals(
        "values is empty, expected 1 or more", message(() -> Statistics.mean(new double[0])));
    assertEquals(
        "confidence = 1.0, expected more than 0 and less than 1",
        message(() -> Statistics.meanInterval(1, 1, 2)));
    assertEquals(
        "values has 2 figures and baseline 1, expected as many: they are paired by seed",
        message(() -> Statistics.differences(new double[2], new double[1])));
  }

  private static double[] array(List<Double> list) {
    return list.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private static String message(Runnable code) {
    return String.valueOf(assertThrows(IllegalArgumentException.class, code::run).getMessage());
  }
}
