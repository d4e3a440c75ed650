package dev.narrow.repro.data;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * UCI Optical Recognition of Handwritten Digits: 8 × 8 images in levels 0 to 16, one per line as 64
 * levels and the class, separated by commas. Levels become level / 16.
 *
 * @param train the training file
 * @param test the test file
 */
record Optdigits(PublishedFile train, PublishedFile test) {
  static final Optdigits PUBLISHED =
      new Optdigits(
          file(
              "optdigits.tra",
              563_639,
              "e1b683cc211604fe8fd8c4417e6a69f31380e0c61d4af22e93cc21e9257ffedd"),
          file(
              "optdigits.tes",
              264_712,
              "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"));

  private static final int SIDE = 8;
  private static final int FEATURES = SIDE * SIDE;
  private static final int MAX_LEVEL = 16;
  private static final int CLASSES = 10;

  /** One digit and one separator per value. */
  private static final int SHORTEST_LINE = 2 * (FEATURES + 1);

  private static PublishedFile file(String name, int size, String sha256) {
    URI folder = URI.create("https://archive.ics.uci.edu/ml/machine-learning-databases/optdigits/");
    return new PublishedFile("optdigits", name, folder.resolve(name), false, size, sha256);
  }

  Dataset load(DataLocator locator) {
    return new Dataset(
        "optdigits",
        CLASSES,
        SIDE,
        SIDE,
        parse(locator.read(train), train.path()),
        parse(locator.read(test), test.path()),
        "UCI Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, 1998,"
            + " https://archive.ics.uci.edu/dataset/80, CC BY 4.0");
  }

  /**
   * Reads the lines of a file.
   *
   * @param content ASCII; the last line may lack its line feed
   * @param file names it in messages
   * @throws DataException naming the first malformed line, counted from 1
   */
  static Split parse(byte[] content, String file) {
    // A line that parses has at least its shortest length, so these arrays hold all that do.
    int mostRows = (content.length + 1) / SHORTEST_LINE;
    float[] x = new float[mostRows * FEATURES];
    int[] y = new int[mostRows];
    int rows = 0;
    for (int at = 0; at < content.length; rows++) {
      int end = at;
      while (end < content.length && content[end] != '\n') {
        end++;
      }
      String place = file + " line " + (rows + 1);
      int[] values = values(content, at, end, place);
      for (int column = 0; column < FEATURES; column++) {
        x[rows * FEATURES + column] = values[column] / (float) MAX_LEVEL;
      }
      y[rows] = values[FEATURES];
      at = end + 1;
    }
    if (rows == 0) {
      throw new DataException(file + ": expected lines of 65 values, found an empty file");
    }
    return new Split(Arrays.copyOf(x, rows * FEATURES), Arrays.copyOf(y, rows), FEATURES);
  }

  private static int[] values(byte[] content, int from, int to, String place) {
    int[] values = new int[FEATURES + 1];
    int column = 0;
    int digits = 0;
    for (int at = from; at <= to; at++) {
      if (at < to && content[at] >= '0' && content[at] <= '9' && digits < 2) {
        values[column] = 10 * values[column] + content[at] - '0';
        digits++;
        continue;
      }
      int most = column == FEATURES ? CLASSES - 1 : MAX_LEVEL;
      boolean separated = at == to || content[at] == ',';
      if (!separated || digits == 0 || values[column] > most) {
        throw new DataException(
            String.format(
                "%s, value %d: expected a number from 0 to %d, found '%s'",
                place, column + 1, most, token(content, from, to, column)));
      }
      column++;
      digits = 0;
      boolean lastValue = column > FEATURES;
      boolean lineEnds = at == to;
      if (lastValue != lineEnds) {
        throw new DataException(
            String.format(
                "%s: expected %d values, found %s",
                place, FEATURES + 1, lineEnds ? column : "more"));
      }
    }
    return values;
  }

  /** The text of one value, cut short where it is long. */
  private static String token(byte[] content, int from, int to, int column) {
    int start = from;
    for (int i = 0; i < column; i++) {
      while (content[start] != ',') {
        start++;
      }
      start++;
    }
    int end = start;
    while (end < to && content[end] != ',' && end - start < 12) {
      end++;
    }
    return new String(content, start, end - start, StandardCharsets.US_ASCII);
  }
}
