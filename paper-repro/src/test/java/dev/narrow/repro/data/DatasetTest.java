package dev.narrow.repro.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class DatasetTest {
  private static final Split ONE = new Split(new float[] {0, 0.5f}, new int[] {1}, 2);
  private static final Split TWO = new Split(new float[] {1, 0, 0.25f, 0}, new int[] {0, 1}, 2);

  private static Dataset of(Split train, Split test) {
    return new Dataset("tiny", 2, 2, 1, train, test, "made up");
  }

  @Test
  void theDigestIsOfTheBytesItsDefinitionNames() throws IOException {
    var bytes = new ByteArrayOutputStream();
    var out = new DataOutputStream(bytes);
    out.writeInt(1);
    out.writeInt(2);
    out.writeFloat(0);
    out.writeFloat(0.5f);
    out.writeInt(1);
    out.writeInt(2);
    out.writeInt(2);
    out.writeFloat(1);
    out.writeFloat(0);
    out.writeInt(0);
    out.writeFloat(0.25f);
    out.writeFloat(0);
    out.writeInt(1);
    assertEquals(Sha256.of(bytes.toByteArray()), of(ONE, TWO).digest());
  }

  @Test
  void theDigestTellsPixelsLabelsAndSplitsApart() {
    String digest = of(ONE, TWO).digest();
    Split otherPixel = new Split(new float[] {0, 0.75f}, new int[] {1}, 2);
    Split otherLabel = new Split(new float[] {0, 0.5f}, new int[] {0}, 2);
    assertNotEquals(digest, of(otherPixel, TWO).digest());
    assertNotEquals(digest, of(otherLabel, TWO).digest());
    assertNotEquals(digest, of(TWO, ONE).digest());
  }

  @Test
  void partsThatDoNotAgreeAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new Split(new float[3], new int[2], 2));
    assertThrows(IllegalArgumentException.class, () -> new Split(new float[0], new int[0], 2));
    assertThrows(IllegalArgumentException.class, () -> new Split(new float[0], new int[1], 0));
    Split wide = new Split(new float[3], new int[1], 3);
    assertThrows(IllegalArgumentException.class, () -> of(ONE, wide));
    Split label2 = new Split(new float[2], new int[] {2}, 2);
    assertThrows(IllegalArgumentException.class, () -> of(label2, ONE));
    Split negative = new Split(new float[2], new int[] {-1}, 2);
    assertThrows(IllegalArgumentException.class, () -> of(negative, ONE));
  }
}
