package dev.narrow.repro.data;

import java.nio.ByteBuffer;
import java.util.HexFormat;

/**
 * Grey images of a few classes, one split to train on and one to test with. A feature is a grey
 * level divided by the largest level of the set (16 or 255), rounded once to float32: 0 is paper, 1
 * is full ink. Pixels run left to right, then top to bottom.
 *
 * @param name the name that {@link Datasets#load} takes
 * @param classes the number of classes; labels are 0 to {@code classes - 1}
 * @param width pixels across one image
 * @param height pixels down one image
 * @param train the examples to train on
 * @param test the examples to measure accuracy on
 * @param source who made it, where it is published, its licence; one line
 */
public record Dataset(
    String name, int classes, int width, int height, Split train, Split test, String source) {

  /**
   * Checks that the parts agree.
   *
   * @throws IllegalArgumentException if a split is not {@code width} × {@code height} or has a
   *     label outside 0 to {@code classes - 1}
   */
  public Dataset {
    check("train", train, classes, width, height);
    check("test", test, classes, width, height);
  }

  private static void check(String which, Split split, int classes, int width, int height) {
    if (split.features() != (long) width * height) {
      throw new IllegalArgumentException(
          String.format(
              "%s has %d features, expected %d x %d", which, split.features(), width, height));
    }
    for (int label : split.y()) {
      if (label < 0 || label >= classes) {
        throw new IllegalArgumentException(
            String.format("%s has label %d, expected 0 to %d", which, label, classes - 1));
      }
    }
  }

  /**
   * What an experiment saw, in one figure: SHA-256 over the train split, then the test split, each
   * as its size and its features per example (int32), then every example as its features (float32)
   * and its label (int32), all big-endian. Computed anew at each call.
   *
   * @return 64 lower-case hexadecimal digits
   */
  public String digest() {
    var sha256 = Sha256.start();
    for (Split split : new Split[] {train, test}) {
      sha256.update(ByteBuffer.allocate(8).putInt(split.size()).putInt(split.features()).array());
      var row = ByteBuffer.allocate(Float.BYTES * split.features() + Integer.BYTES);
      for (int i = 0; i < split.size(); i++) {
        row.clear();
        row.asFloatBuffer().put(split.x(), i * split.features(), split.features());
        row.putInt(Float.BYTES * split.features(), split.y()[i]);
        sha256.update(row);
      }
    }
    return HexFormat.of().formatHex(sha256.digest());
  }
}
