package dev.narrow.kernels.cuda;

import static dev.narrow.kernels.Arguments.expectApart;
import static dev.narrow.kernels.Arguments.expectSameOrApart;
import static dev.narrow.kernels.Arguments.expectShape;
import static dev.narrow.kernels.Arguments.named;

import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Arguments;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.TensorArithmetic;
import dev.narrow.quant.Tensor;

/** {@link TensorArithmetic} on a device. */
interface CudaArithmetic extends TensorArithmetic {
  /** What computes. */
  Gpu gpu();

  /** An operation of another backend. */
  @FunctionalInterface
  interface Combine {
    /** Reads x and y, writes z. */
    void apply(Backend backend, Tensor x, Tensor y, Tensor z);
  }

  private void combine(String kernel, Combine onHost, Tensor x, Tensor y, Tensor z) {
    if (!gpu().holds(named("x", x), named("y", y), named("z", z))) {
      onHost.apply(gpu().cpu(), x, y, z);
      return;
    }
    expectShape(y, "y", x.shape());
    expectShape(z, "z", x.shape());
    expectSameOrApart(x, "x", z, "z");
    expectSameOrApart(y, "y", z, "z");
    try (DeviceValues to = DeviceValues.write(gpu(), z, "z");
        DeviceValues left = DeviceValues.read(gpu(), x, "x");
        DeviceValues right = DeviceValues.read(gpu(), y, "y")) {
      Kernel combine = gpu().kernel("elementwise", kernel);
      KernelArguments arguments =
          combine
              .arguments()
              .add(left.pointer())
              .add(right.pointer())
              .add(to.pointer())
              .add(to.size());
      combine.launchOver(to.size(), Gpu.ELEMENTS, arguments);
      to.store();
    }
  }

  @Override
  default void add(Tensor x, Tensor y, Tensor z) {
    combine("add_f32", Backend::add, x, y, z);
  }

  @Override
  default void subtract(Tensor x, Tensor y, Tensor z) {
    combine("subtract_f32", Backend::subtract, x, y, z);
  }

  @Override
  default void multiply(Tensor x, Tensor y, Tensor z) {
    combine("multiply_f32", Backend::multiply, x, y, z);
  }

  @Override
  default void divide(Tensor x, Tensor y, Tensor z) {
    combine("divide_f32", Backend::divide, x, y, z);
  }

  @Override
  default void multiplyRow(Tensor x, Tensor row, Tensor y) {
    if (!gpu().holds(named("x", x), named("row", row), named("y", y))) {
      gpu().cpu().multiplyRow(x, row, y);
      return;
    }
    Arguments.expectAnAxis(x, "x");
    expectShape(row, "row", x.shape().dim(x.shape().axis(-1)));
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    expectApart(row, "row", y, "y");
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        DeviceValues from = DeviceValues.read(gpu(), x, "x");
        DeviceValues factor = DeviceValues.read(gpu(), row, "row")) {
      Kernel multiply = gpu().kernel("elementwise", "multiply_row_f32");
      KernelArguments arguments =
          multiply
              .arguments()
              .add(from.pointer())
              .add(factor.pointer())
              .add((int) from.columns())
              .add(to.pointer())
              .add(to.size());
      multiply.launchOver(to.size(), Gpu.ELEMENTS, arguments);
      to.store();
    }
  }

  @Override
  default void clamp(float low, float high, Tensor x, Tensor y) {
    if (!gpu().holds(named("x", x), named("y", y))) {
      gpu().cpu().clamp(low, high, x, y);
      return;
    }
    Arguments.expectLimits(low, high);
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        DeviceValues from = DeviceValues.read(gpu(), x, "x")) {
      Kernel clamp = gpu().kernel("elementwise", "clamp_f32");
      KernelArguments arguments =
          clamp.arguments().add(low).add(high).add(from.pointer()).add(to.pointer()).add(to.size());
      clamp.launchOver(to.size(), Gpu.ELEMENTS, arguments);
      to.store();
    }
  }

  @Override
  default void dropout(float probability, RandomBits bits, Tensor x, Tensor y) {
    if (!gpu().holds(named("x", x), named("y", y))) {
      gpu().cpu().dropout(probability, bits, x, y);
      return;
    }
    Arguments.expectProbability(probability);
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        DeviceValues from = DeviceValues.read(gpu(), x, "x")) {
      Kernel dropout = gpu().kernel("elementwise", "dropout_f32");
      KernelArguments arguments =
          dropout
              .arguments()
              .add(bits.seed())
              .add(bits.stream())
              .add((int) (long) Math.rint(probability * 0x1p32))
              .add(1f / (1f - probability))
              .add(from.pointer())
              .add(to.pointer())
              .add(to.size());
      dropout.launchOver(to.size(), Gpu.ELEMENTS, arguments);
      to.store();
    }
  }
}
