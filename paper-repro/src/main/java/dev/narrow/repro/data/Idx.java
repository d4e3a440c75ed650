package dev.narrow.repro.data;

import java.nio.ByteBuffer;

/**
 * IDX files of unsigned bytes, as MNIST has them: a big-endian int32 whose low bytes are the type
 * (8: unsigned byte) and the number of dimensions, one int32 per dimension, then the bytes in
 * row-major order.
 */
final class Idx {
  private static final int IMAGES = 0x0803;
  private static final int LABELS = 0x0801;
  private static final float MAX_LEVEL = 255;

  private Idx() {}

  /**
   * Square images.
   *
   * @param content the unpacked file
   * @param file names it in messages
   * @param side pixels across and down
   * @return level / 255 of each pixel, image by image
   * @throws DataException if this is no such file
   */
  static float[] images(byte[] content, String file, int side) {
    int start = header(content, file, IMAGES, side, side);
    float[] x = new float[content.length - start];
    for (int i = 0; i < x.length; i++) {
      x[i] = (content[start + i] & 0xFF) / MAX_LEVEL;
    }
    return x;
  }

  /**
   * Labels.
   *
   * @param content the unpacked file
   * @param file names it in messages
   * @param classes each label is less
   * @return the labels
   * @throws DataException if this is no such file
   */
  static int[] labels(byte[] content, String file, int classes) {
    int start = header(content, file, LABELS);
    int[] y = new int[content.length - start];
    for (int i = 0; i < y.length; i++) {
      y[i] = content[start + i] & 0xFF;
      if (y[i] >= classes) {
        throw new DataException(
            String.format(
                "%s, byte %d: expected a label from 0 to %d, found %d",
                file, start + i, classes - 1, y[i]));
      }
    }
    return y;
  }

  /** Checks all that stands before the bytes, and their number; returns where they start. */
  private static int header(byte[] content, String file, int magic, int... inner) {
    int length = 4 * (2 + inner.length);
    if (content.length < length) {
      throw new DataException(
          String.format(
              "%s: expected an IDX header of %d bytes, found %d", file, length, content.length));
    }
    ByteBuffer header = ByteBuffer.wrap(content);
    expect(file, "an IDX magic number", magic, header.getInt());
    long count = Integer.toUnsignedLong(header.getInt());
    long each = 1;
    for (int dim : inner) {
      expect(file, "a dimension", dim, header.getInt());
      each *= dim;
    }
    if (count == 0 || content.length - length != count * each) {
      throw new DataException(
          String.format(
              "%s: expected at least one item of %d bytes and as many as its header says,"
                  + " found %d items in %d bytes",
              file, each, count, content.length - length));
    }
    return length;
  }

  private static void expect(String file, String what, int expected, int found) {
    if (found != expected) {
      throw new DataException(
          String.format("%s: expected %s of %d, found %d", file, what, expected, found));
    }
  }
}
