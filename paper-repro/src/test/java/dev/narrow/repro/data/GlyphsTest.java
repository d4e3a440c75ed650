package dev.narrow.repro.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class GlyphsTest {
  private static final Dataset STANDARD = Glyphs.standard();

  private static float[] image(Split split, int i) {
    return Arrays.copyOfRange(split.x(), i * split.features(), (i + 1) * split.features());
  }

  /** Published figures rest on these very bits: whoever changes them makes another data set. */
  @Test
  void isTheSameEverywhere() {
    assertEquals(
        "182b4399c04d8d8cbd30193d3c860e9c133d1e50dc6b90c5d7ebc77d695c9426", STANDARD.digest());
    assertEquals(STANDARD.digest(), Glyphs.generate(1, 2000, 1000).digest());
    assertNotEquals(STANDARD.digest(), Glyphs.generate(2, 2000, 1000).digest());
  }

  @Test
  void everyClassAppearsEquallyOften() {
    for (Split split : new Split[] {STANDARD.train(), STANDARD.test()}) {
      int[] counts = new int[10];
      for (int label : split.y()) {
        counts[label]++;
      }
      int[] equal = new int[10];
      Arrays.fill(equal, split.size() / 10);
      assertArrayEquals(equal, counts);
    }
  }

  /** No image twice, so none of the test split is in the training split. */
  @Test
  void allImagesDiffer() {
    Set<FloatBuffer> images = new HashSet<>();
    for (Split split : new Split[] {STANDARD.train(), STANDARD.test()}) {
      for (int i = 0; i < split.size(); i++) {
        images.add(FloatBuffer.wrap(image(split, i)));
      }
    }
    assertEquals(3000, images.size());
  }

  @Test
  void levelsAreSixteenthsAndEveryImageHasInk() {
    for (Split split : new Split[] {STANDARD.train(), STANDARD.test()}) {
      for (int i = 0; i < split.size(); i++) {
        double sum = 0;
        for (float x : image(split, i)) {
          assertTrue(x >= 0 && x <= 1 && x * 16 == Math.rint(x * 16), "level " + x);
          sum += x;
        }
        assertTrue(sum > 5, "image " + i + " has ink " + sum);
      }
    }
  }

  @Test
  void aSmallerSetIsTheStartOfALargerOne() {
    Dataset small = Glyphs.generate(1, 13, 7);
    assertArrayEquals(small.train().x(), Arrays.copyOf(STANDARD.train().x(), 13 * 256));
    assertArrayEquals(small.test().y(), Arrays.copyOf(STANDARD.test().y(), 7));
    assertArrayEquals(small.test().x(), Arrays.copyOf(STANDARD.test().x(), 7 * 256));
  }

  /** The nearest mean image already tells most digits, and not nearly all. */
  @Test
  void digitsCanBeLearntButNotEasily() {
    Split train = STANDARD.train();
    float[][] means = new float[10][256];
    for (int i = 0; i < train.x().length; i++) {
      means[train.y()[i / 256]][i % 256] += train.x()[i] / 200;
    }
    int right = 0;
    for (int i = 0; i < STANDARD.test().size(); i++) {
      float[] image = image(STANDARD.test(), i);
      int nearest = 0;
      for (int c = 1; c < 10; c++) {
        nearest = distance(image, means[c]) < distance(image, means[nearest]) ? c : nearest;
      }
      right += nearest == STANDARD.test().y()[i] ? 1 : 0;
    }
    assertTrue(right > 600 && right < 930, "right: " + right + " of 1000");
  }

  private static double distance(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (a[i] - b[i]) * (double) (a[i] - b[i]);
    }
    return sum;
  }

  @Test
  void refusesEmptySplits() {
    assertThrows(IllegalArgumentException.class, () -> Glyphs.generate(1, 0, 10));
    assertThrows(IllegalArgumentException.class, () -> Glyphs.generate(1, 10, -1));
  }
}
