package dev.narrow.kernels;

import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
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

  /** A tensor is one number that can be written. */
  public static void expectFloat(Tensor tensor, String name) {
    expectShape(tensor, name);
    if (!tensor.isFp32()) {
      throw new IllegalArgumentException(name + " = " + tensor + ", expected fp32 unscaled");
    }
    expectWritable(tensor, name);
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

  /** There is room for one index for each row. */
  public static void expectOneForEachRow(Tensor x, int[] indices, String name) {
    int rows = outer(x.shape()).size();
    if (indices.length != rows) {
      throw new IllegalArgumentException(
          name + " has " + indices.length + " elements, expected " + rows + ", one for each row");
    }
  }

  /** Two numbers, the second not below the first. */
  public static void expectLimits(float low, float high) {
    if (Float.isNaN(low)) {
      throw new IllegalArgumentException("low = NaN, expected a number");
    }
    if (!(high >= low)) {
      throw new IllegalArgumentException("high = " + high + ", expected low = " + low + " or more");
    }
  }

  /** A probability that is not certainty. */
  public static void expectProbability(float probability) {
    if (!(probability >= 0f && probability < 1f)) {
      throw new IllegalArgumentException(
          "probability = " + probability + ", expected 0 or more and below 1");
    }
  }

  /** The operands of {@link Normalizations#layerNorm}; without a mean, of the RMS norm. */
  public static void expectNorm(
      Tensor x,
      Tensor weight,
      @Nullable Tensor bias,
      float epsilon,
      Tensor y,
      @Nullable Tensor mean,
      Tensor inverse) {
    int columns = expectColumns(x, "x");
    Shape outer = outer(x.shape());
    expectShape(weight, "weight", columns);
    expectOptional(bias, "bias", Shape.of(columns));
    if (!(epsilon >= 0f && epsilon < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "epsilon = " + epsilon + ", expected a finite value of 0 or more");
    }
    expectShape(y, "y", x.shape());
    expectOptional(mean, "mean", outer);
    expectShape(inverse, "inverse", outer);
    Named[] saved = {named("mean", mean), named("inverse", inverse)};
    expectSameOrApart(x, "x", y, "y");
    expectApart(new Named[] {named("x", x)}, saved);
    expectApart(
        new Named[] {named("weight", weight), named("bias", bias)},
        named("y", y),
        saved[0],
        saved[1]);
  }

  /** The operands of {@link Normalizations#layerNormBackward}; without a mean, of the RMS norm. */
  public static void expectNormBackward(
      Tensor x,
      Tensor weight,
      @Nullable Tensor mean,
      Tensor inverse,
      Tensor dy,
      Tensor dx,
      Tensor dweight,
      @Nullable Tensor dbias) {
    int columns = expectColumns(x, "x");
    Shape outer = outer(x.shape());
    expectShape(weight, "weight", columns);
    expectOptional(mean, "mean", outer);
    expectShape(inverse, "inverse", outer);
    expectShape(dy, "dy", x.shape());
    expectShape(dx, "dx", x.shape());
    expectShape(dweight, "dweight", columns);
    expectOptional(dbias, "dbias", Shape.of(columns));
    Named[] sums = {named("dweight", dweight), named("dbias", dbias)};
    expectSameOrApart(x, "x", dx, "dx");
    expectSameOrApart(dy, "dy", dx, "dx");
    expectApart(new Named[] {named("x", x), named("dy", dy)}, sums);
    expectApart(
        new Named[] {named("weight", weight), named("mean", mean), named("inverse", inverse)},
        named("dx", dx),
        sums[0],
        sums[1]);
  }

  /** What a step of an optimizer writes has the gradient's shape and memory of its own. */
  public static void expectStep(Tensor gradient, Named... written) {
    for (Named tensor : written) {
      expectOptional(tensor.tensor(), tensor.name(), gradient.shape());
    }
    expectApart(new Named[] {named("gradient", gradient)}, written);
  }

  /** How many levels integer exponents have. */
  public static void expectLevels(int levels) {
    if (levels < 2 || levels > 1 << 24) {
      throw new IllegalArgumentException("levels = " + levels + ", expected 2 to 2^24");
    }
  }

  /** Memory may be written to. */
  public static void expectWritable(Tensor tensor, String name) {
    if (tensor.storage().isReadOnly()) {
      throw new IllegalArgumentException(name + " is read-only, expected memory to write to");
    }
  }

  /** A result can be written to a tensor, if need be as codes under the scales that it has. */
  public static void expectTarget(Tensor tensor, String name) {
    expectWritable(tensor, name);
    if (tensor.rotation().isPresent()) {
      throw new IllegalArgumentException(
          name + " is rotated by " + tensor.rotation().get() + ", expected it plain");
    }
    if (!tensor.isFp32() && quantizer(tensor).projection().rounding().randomBits() > 0) {
      throw new IllegalArgumentException(
          name + " was made by a quantizer that rounds stochastically, expected another rounding");
    }
  }

  /** What makes the codes of a result: the quantizer that made the tensor, else a plain one. */
  public static Quantizer quantizer(Tensor tensor) {
    return tensor
        .quantizer()
        .orElseGet(() -> {
          Quantizer plain = Quantizer.of(tensor.format());
          return tensor.scales().hasZeroPoints() ? plain.with(ScaleRule.MIN_TO_MAX) : plain;
        });
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

  /**
   * The extents of a product agree, as does what it adds; out is apart, and can be written as such.
   */
  public static void expectProduct(Matmul how, Matrices a, Matrices b, Matrices out) {
    if (a.columns() != b.rows()) {
      throw new IllegalArgumentException(
          "b = %s gives %d terms to a sum, expected %d for a = %s"
              .formatted(b, b.rows(), a.columns(), a));
    }
    if (out.rows() != a.rows() || out.columns() != b.columns()) {
      throw new IllegalArgumentException(
          "out = %s, expected [%d, %d] for a = %s and b = %s"
              .formatted(out, a.rows(), b.columns(), a, b));
    }
    expectCount(a, "a", out);
    expectCount(b, "b", out);
    expectSize(a, "a");
    expectSize(b, "b");
    if (!out.isTarget()) {
      throw new IllegalArgumentException(
          "out = " + out + ", expected contiguous rows and no element twice");
    }
    if (!out.tensor().isFp32() && out.size() != out.tensor().shape().size()) {
      throw new IllegalArgumentException(
          "out = " + out + ", expected all of a tensor that is not fp32");
    }
    expectApart(a.tensor(), "a", out.tensor(), "out");
    expectApart(b.tensor(), "b", out.tensor(), "out");
    if (how.bias().isPresent()) {
      expectShape(how.bias().get(), "bias", out.columns());
      expectApart(how.bias().get(), "bias", out.tensor(), "out");
    }
  }

  private static void expectCount(Matrices operand, String name, Matrices out) {
    if (operand.count() != out.count() && operand.count() != 1) {
      throw new IllegalArgumentException(
          "%s = %s has %d matrices, expected %s"
              .formatted(
                  name,
                  operand,
                  operand.count(),
                  out.count() == 1 ? "1" : "1 or " + out.count() + ", as out has"));
    }
  }

  /** Elements may be repeated by strides of 0, beyond what is in the tensor. */
  private static void expectSize(Matrices operand, String name) {
    if ((long) operand.rows() * operand.columns() > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          name + " = " + operand + ", expected at most 2^31 - 1 elements in each matrix");
    }
  }

  /** The extents of y = a x agree, and y is apart. */
  public static void expectMatvec(Tensor a, Tensor x, Tensor y) {
    expectAxes(a, "a", 2);
    expectShape(x, "x", a.shape().dim(1));
    expectShape(y, "y", a.shape().dim(0));
    expectApart(a, "a", y, "y");
    expectApart(x, "x", y, "y");
  }
}
