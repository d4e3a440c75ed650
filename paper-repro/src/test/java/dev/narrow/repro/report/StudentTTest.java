package dev.narrow.repro.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Scale;
import org.junit.jupiter.api.Test;

class StudentTTest {

  @Test
  void quantilesAreThoseOfAnArbitraryPrecisionLibrary() throws IOException {
    int count = 0;
    for (String line : table()) {
      String[] fields = line.split(",", -1);
      double p = Double.parseDouble(fields[0]);
      int df = Integer.parseInt(fields[1]);
      double t = Double.parseDouble(fields[2]);
      assertEquals(t, StudentT.quantile(p, df), 1e-14 * Math.abs(t), "p " + p + ", df " + df);
      count++;
    }
    assertEquals(540, count);
  }

  @Test
  void quantilesAreThoseOfThePrintedTables() {
    // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, to its three decimals.
    double[][] printed = {
      {0.95, 1, 6.314}, {0.975, 1, 12.706}, {0.975, 2, 4.303}, {0.975, 3, 3.182},
      {0.975, 4, 2.776}, {0.99, 4, 3.747}, {0.975, 9, 2.262}, {0.995, 9, 3.250},
      {0.975, 30, 2.042}, {0.975, 100, 1.984},
    };
    for (double[] row : printed) {
      assertEquals(row[2], StudentT.quantile(row[0], (int) row[1]), 5e-4);
    }
  }

  @Property
  void oneDegreeOfFreedomIsTheCauchyDistribution(
      @ForAll @DoubleRange(min = 1e-3, max = 0.999) @Scale(15) double p) {
    double closed = StrictMath.tan(Math.PI * (p - 0.5));
    assertEquals(closed, StudentT.quantile(p, 1), 1e-12 * (1 + Math.abs(closed)));
  }

  @Property
  void twoDegreesOfFreedomHaveAClosedForm(
      @ForAll @DoubleRange(min = 1e-6, max = 1) @Scale(15) double p) {
    if (p < 1) {
      double closed = (2 * p - 1) / Math.sqrt(2 * p * (1 - p));
      assertEquals(closed, StudentT.quantile(p, 2), 1e-13 * Math.abs(closed));
    }
  }

  @Property
  void theTailAboveTheQuantileIsTheRest(
      @ForAll @DoubleRange(min = 1e-12, max = 0.5) @Scale(15) double p,
      @ForAll @IntRange(min = 1, max = 2000) int df) {
    double t = -StudentT.quantile(p, df);
    // An error of an ulp in t moves the tail by t f(t) ulps relative to itself: up to about t^2.
    assertEquals(p, StudentT.upperTail(t, df), 1e-14 * p * (1 + Math.min(t * t, df)));
  }

  @Property
  void theDistributionIsSymmetric(
      @ForAll @DoubleRange(min = 0.5, max = 1) @Scale(15) double p,
      @ForAll @IntRange(min = 1, max = 300) int df) {
    if (p < 1) {
      assertEquals(0.0, StudentT.quantile(p, df) + StudentT.quantile(1 - p, df));
    }
  }

  @Property
  void moreSeedsMakeNarrowerIntervals(
      @ForAll @DoubleRange(min = 1e-9, max = 0.45) @Scale(15) double p,
      @ForAll @IntRange(min = 1, max = 1000) int df) {
    assertTrue(-StudentT.quantile(p, df) > -StudentT.quantile(p, df + 1));
  }

  @Test
  void argumentsOutOfRangeAreNamed() {
    assertEquals("df = 0, expected 1 or more", message(() -> StudentT.quantile(0.9, 0)));
    for (double p : new double[] {0, 1, -1, Double.NaN}) {
      assertTrue(message(() -> StudentT.quantile(p, 3)).startsWith("p = " + p));
    }
  }

  private static String message(Runnable code) {
    return String.valueOf(assertThrows(IllegalArgumentException.class, code::run).getMessage());
  }

  /** Made by student_t.py beside it. */
  private static List<String> table() throws IOException {
    try (var in = Objects.requireNonNull(StudentTTest.class.getResourceAsStream("student_t.csv"));
        var reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      return reader.lines().skip(1).toList();
    }
  }
}
