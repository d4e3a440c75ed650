package dev.narrow.quant.files;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What an .npy file says about its array (NumPy Enhancement Proposal 1, and {@code
 * numpy.lib.format}).
 *
 * @param type what an element is
 * @param fortranOrder whether the first axis runs fastest in the file; otherwise the last one
 * @param shape the extents, each 0 or more; none at all is the shape of a scalar
 */
public record NpyHeader(NpyType type, boolean fortranOrder, List<Long> shape) {
  /** NumPy's own limit. */
  static final int MAX_RANK = 64;

  private static final int ALIGNMENT = 64;

  /** NumPy leaves room for so many digits where an array may grow in place. */
  private static final int GROWTH_DIGITS = 21;

  /**
   * Copies the shape.
   *
   * @throws IllegalArgumentException if an extent is negative, there are more than 64 of them, or
   *     the array has 2^63 bytes or more
   */
  public NpyHeader {
    shape = List.copyOf(shape);
    if (shape.size() > MAX_RANK) {
      throw new IllegalArgumentException(
          "has " + shape.size() + " axes, expected at most " + MAX_RANK);
    }
    for (int axis = 0; axis < shape.size(); axis++) {
      if (shape.get(axis) < 0) {
        throw new IllegalArgumentException(
            "has extent " + shape.get(axis) + " on axis " + axis + ", expected 0 or more");
      }
    }
    if (!shape.contains(0L)) {
      long bytes = type.kind().bytes();
      for (long extent : shape) {
        if (extent > Long.MAX_VALUE / bytes) {
          throw new IllegalArgumentException(
              "is " + tuple(shape) + ", expected fewer than 2^63 bytes in all");
        }
        bytes *= extent;
      }
    }
  }

  /** The number of elements, 0 or more. */
  public long elements() {
    long product = 1;
    if (shape.contains(0L)) {
      return 0; // whatever the other extents are
    }
    for (long extent : shape) {
      product *= extent;
    }
    return product;
  }

  /** The number of bytes of all elements, 0 or more. */
  public long bodyBytes() {
    return elements() * type.kind().bytes();
  }

  /**
   * The same array with elements of another type.
   *
   * @param other takes the place of the old one
   * @throws IllegalArgumentException if it then has 2^63 bytes or more
   */
  public NpyHeader with(NpyType other) {
    return new NpyHeader(other, fortranOrder, shape);
  }

  /** The shape as Python writes it: {@code (3, 4)}, {@code (3,)}, {@code ()}. */
  public String shapeTuple() {
    return tuple(shape);
  }

  private static String tuple(List<Long> shape) {
    return shape.size() == 1
        ? "(" + shape.getFirst() + ",)"
        : shape.stream().map(String::valueOf).collect(Collectors.joining(", ", "(", ")"));
  }

  /**
   * The indices of an element as NumPy writes them, {@code [2, 7]}.
   *
   * @param place 0 for the first element in the file
   */
  public String indices(long place) {
    Long[] indices = new Long[shape.size()];
    long rest = place;
    for (int i = 0; i < indices.length; i++) {
      int axis = fortranOrder ? i : indices.length - 1 - i; // from the fastest on
      indices[axis] = rest % shape.get(axis);
      rest /= shape.get(axis);
    }
    return Arrays.toString(indices);
  }

  /** The bytes in front of the elements, the same that NumPy writes: format version 1.0. */
  byte[] toBytes() {
    String text =
        "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }"
            .formatted(type, fortranOrder ? "True" : "False", shapeTuple());
    if (!shape.isEmpty()) {
      long growing = fortranOrder ? shape.getLast() : shape.getFirst();
      text += " ".repeat(GROWTH_DIGITS - Long.toString(growing).length());
    }
    int before = 10; // magic, version, length
    int padding = ALIGNMENT - (before + text.length() + 1) % ALIGNMENT;
    text += " ".repeat(padding) + "\n";
    byte[] bytes = new byte[before + text.length()];
    byte[] magic = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    System.arraycopy(magic, 0, bytes, 0, magic.length);
    bytes[8] = (byte) text.length();
    bytes[9] = (byte) (text.length() >> 8);
    System.arraycopy(text.getBytes(StandardCharsets.US_ASCII), 0, bytes, before, text.length());
    return bytes;
  }
}
