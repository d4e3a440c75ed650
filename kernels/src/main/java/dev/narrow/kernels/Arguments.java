package dev.narrow.kernels;

import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

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
