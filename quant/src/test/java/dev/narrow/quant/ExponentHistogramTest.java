package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class ExponentHistogramTest {
  /** So many numbers in the octave from 1 to 2, the next, and zero. */
  private static ExponentHistogram histogram(long one, long two, long zeros) {
    long[] fields = new long[256];
    fields[127] = one;
    fields[128] = two;
    fields[0] = zeros;
    return ExponentHistogram.of(fields, zeros, 0);
  }

  /** With half a number more in each of two bins: p = (3.5, 1.5) / 5, q = (2.5, 2.5) / 5. */
  @Test
  void divergenceByHand() {
    double expected = 0.7 * Math.log(0.7 / 0.5) + 0.3 * Math.log(0.3 / 0.5);
    assertEquals(expected, histogram(3, 1, 0).divergence(histogram(2, 2, 0)), 1e-15);
  }

  /** A bin that one histogram alone has is smoothed in both: p = (4.5, 0.5) / 5, q the reverse. */
  @Test
  void divergenceIsFiniteWhereNothingIsShared() {
    double expected = 0.9 * Math.log(9) + 0.1 * Math.log(1.0 / 9);
    assertEquals(expected, histogram(4, 0, 0).divergence(histogram(0, 0, 4)), 1e-15);
  }

  @Test
  void equalHistogramsDoNotDiverge() {
    assertEquals(0.0, histogram(3, 1, 2).divergence(histogram(3, 1, 2)));
    assertEquals(Double.NaN, ExponentHistogram.NONE.divergence(ExponentHistogram.NONE));
  }

  @Test
  void countsAreByOctave() {
    ExponentHistogram histogram = histogram(3, 1, 2);
    assertEquals(3, histogram.count(0));
    assertEquals(1, histogram.count(1));
    assertEquals(2, histogram.zeros());
    assertEquals(0, histogram.count(ExponentHistogram.MIN_OCTAVE), "zeros are not in an octave");
    assertEquals(6, histogram.total());
    assertEquals("zero: 2, 2^0: 3, 2^1: 1", histogram.toString());
    assertThrows(IllegalArgumentException.class, () -> histogram.count(128));
    assertThrows(IllegalArgumentException.class, () -> histogram.count(-128));
  }
}
