package dev.narrow.repro.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.geom.Line2D;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class CanvasTest {
  private static final int EXTENT = Canvas.SIDE * Canvas.UNITS;

  private static int[] drawn(int radius, int... points) {
    var canvas = new Canvas();
    canvas.draw(points, radius);
    return canvas.levels();
  }

  /** A pen of radius one pixel along the middle line inks the two rows of pixels beside it. */
  @Test
  void aStraightStrokeFillsItsRows() {
    int[] levels = drawn(Canvas.UNITS, -EXTENT, EXTENT / 2, 2 * EXTENT, EXTENT / 2);
    for (int i = 0; i < levels.length; i++) {
      int row = i / Canvas.SIDE;
      assertEquals(row == 7 || row == 8 ? Canvas.FULL : 0, levels[i], "pixel " + i);
    }
  }

  @Test
  void whatLiesOutsideLeavesNoTrace() {
    assertArrayEquals(new int[256], drawn(40, -500, -500, -300, 2000));
    assertArrayEquals(new int[256], drawn(40, 2000, 2000, 1500, 1100));
  }

  @Provide
  Arbitrary<int[]> strokes() {
    return Arbitraries.integers().between(-300, 1300).array(int[].class).ofSize(6);
  }

  /**
   * Java 2D's distance in doubles is the oracle: levels lie between those of thinner and thicker.
   */
  @Property(tries = 200)
  void inksThePointsWithinThePen(
      @ForAll("strokes") int[] p, @ForAll @IntRange(min = 1, max = 120) int radius) {
    int[] levels = drawn(radius, p[0], p[1], p[2], p[3]);
    for (int pixel = 0; pixel < levels.length; pixel++) {
      int least = 0;
      int most = 0;
      for (int sample = 0; sample < 16; sample++) {
        int x = 64 * (pixel % 16) + 16 * (sample % 4) + 8;
        int y = 64 * (pixel / 16) + 16 * (sample / 4) + 8;
        double distance = Line2D.ptSegDist(p[0], p[1], p[2], p[3], x, y);
        least += distance < radius - 1e-6 ? 1 : 0;
        most += distance < radius + 1e-6 ? 1 : 0;
      }
      assertTrue(least <= levels[pixel] && levels[pixel] <= most, "pixel " + pixel);
    }
  }

  @Property(tries = 200)
  void aMirroredStrokeIsAMirroredPicture(
      @ForAll("strokes") int[] p, @ForAll @IntRange(min = 1, max = 120) int radius) {
    int[] levels = drawn(radius, p);
    int[] backMirrored =
        drawn(radius, EXTENT - p[4], p[5], EXTENT - p[2], p[3], EXTENT - p[0], p[1]);
    for (int i = 0; i < levels.length; i++) {
      assertEquals(levels[i], backMirrored[i ^ 15], "pixel " + i);
    }
  }
}
