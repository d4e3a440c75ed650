package dev.narrow.kernels;

import dev.narrow.quant.Tensor;
import dev.narrow.quant.TensorReader;
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
    isCopy = !isArray(tensor);
    if (isCopy) {
      array = Scratch.take(tensor.shape().size());
      offset = 0;
      if (read) {
        read(tensor, array, 0);
      }
    } else {
      MemorySegment segment = tensor.storage().segment();
      array = (float[]) segment.heapBase().orElseThrow();
      offset = (int) (segment.address() / Float.BYTES);
    }
  }

  /** Writes the values of a tensor into an array, from a place on. */
  static void read(Tensor tensor, float[] to, int at) {
    if (tensor.rotation().isPresent()) {
      System.arraycopy(tensor.toFloats(), 0, to, at, tensor.shape().size());
    } else {
      TensorReader.of(tensor, "tensor").read(0, tensor.shape().size(), to, at);
    }
  }

  /** Whether the values of a tensor are floats in an array. */
  static boolean isArray(Tensor tensor) {
    MemorySegment segment = tensor.storage().segment();
    return tensor.isFp32()
        && segment.heapBase().orElse(null) instanceof float[]
        && segment.address() % Float.BYTES == 0;
  }

  /** An operand, in any format. */
  static Values read(Tensor tensor) {
    return new Values(tensor, true);
  }

  /**
   * An operand whose NaNs may be results: what codes stand for is then the canonical one. Decoding
   * leaves signs and payloads to the processor.
   */
  static Values readToPass(Tensor tensor) {
    Values values = read(tensor);
    if (values.isCopy && !tensor.isFp32()) {
      for (int i = 0; i < values.size(); i++) {
        values.array[i] = ScalarKernels.canonical(values.array[i]);
      }
    }
    return values;
  }

  /**
   * A result that is added to what is there.
   *
   * @throws IllegalArgumentException if the tensor cannot be written
   */
  static Values update(Tensor tensor, String name) {
    Arguments.expectTarget(tensor, name);
    return new Values(tensor, true);
  }

  /**
   * A result, whose values are not there yet. {@link #store} makes them the tensor's.
   *
   * @throws IllegalArgumentException if the tensor cannot be written
   */
  static Values write(Tensor tensor, String name) {
    Arguments.expectTarget(tensor, name);
    return new Values(tensor, false);
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

  /** One of the matrices of a view of the tensor. */
  Matrix matrix(Matrices view, int index) {
    return new Matrix(
        array,
        offset + view.offset() + index * view.step(),
        view.rows(),
        view.columns(),
        view.rowStride(),
        view.columnStride());
  }

  /** Brings what was written to the array into the tensor. */
  void store() {
    if (!isCopy) {
      return;
    }
    if (tensor.isFp32()) {
      MemorySegment target = tensor.storage().segment();
      MemorySegment.copy(array, 0, target, ValueLayout.JAVA_FLOAT_UNALIGNED, 0, size());
    } else {
      MemorySegment written = MemorySegment.ofArray(array).asSlice(0, (long) size() * Float.BYTES);
      Arguments.quantizer(tensor).quantize(Tensor.of(written, tensor.shape().dims()), tensor, null);
    }
  }

  @Override
  public void close() {
    if (isCopy) {
      Scratch.give(array);
    }
  }
}
