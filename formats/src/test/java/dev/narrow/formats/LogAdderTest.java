package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The approximate adders of LNS8, over all pairs of codes. */
class LogAdderTest {
  private static final Projection PROJECTION = Formats.LNS8.defaultProjection();

  private static LogAdder adder(int entries) {
    return LogAdder.of(Formats.LNS8, entries, PROJECTION);
  }

  @ParameterizedTest
  @CsvSource({"1, 6.07", "2, 6.03", "4, 3.16", "8, 0"})
  void theLargestErrorIsThatOfTheLiterature(int entries, double percent) {
    assertEquals(percent, 100 * adder(entries).largestError(), 0.005);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 8})
  void noSumIsFartherOffThanTheErrorAllows(int entries) {
    LogAdder adder = adder(entries);
    double error = adder.largestError();
    double halfStep = Math.pow(2, 1 / 16.0);
    double smallest = Formats.LNS8.limits().minPositive();
    double largest = Formats.LNS8.limits().maxFinite();
    for (int a = 0; a < 256; a++) {
      for (int b = 0; b < 256; b++) {
        double x = Formats.LNS8.decodeDouble(a);
        double y = Formats.LNS8.decodeDouble(b);
        double sum = Formats.LNS8.decodeDouble(adder.add(a, b));
        if (Double.isNaN(x + y)) {
          assertTrue(Double.isNaN(sum));
          continue;
        }
        double off = error * Math.max(Math.abs(x), Math.abs(y));
        double low = x + y - off;
        double high = x + y + off;
        if (x * y > 0) { // never too small
          low = Math.min(x + y, (x + y) * (1 + error));
          high = Math.max(x + y, (x + y) * (1 + error));
        }
        double slack = 1e-12 * (Math.abs(x) + Math.abs(y));
        low = Math.min(low / halfStep, low * halfStep) - slack;
        high = Math.max(high / halfStep, high * halfStep) + slack;
        low = Math.clamp(low, -largest, largest);
        high = Math.clamp(high, -largest, largest);
        boolean flushed = sum == 0 && low < smallest && high > -smallest;
        String what = a + " + " + b + " = " + sum + " in " + low + " to " + high;
        assertTrue(flushed || (sum >= low && sum <= high), what);
      }
    }
  }

  /** Of the 65025 pairs without NaN, so many have not the correctly rounded sum. */
  @ParameterizedTest
  @CsvSource({"1, 31368", "2, 29498", "4, 9936", "8, 0"})
  void howManySumsDiffer(int entries, int expected) {
    LogAdder adder = adder(entries);
    Arithmetic exact = Arithmetic.of(Formats.LNS8, PROJECTION);
    int differing = 0;
    for (int a = 0; a < 256; a++) {
      for (int b = 0; b < 256; b++) {
        differing += adder.add(a, b) == exact.add(a, b) ? 0 : 1;
      }
    }
    assertEquals(expected, differing);
  }

  @Test
  void anotherBaseFactor() {
    LogFormat format = LogFormat.of(9, 128, LogFormat.Zero.RESERVED);
    LogAdder whole = LogAdder.of(format, 128, format.defaultProjection());
    Arithmetic exact = Arithmetic.of(format, format.defaultProjection());
    for (int a = 0; a < 512; a += 3) {
      for (int b = 0; b < 512; b += 7) {
        assertEquals(exact.add(a, b), whole.add(a, b));
      }
    }
    double mitchell = LogAdder.of(format, 1, format.defaultProjection()).largestError();
    assertEquals(0.0615, mitchell, 0.00005); // (1 + f) / 2^f is largest at f = 0.4427
  }

  @Test
  void impossibleTablesAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> adder(3));
    assertThrows(IllegalArgumentException.class, () -> adder(16));
    Projection stochastic = PROJECTION.with(Rounding.stochastic(4));
    assertThrows(IllegalArgumentException.class, () -> LogAdder.of(Formats.LNS8, 2, stochastic));
  }
}
