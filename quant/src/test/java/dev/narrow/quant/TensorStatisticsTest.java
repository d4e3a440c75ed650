package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class TensorStatisticsTest {
  @Test
  void numbersAreCountedByOctave() {
    TensorStatistics statistics = new TensorStatistics();
    float[] x = {
      0f, -0f, 1f, 1.5f, -2f, Float.NaN, Float.NEGATIVE_INFINITY, Float.MIN_VALUE, 0x1p-127f
    };
    statistics.add(x, 0, x.length);
    assertEquals(9, statistics.count());
    assertEquals(2, statistics.zeros());
    assertEquals(1, statistics.nan());
    assertEquals(1, statistics.infinite());
    assertEquals(2f, statistics.amax());
    assertEquals(Float.MIN_VALUE, statistics.smallest());
    assertEquals(150, statistics.octaves(), 1e-12);
    assertEquals(2, statistics.inOctave(0));
    assertEquals(1, statistics.inOctave(1));
    assertEquals(1, statistics.inOctave(-149));
    assertEquals(1, statistics.inOctave(-127));
    assertEquals(0.5 / 7, statistics.mean(), 1e-12);
    assertEquals(Math.sqrt(7.25 / 7), statistics.rms(), 1e-12);
  }

  @Test
  void partsAreMergedIntoTheWhole() {
    Random random = new Random(3);
    float[] x = new float[5000];
    for (int i = 0; i < x.length; i++) {
      x[i] = Float.intBitsToFloat(random.nextInt());
    }
    TensorStatistics whole = new TensorStatistics();
    whole.add(x, 0, x.length);
    TensorStatistics parts = new TensorStatistics();
    for (int from = 0; from < x.length; from += 1000) {
      TensorStatistics part = new TensorStatistics();
      part.add(x, from, 1000);
      parts.merge(part);
    }
    assertEquals(whole.count(), parts.count());
    assertEquals(whole.nan(), parts.nan());
    assertEquals(whole.amax(), parts.amax());
    assertEquals(whole.smallest(), parts.smallest());
    long inOctaves = 0;
    for (int octave = TensorStatistics.LEAST_OCTAVE; octave <= 127; octave++) {
      assertEquals(whole.inOctave(octave), parts.inOctave(octave));
      inOctaves += whole.inOctave(octave);
    }
    assertEquals(whole.count() - whole.zeros() - whole.nan() - whole.infinite(), inOctaves);
    assertTrue(whole.rms() > 0);
  }

  @Test
  void ofNothingThereIsNothing() {
    TensorStatistics nothing = new TensorStatistics();
    assertEquals(0, nothing.amax());
    assertEquals(0, nothing.octaves());
    assertTrue(Double.isNaN(nothing.rms()));
  }
}
