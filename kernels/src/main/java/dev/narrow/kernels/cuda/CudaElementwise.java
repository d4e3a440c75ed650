package dev.narrow.kernels.cuda;

import static dev.narrow.kernels.Arguments.expectApart;
import static dev.narrow.kernels.Arguments.expectSameOrApart;
import static dev.narrow.kernels.Arguments.expectShape;
import static dev.narrow.kernels.Arguments.named;

import dev.narrow.kernels.Arguments;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Elementwise;
import dev.narrow.quant.Tensor;

/** {@link Elementwise} on a device. */
interface CudaElementwise extends Elementwise {
  /** What computes. */
  Gpu gpu();

  /** An operation of another backend. */
  @FunctionalInterface
  interface Map {
    /** Reads x, writes y. */
    void apply(Backend backend, Tensor x, Tensor y);
  }

  private void map(String kernel, Map onHost, Tensor x, Tensor y) {
    if (!gpu().holds(named("x", x), named("y", y))) {
      onHost.apply(gpu().cpu(), x, y);
      return;
    }
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        DeviceValues from = DeviceValues.read(gpu(), x, "x")) {
      Kernel map = gpu().kernel("elementwise", kernel);
      KernelArguments arguments =
          map.arguments().add(from.pointer()).add(to.pointer()).add(to.size());
      map.launchOver(to.size(), Gpu.ELEMENTS, arguments);
      to.store();
    }
  }

  @Override
  default void relu(Tensor x, Tensor y) {
    map("relu_f32", Backend::relu, x, y);
  }

  @Override
  default void exp(Tensor x, Tensor y) {
    map("exp_f32", Backend::exp, x, y);
  }

  @Override
  default void exp2(Tensor x, Tensor y) {
    map("exp2_f32", Backend::exp2, x, y);
  }

  @Override
  default void log(Tensor x, Tensor y) {
    map("log_f32", Backend::log, x, y);
  }

  @Override
  default void tanh(Tensor x, Tensor y) {
    map("tanh_f32", Backend::tanh, x, y);
  }

  @Override
  default void erf(Tensor x, Tensor y) {
    map("erf_f32", Backend::erf, x, y);
  }

  @Override
  default void reciprocalSqrt(Tensor x, Tensor y) {
    map("reciprocal_sqrt_f32", Backend::reciprocalSqrt, x, y);
  }

  @Override
  default void sigmoid(Tensor x, Tensor y) {
    map("sigmoid_f32", Backend::sigmoid, x, y);
  }

  @Override
  default void gelu(Tensor x, Tensor y) {
    map("gelu_f32", Backend::gelu, x, y);
  }

  @Override
  default void geluTanh(Tensor x, Tensor y) {
    map("gelu_tanh_f32", Backend::geluTanh, x, y);
  }

  /** The gradient of an operation, of another backend. */
  @FunctionalInterface
  interface Gradient {
    /** Reads the points and dy, writes dx. */
    void apply(Backend backend, Tensor at, Tensor dy, Tensor dx);
  }

  private void backward(
      String kernel, Gradient onHost, Tensor at, String name, Tensor dy, Tensor dx) {
    if (!gpu().holds(named(name, at), named("dy", dy), named("dx", dx))) {
      onHost.apply(gpu().cpu(), at, dy, dx);
      return;
    }
    expectShape(dy, "dy", at.shape());
    expectShape(dx, "dx", at.shape());
    expectSameOrApart(at, name, dx, "dx");
    expectSameOrApart(dy, "dy", dx, "dx");
    try (DeviceValues below = DeviceValues.write(gpu(), dx, "dx");
        DeviceValues points = DeviceValues.read(gpu(), at, name);
        DeviceValues above = DeviceValues.read(gpu(), dy, "dy")) {
      Kernel gradient = gpu().kernel("elementwise", kernel);
      KernelArguments arguments =
          gradient
              .arguments()
              .add(points.pointer())
              .add(above.pointer())
              .add(below.pointer())
              .add(below.size());
      gradient.launchOver(below.size(), Gpu.ELEMENTS, arguments);
      below.store();
    }
  }

  @Override
  default void reluBackward(Tensor y, Tensor dy, Tensor dx) {
    backward("relu_gradient_f32", Backend::reluBackward, y, "y", dy, dx);
  }

  @Override
  default void geluBackward(Tensor x, Tensor dy, Tensor dx) {
    backward("gelu_gradient_f32", Backend::geluBackward, x, "x", dy, dx);
  }

  @Override
  default void geluTanhBackward(Tensor x, Tensor dy, Tensor dx) {
    backward("gelu_tanh_gradient_f32", Backend::geluTanhBackward, x, "x", dy, dx);
  }

  @Override
  default void addRow(Tensor x, Tensor row, Tensor y) {
    if (!gpu().holds(named("x", x), named("row", row), named("y", y))) {
      gpu().cpu().addRow(x, row, y);
      return;
    }
    Arguments.expectAxes(x, "x", 2);
    expectShape(row, "row", x.shape().dim(1));
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    expectApart(row, "row", y, "y");
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        DeviceValues from = DeviceValues.read(gpu(), x, "x");
        DeviceValues addend = DeviceValues.read(gpu(), row, "row")) {
      Kernel add = gpu().kernel("elementwise", "add_row_f32");
      KernelArguments arguments =
          add.arguments()
              .add(from.pointer())
              .add(addend.pointer())
              .add((int) from.columns())
              .add(to.pointer())
              .add(to.size());
      add.launchOver(to.size(), Gpu.ELEMENTS, arguments);
      to.store();
    }
  }

  @Override
  default void scale(float factor, Tensor x, Tensor y) {
    if (!gpu().holds(named("x", x), named("y", y))) {
      gpu().cpu().scale(factor, x, y);
      return;
    }
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        DeviceValues from = DeviceValues.read(gpu(), x, "x")) {
      Kernel scale = gpu().kernel("elementwise", "scale_f32");
      KernelArguments arguments =
          scale.arguments().add(factor).add(from.pointer()).add(to.pointer()).add(to.size());
      scale.launchOver(to.size(), Gpu.ELEMENTS, arguments);
      to.store();
    }
  }

  @Override
  default void addScaled(float factor, Tensor x, Tensor y) {
    if (!gpu().holds(named("x", x), named("y", y))) {
      gpu().cpu().addScaled(factor, x, y);
      return;
    }
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    try (DeviceValues to = DeviceValues.update(gpu(), y, "y");
        DeviceValues from = DeviceValues.read(gpu(), x, "x")) {
      Kernel add = gpu().kernel("elementwise", "add_scaled_f32");
      KernelArguments arguments =
          add.arguments().add(factor).add(from.pointer()).add(to.pointer()).add(to.size());
      add.launchOver(to.size(), Gpu.ELEMENTS, arguments);
      to.store();
    }
  }
}
