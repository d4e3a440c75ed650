package dev.narrow.kernels;

import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The values of a tensor as floats in an array, for the length of one operation: the tensor's own
 * array where it has one, else decoded into scratch memory. To be closed by the thread that opened
 * it.
 */
final class Values implements AutoCloseable {
  private final Tensor tensor;
  private final float[] array;
  private final int offset;
  private final boolean isCopy;

  private Values(Tensor tensor, boolean read) {
    this.tensor = tensor;
    if (tensor.isFp32()
        && tensor.storage().segment().heapBase().orElse(null) instanceof float[] own
        && tensor.storage().segment().address() % Float.BYTES == 0) {
      array = own;
      offset = (int) (tensor.storage().segment().address() / Float.BYTES);
      isCopy = false;
    } else {
      array = Scratch.take(tensor.shape().size());
      offset = 0;
      isCopy = true;
      if (read) {
        float[] values = tensor.toFloats();
        System.arraycopy(values, 0, array, 0, values.length);
      }
    }
  }

  /** An operand, in any format. */
  static Values read(Tensor tensor) {
    return new Values(tensor, true);
  }

  /**
   * A result that is added to what is there.
   *
   * @throws IllegalArgumentException if the tensor cannot be written
   */
  static Values update(Tensor tensor, String name) {
    requireTarget(tensor, name);
    return new Values(tensor, true);
  }

  /**
   * A result, whose values are not there yet. {@link #store} makes them the tensor's.
   *
   * @throws IllegalArgumentException if the tensor cannot be written
   */
  static Values write(Tensor tensor, String name) {
    requireTarget(tensor, name);
    return new Values(tensor, false);
  }

  private static void requireTarget(Tensor tensor, String name) {
    Arguments.expectWritable(tensor, name);
    if (!tensor.isFp32()) {
      throw new IllegalArgumentException(name + " = " + tensor + ", expected fp32 unscaled");
    }
  }

  float[] array() {
    return array;
  }

  /** Index of the first value. */
  int offset() {
    return offset;
  }

  int size() {
    return tensor.shape().size();
  }

  /** The values in rows of the innermost axis, all outer axes taken together. */
  Matrix rows() {
    int columns = tensor.shape().dim(tensor.shape().axis(-1));
    int rows = 1;
    for (int axis = 0; axis + 1 < tensor.shape().rank(); axis++) {
      rows *= tensor.shape().dim(axis);
    }
    return Matrix.rowMajor(array, offset, rows, columns, columns);
  }

  /** Brings what was written to the array into the tensor. */
  void store() {
    if (isCopy) {
      MemorySegment target = tensor.storage().segment();
      MemorySegment.copy(array, 0, target, ValueLayout.JAVA_FLOAT_UNALIGNED, 0, size());
    }
  }

  @Override
  public void close() {
    if (isCopy) {
      Scratch.give(array);
    }
  }
}
