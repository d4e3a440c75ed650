package dev.narrow.kernels.cuda;

import static dev.narrow.kernels.Arguments.named;

import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Arguments;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.kernels.Products;
import dev.narrow.kernels.Summation;
import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * {@link Products} on a device. In order in float32 and in float64, and exactly, they have the bits
 * of the processor; in {@link Summation#FAST} tensor cores multiply what they can take. For any
 * other accumulator the processor multiplies copies.
 */
interface CudaProducts extends Products {
  /** What computes. */
  Gpu gpu();

  @Override
  default void matmul(Matmul how, Matrices a, Matrices b, Matrices out) {
    Tensor bias = how.bias().orElse(null);
    if (!gpu()
        .holds(
            named("a", a.tensor()),
            named("b", b.tensor()),
            named("bias", bias),
            named("out", out.tensor()))) {
      gpu().cpu().matmul(how, a, b, out);
      return;
    }
    if (!FloatProduct.takes(gpu().accumulator())) {
      matmulOnHost(how, a, b, out);
      return;
    }
    Arguments.expectProduct(how, a, b, out);
    Arguments.expectTarget(out.tensor(), "out");
    if ((long) out.count() * out.rows() * out.columns() == 0) {
      return;
    }
    if (gpu().summation() == Summation.FAST && TensorCoreProduct.multiply(gpu(), how, a, b, out)) {
      return;
    }
    FloatProduct.multiply(gpu(), how, a, b, out);
  }

  private void matmulOnHost(Matmul how, Matrices a, Matrices b, Matrices out) {
    HostOperands on = new HostOperands(gpu().device());
    Matmul there = how.bias().map(bias -> how.bias(on.read(bias, "bias"))).orElse(how);
    gpu().cpu().matmul(there, on.read(a, "a"), on.read(b, "b"), on.write(out, "out"));
    on.store();
  }

  @Override
  default void matvec(Tensor a, Tensor x, Tensor y) {
    if (!gpu().holds(named("a", a), named("x", x), named("y", y))) {
      gpu().cpu().matvec(a, x, y);
      return;
    }
    Accumulator accumulator = gpu().accumulator();
    if (!FloatProduct.takes(accumulator)) {
      HostOperands on = new HostOperands(gpu().device());
      gpu().cpu().matvec(on.read(a, "a"), on.read(x, "x"), on.write(y, "y"));
      on.store();
      return;
    }
    Arguments.expectMatvec(a, x, y);
    Arguments.expectTarget(y, "y");
    int rows = a.shape().dim(0);
    int columns = a.shape().dim(1);
    if (rows == 0) {
      return;
    }
    if (!(accumulator instanceof Accumulator.Fp32)) {
      FloatProduct.multiply(
          gpu(), Matmul.plain(), Matrices.of(a), column(x, columns), column(y, rows));
      return;
    }
    if (gpu().summation() == Summation.FAST
        && TensorCoreProduct.multiply(
            gpu(), Matmul.plain(), Matrices.of(a), column(x, columns), column(y, rows))) {
      return;
    }
    try (DeviceValues matrix = DeviceValues.read(gpu(), a, "a");
        DeviceValues vector = DeviceValues.read(gpu(), x, "x");
        DeviceValues sums = DeviceValues.write(gpu(), y, "y")) {
      Kernel kernel = gpu().kernel(FloatProduct.MODULE, "matvec_f32");
      kernel.launchOver(
          rows,
          Gpu.ROWS,
          kernel
              .arguments()
              .add(matrix.pointer())
              .add(vector.pointer())
              .add(sums.pointer())
              .add((long) rows)
              .add((long) columns));
      sums.store();
    }
  }

  private static Matrices column(Tensor vector, int rows) {
    return new Matrices(vector, 0, 1, 0, rows, 1, 1, 1);
  }

  /** Adds the fields of a View: where matrices of elements of so many bytes lie. */
  static KernelStruct addView(KernelStruct struct, long pointer, Matrices matrices, int bytes) {
    return struct
        .add(pointer + (long) matrices.offset() * bytes)
        .add(matrices.count() == 1 ? 0L : matrices.step())
        .add((long) matrices.rowStride())
        .add((long) matrices.columnStride());
  }

  /** Adds the fields of an Epilogue. */
  static KernelStruct addEpilogue(KernelStruct struct, Matmul how, @Nullable DeviceValues bias) {
    int activation =
        switch (how.activation()) {
          case NONE -> 0;
          case RELU -> 1;
          case GELU -> 2;
        };
    return struct
        .add(bias == null ? 0L : bias.pointer())
        .add(how.alpha())
        .add(how.beta())
        .add(activation, 0);
  }
}
