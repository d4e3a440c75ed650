package dev.narrow.repro.data;

import static dev.narrow.repro.data.Fixtures.ascii;
import static dev.narrow.repro.data.Fixtures.failure;
import static dev.narrow.repro.data.Fixtures.gzip;
import static dev.narrow.repro.data.Fixtures.published;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class PublishedFileTest {
  private static final byte[] CONTENT = ascii("the published content");
  private static final PublishedFile PLAIN =
      published("set", "file.csv", Fixtures.NOWHERE, CONTENT);
  private static final PublishedFile PACKED =
      published("set", "file.gz", Fixtures.NOWHERE, CONTENT);

  @Test
  void thePublishedContentPasses() {
    assertArrayEquals(CONTENT, PLAIN.content(CONTENT, "here", "remedy"));
    assertArrayEquals(CONTENT, PACKED.content(gzip(CONTENT), "here", "remedy"));
  }

  @Test
  void alteredContentIsRefusedWithBothDigests() {
    byte[] altered = CONTENT.clone();
    altered[4] ^= 1;
    String expected = "SHA-256 " + PLAIN.sha256();
    String found = "found " + Sha256.of(altered);
    failure(() -> PLAIN.content(altered, "here", "remedy"), "here", expected, found, "remedy");
    failure(() -> PACKED.content(gzip(altered), "here", "remedy"), "unpacked " + expected, found);
  }

  @Test
  void theWrongSizeIsRefusedByItsSize() {
    failure(
        () -> PLAIN.content(ascii("the publ"), "here", "remedy"),
        "expected 21 bytes",
        "truncated file of 8");
    failure(() -> PLAIN.content(new byte[22], "here", "remedy"), "at most 21 bytes", "found more");
    failure(() -> PACKED.content(new byte[9999], "here", "remedy"), "at most 1045", "found more");
  }

  /** Noise does not compress: gzip stores it, and that must still be within the limit. */
  @Test
  void theLimitOnPackedFilesAllowsForContentThatDoesNotCompress() {
    byte[] noise = new byte[1 << 20];
    new Random(1).nextBytes(noise);
    var file = published("set", "noise.gz", Fixtures.NOWHERE, noise);
    byte[] packed = gzip(noise);
    assertTrue(packed.length > noise.length);
    assertArrayEquals(noise, file.content(packed, "here", "remedy"));
  }
}
