package dev.narrow.kernels;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Tensors of integers: classes, numbers of rows, places. A device reads them where they lie, so
 * that an operation neither copies them nor waits; nor does anybody look whether they are in range.
 */
public final class Indices {
  /** Integers of 32 bits, which are their own codes. */
  public static final NumericFormat FORMAT = Formats.parse("fixed:b32f0");

  private Indices() {}

  /**
   * A tensor over an array of integers: writes to one are seen in the other.
   *
   * @throws IllegalArgumentException if the array's length is not the shape's size
   */
  public static Tensor of(int[] numbers, int... dims) {
    return over(Storage.of(MemorySegment.ofArray(numbers)), dims);
  }

  /**
   * A tensor of integers in memory of any kind, such as that of an fp32 tensor of the same shape.
   *
   * @throws IllegalArgumentException if there are not four bytes for each
   */
  public static Tensor over(Storage memory, int... dims) {
    return Tensor.of(memory, Shape.of(dims), FORMAT, Scales.one());
  }

  /**
   * The integers in an array of their own.
   *
   * @throws IllegalArgumentException if the tensor is not one of integers
   */
  public static int[] read(Tensor indices, String name) {
    expect(indices, name, indices.shape().size());
    int[] numbers = new int[indices.shape().size()];
    indices.storage().read(0, MemorySegment.ofArray(numbers));
    return numbers;
  }

  /** There are so many integers. */
  public static void expect(Tensor indices, String name, int size) {
    if (!indices.format().equals(FORMAT) || !indices.scales().isOne()) {
      throw new IllegalArgumentException(
          name + " = " + indices + ", expected integers: " + FORMAT.name());
    }
    if (indices.shape().size() != size) {
      throw new IllegalArgumentException(
          name
              + " has shape "
              + Arrays.toString(indices.shape().dims())
              + ", expected "
              + size
              + " elements");
    }
  }
}
