package dev.narrow.repro.data;

import static dev.narrow.repro.data.Fixtures.failure;
import static dev.narrow.repro.data.Fixtures.gzip;
import static dev.narrow.repro.data.Fixtures.idxImages;
import static dev.narrow.repro.data.Fixtures.idxLabels;
import static dev.narrow.repro.data.Fixtures.published;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MnistTest {
  @TempDir Path dir;

  private PublishedFile put(String name, byte[] content) throws IOException {
    var file = published("mnist", name, Fixtures.NOWHERE, content);
    Fixtures.put(dir, file, gzip(content));
    return file;
  }

  private Dataset load(int... trainLabels) throws IOException {
    var set =
        new Mnist(
            put("train-images.gz", idxImages(2, Mnist.SIDE, 255)),
            put("train-labels.gz", idxLabels(trainLabels)),
            put("test-images.gz", idxImages(1, Mnist.SIDE, 51)),
            put("test-labels.gz", idxLabels(0)));
    return set.load(DataLocator.of(dir, notice -> {}));
  }

  @Test
  void aDirectoryInThePublishedLayoutLoads() throws IOException {
    Dataset dataset = load(7, 8);
    assertArrayEquals(new int[] {7, 8}, dataset.train().y());
    assertEquals(784, dataset.train().features());
    assertEquals(1f, dataset.train().x()[2 * 784 - 1]);
    assertEquals(0.2f, dataset.test().x()[0]);
  }

  @Test
  void everyImageNeedsItsLabel() {
    failure(() -> load(7, 8, 9), "mnist/train-labels.gz", "each of the 2 images", "found 3");
  }
}
