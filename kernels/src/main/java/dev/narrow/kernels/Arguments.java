package dev.narrow.kernels;

import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What operations demand of their tensors, and the messages where it is not so: for all that
 * implement {@link Backend}. Every method throws {@link IllegalArgumentException} if a tensor is
 * not what is expected of it, and names it.
 */
public final class Arguments {
  private Arguments() {}

  /** A tensor has these extents. */
  public static void expectShape(Tensor tensor, String name, int... dims) {
    if (!Arrays.equals(tensor.shape().dims(), dims)) { // which need not be a shape: sizes overflow
      throw new IllegalArgumentException(
          name + " has shape " + tensor.shape() + ", expected " + Arrays.toString(dims));
    }
  }

  /** A tensor has this shape. */
  public static void expectShape(Tensor tensor, String name, Shape shape) {
    expectShape(tensor, name, shape.dims());
  }

  /** A tensor has so many axes. */
  public static void expectAxes(Tensor tensor, String name, int axes) {
    if (tensor.shape().rank() != axes) {
      String expected = axes == 1 ? "one axis" : axes == 2 ? "two axes" : axes + " axes";
      throw new IllegalArgumentException(
          name + " has shape " + tensor.shape() + ", expected " + expected);
    }
  }

  /** As above, where the tensor is there at all. */
  public static void expectOptional(@Nullable Tensor tensor, String name, Shape shape) {
    if (tensor != null) {
      expectShape(tensor, name, shape);
    }
  }

  /** There is an innermost axis. */
  public static void expectAnAxis(Tensor tensor, String name) {
    if (tensor.shape().rank() == 0) {
      throw new IllegalArgumentException(name + " is a scalar, expected one axis or more");
    }
  }

  /**
   * The innermost axis has an extent of 1 or more.
   *
   * @return the extent
   */
  public static int expectColumns(Tensor tensor, String name) {
    expectAnAxis(tensor, name);
    int columns = tensor.shape().dim(tensor.shape().axis(-1));
    if (columns == 0) {
      throw new IllegalArgumentException(
          name + " has shape " + tensor.shape() + ", expected an innermost extent of 1 or more");
    }
    return columns;
  }

  /** A shape without its innermost axis. */
  public static Shape outer(Shape shape) {
    return Shape.of(Arrays.copyOf(shape.dims(), shape.rank() - 1));
  }

  /** An argument and what it is called; null if it was left out. */
  public record Named(String name, @Nullable Tensor tensor) {}

  /** An argument under its name. */
  public static Named named(String name, @Nullable Tensor tensor) {
    return new Named(name, tensor);
  }

  /** Outputs share no memory with inputs, nor with one another. */
  public static void expectApart(Named[] inputs, Named... outputs) {
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

  /** There is room for one index for each gradient. */
  public static void expectOneEach(List<Tensor> gradients, int[] first) {
    if (first.length != gradients.size()) {
      throw new IllegalArgumentException(
          "first has "
              + first.length
              + " elements, expected "
              + gradients.size()
              + ", as gradients");
    }
  }

  /** Memory may be written to. */
  public static void expectWritable(Tensor tensor, String name) {
    if (tensor.storage().isReadOnly()) {
      throw new IllegalArgumentException(name + " is read-only, expected memory to write to");
    }
  }

  /** An output shares no memory with an input. */
  public static void expectApart(Tensor input, String inputName, Tensor output, String name) {
    if (input.storage().overlaps(output.storage())) {
      throw new IllegalArgumentException(
          name + " shares memory with " + inputName + ", expected memory of its own");
    }
  }

  /** An output is the input itself, or shares no memory with it. */
  public static void expectSameOrApart(Tensor input, String inputName, Tensor output, String name) {
    if (!input.storage().sameAs(output.storage())) {
      expectApart(input, inputName, output, name);
    }
  }
}
