package dev.narrow.repro.data;

import static dev.narrow.repro.data.Fixtures.failure;
import static dev.narrow.repro.data.Fixtures.idxImages;
import static dev.narrow.repro.data.Fixtures.idxLabels;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.ByteBuffer;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class IdxTest {
  private static final String FILE = "mnist/some-file";

  /** Each of the 256 levels, against the quotient to 60 digits rounded once. */
  @Test
  void levelsAreRoundedOnceToFloat() {
    ByteBuffer idx = ByteBuffer.allocate(16 + 256).putInt(0x0803).putInt(1).putInt(16).putInt(16);
    for (int level = 0; level < 256; level++) {
      idx.put((byte) level);
    }
    float[] x = Idx.images(idx.array(), FILE, 16);
    for (int level = 0; level < 256; level++) {
      var exact = new BigDecimal(level).divide(new BigDecimal(255), new MathContext(60));
      assertEquals(exact.floatValue(), x[level]);
    }
  }

  @Test
  void readsLabels() {
    assertArrayEquals(new int[] {3, 0, 9}, Idx.labels(idxLabels(3, 0, 9), FILE, 10));
  }

  @Test
  void checksMagicDimensionsLengthAndLabels() {
    failure(() -> Idx.labels(idxImages(1, 4, 0), FILE, 10), FILE, "magic number of 2049", "2051");
    failure(() -> Idx.images(idxLabels(1), FILE, 28), FILE, "16 bytes", "found 9");
    failure(() -> Idx.images(idxImages(1, 27, 0), FILE, 28), "dimension of 28", "found 27");
    failure(() -> Idx.images(idxImages(0, 28, 0), FILE, 28), "at least one", "found 0 items");
    failure(() -> Idx.labels(idxLabels(1, 10), FILE, 10), "byte 9", "0 to 9", "found 10");
    byte[] claimsMore = idxLabels(1, 2);
    claimsMore[4] = (byte) 0xFF; // 2^32 - 2^24 + 2 labels
    failure(() -> Idx.labels(claimsMore, FILE, 10), "found 4278190082 items in 2 bytes");
  }

  @Provide
  Arbitrary<byte[]> badImages() {
    return Mutation.of(idxImages(2, 3, 200));
  }

  @Provide
  Arbitrary<byte[]> badLabels() {
    return Mutation.of(idxLabels(1, 2, 3));
  }

  @Property
  void bytesOfStrangersNeverThrowAnythingElse(
      @ForAll("badImages") byte[] images, @ForAll("badLabels") byte[] labels) {
    Mutation.survives(() -> Idx.images(images, FILE, 3));
    Mutation.survives(() -> Idx.labels(labels, FILE, 10));
  }
}
