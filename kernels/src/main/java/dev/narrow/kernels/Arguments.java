package dev.narrow.kernels;

import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What operations demand of their tensors, and the messages where it is not so. */
final class Arguments {
  private Arguments() {}

  static void expectShape(Tensor tensor, String name, int... dims) {
    if (!Arrays.equals(tensor.shape().dims(), dims)) { // which need not be a shape: sizes overflow
      throw new IllegalArgumentException(
          name + " has shape " + tensor.shape() + ", expected " + Arrays.toString(dims));
    }
  }

  static void expectShape(Tensor tensor, String name, Shape shape) {
    expectShape(tensor, name, shape.dims());
  }

  static void expectAxes(Tensor tensor, String name, int axes) {
    if (tensor.shape().rank() != axes) {
      String expected = axes == 1 ? "one axis" : axes == 2 ? "two axes" : axes + " axes";
      throw new IllegalArgumentException(
          name + " has shape " + tensor.shape() + ", expected " + expected);
    }
  }

  /** As above, where the tensor is there at all. */
  static void expectOptional(@Nullable Tensor tensor, String name, Shape shape) {
    if (tensor != null) {
      expectShape(tensor, name, shape);
    }
  }

  /** There is an innermost axis. */
  static void expectAnAxis(Tensor tensor, String name) {
    if (tensor.shape().rank() == 0) {
      throw new IllegalArgumentException(name + " is a scalar, expected one axis or more");
    }
  }

  /**
   * The innermost axis has an extent of 1 or more.
   *
   * @return the extent
   */
  static int expectColumns(Tensor tensor, String name) {
    expectAnAxis(tensor, name);
    int columns = tensor.shape().dim(tensor.shape().axis(-1));
    if (columns == 0) {
      throw new IllegalArgumentException(
          name + " has shape " + tensor.shape() + ", expected an innermost extent of 1 or more");
    }
    return columns;
  }

  /** A shape without its innermost axis. */
  static Shape outer(Shape shape) {
    return Shape.of(Arrays.copyOf(shape.dims(), shape.rank() - 1));
  }

  /** An argument and what it is called; null if it was left out. */
  record Named(String name, @Nullable Tensor tensor) {}

  static Named named(String name, @Nullable Tensor tensor) {
    return new Named(name, tensor);
  }

  /** Outputs share no memory with inputs, nor with one another. */
  static void expectApart(Named[] inputs, Named... outputs) {
    for (int i = 0; i < outputs.length; i++) {
      Tensor output = outputs[i].tensor();
      if (output == null) {
        continue;
      }
      for (Named input : inputs) {
        if (input.tensor() != null) {
          expectApart(input.tensor(), input.name(), output, outputs[i].name());
        }
      }
      for (Named other : Arrays.asList(outputs).subList(0, i)) {
        if (other.tensor() != null) {
          expectApart(other.tensor(), other.name(), output, outputs[i].name());
        }
      }
    }
  }

  /** Memory may be written to. */
  static void expectWritable(Tensor tensor, String name) {
    if (tensor.storage().segment().isReadOnly()) {
      throw new IllegalArgumentException(name + " is read-only, expected memory to write to");
    }
  }

  /** An output shares no memory with an input. */
  static void expectApart(Tensor input, String inputName, Tensor output, String name) {
    if (input.storage().segment().asOverlappingSlice(output.storage().segment()).isPresent()) {
      throw new IllegalArgumentException(
          name + " shares memory with " + inputName + ", expected memory of its own");
    }
  }

  /** An output is the input itself, or shares no memory with it. */
  static void expectSameOrApart(Tensor input, String inputName, Tensor output, String name) {
    MemorySegment in = input.storage().segment();
    MemorySegment out = output.storage().segment();
    boolean same =
        in.heapBase().equals(out.heapBase())
            && in.address() == out.address()
            && in.byteSize() == out.byteSize();
    if (!same) {
      expectApart(input, inputName, output, name);
    }
  }
}
