package dev.narrow.kernels.cuda;

import static dev.narrow.kernels.Arguments.expectSameOrApart;
import static dev.narrow.kernels.Arguments.expectShape;
import static dev.narrow.kernels.Arguments.named;

import dev.narrow.kernels.Arguments;
import dev.narrow.kernels.Normalizations;
import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/** {@link Normalizations} on a device. */
interface CudaNormalizations extends Normalizations {
  /** What computes. */
  Gpu gpu();

  @Override
  default void layerNorm(
      Tensor x,
      Tensor weight,
      @Nullable Tensor bias,
      float epsilon,
      Tensor y,
      Tensor mean,
      Tensor inverse) {
    if (gpu()
        .holds(
            named("x", x),
            named("weight", weight),
            named("bias", bias),
            named("y", y),
            named("mean", mean),
            named("inverse", inverse))) {
      normalize(x, weight, bias, epsilon, y, mean, inverse);
    } else {
      gpu().cpu().layerNorm(x, weight, bias, epsilon, y, mean, inverse);
    }
  }

  @Override
  default void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverse) {
    if (gpu()
        .holds(named("x", x), named("weight", weight), named("y", y), named("inverse", inverse))) {
      normalize(x, weight, null, epsilon, y, null, inverse);
    } else {
      gpu().cpu().rmsNorm(x, weight, epsilon, y, inverse);
    }
  }

  private void normalize(
      Tensor x,
      Tensor weight,
      @Nullable Tensor bias,
      float epsilon,
      Tensor y,
      @Nullable Tensor mean,
      Tensor inverse) {
    Arguments.expectNorm(x, weight, bias, epsilon, y, mean, inverse);
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        @Nullable DeviceValues means =
            mean == null ? null : DeviceValues.write(gpu(), mean, "mean");
        DeviceValues inverses = DeviceValues.write(gpu(), inverse, "inverse");
        DeviceValues from = DeviceValues.read(gpu(), x, "x");
        DeviceValues factors = DeviceValues.read(gpu(), weight, "weight");
        @Nullable DeviceValues addends =
            bias == null ? null : DeviceValues.read(gpu(), bias, "bias")) {
      Kernel norm = gpu().kernel("rows", "layer_norm_f32");
      KernelArguments arguments =
          norm.arguments()
              .add(from.pointer())
              .add(factors.pointer())
              .add(DeviceValues.pointerOf(addends))
              .add(epsilon)
              .add(to.pointer())
              .add(DeviceValues.pointerOf(means))
              .add(inverses.pointer())
              .add(from.columns())
              .add(from.rows());
      norm.launchOver(from.rows(), Gpu.ROWS, arguments);
      to.store();
      inverses.store();
      if (means != null) {
        means.store();
      }
    }
  }

  @Override
  default void layerNormBackward(
      Tensor x,
      Tensor weight,
      Tensor mean,
      Tensor inverse,
      Tensor dy,
      Tensor dx,
      Tensor dweight,
      @Nullable Tensor dbias) {
    if (gpu()
        .holds(
            named("x", x),
            named("weight", weight),
            named("mean", mean),
            named("inverse", inverse),
            named("dy", dy),
            named("dx", dx),
            named("dweight", dweight),
            named("dbias", dbias))) {
      normalizeBackward(x, weight, mean, inverse, dy, dx, dweight, dbias);
    } else {
      gpu().cpu().layerNormBackward(x, weight, mean, inverse, dy, dx, dweight, dbias);
    }
  }

  @Override
  default void rmsNormBackward(
      Tensor x, Tensor weight, Tensor inverse, Tensor dy, Tensor dx, Tensor dweight) {
    if (gpu()
        .holds(
            named("x", x),
            named("weight", weight),
            named("inverse", inverse),
            named("dy", dy),
            named("dx", dx),
            named("dweight", dweight))) {
      normalizeBackward(x, weight, null, inverse, dy, dx, dweight, null);
    } else {
      gpu().cpu().rmsNormBackward(x, weight, inverse, dy, dx, dweight);
    }
  }

  private void normalizeBackward(
      Tensor x,
      Tensor weight,
      @Nullable Tensor mean,
      Tensor inverse,
      Tensor dy,
      Tensor dx,
      Tensor dweight,
      @Nullable Tensor dbias) {
    Arguments.expectNormBackward(x, weight, mean, inverse, dy, dx, dweight, dbias);
    try (DeviceValues below = DeviceValues.write(gpu(), dx, "dx");
        DeviceValues weights = DeviceValues.write(gpu(), dweight, "dweight");
        @Nullable DeviceValues biases =
            dbias == null ? null : DeviceValues.write(gpu(), dbias, "dbias");
        DeviceValues from = DeviceValues.read(gpu(), x, "x");
        DeviceValues factors = DeviceValues.read(gpu(), weight, "weight");
        @Nullable DeviceValues means =
            mean == null ? null : DeviceValues.read(gpu(), mean, "mean");
        DeviceValues inverses = DeviceValues.read(gpu(), inverse, "inverse");
        DeviceValues above = DeviceValues.read(gpu(), dy, "dy")) {
      Kernel sums = gpu().kernel("rows", "layer_norm_sums_f32"); // first: dx may be x or dy
      KernelArguments arguments =
          sums.arguments()
              .add(from.pointer())
              .add(DeviceValues.pointerOf(means))
              .add(inverses.pointer())
              .add(above.pointer())
              .add(from.columns())
              .add(from.rows())
              .add(weights.pointer())
              .add(DeviceValues.pointerOf(biases));
      sums.launchOver(from.columns(), Gpu.THREADS, arguments);
      Kernel gradient = gpu().kernel("rows", "layer_norm_gradient_f32");
      arguments =
          gradient
              .arguments()
              .add(from.pointer())
              .add(factors.pointer())
              .add(DeviceValues.pointerOf(means))
              .add(inverses.pointer())
              .add(above.pointer())
              .add(below.pointer())
              .add(from.columns())
              .add(from.rows());
      gradient.launchOver(from.rows(), Gpu.ROWS, arguments);
      below.store();
      weights.store();
      if (biases != null) {
        biases.store();
      }
    }
  }

  @Override
  default void softmax(Tensor x, Tensor y) {
    if (!gpu().holds(named("x", x), named("y", y))) {
      gpu().cpu().softmax(x, y);
      return;
    }
    Arguments.expectAnAxis(x, "x");
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        DeviceValues from = DeviceValues.read(gpu(), x, "x")) {
      Kernel softmax = gpu().kernel("rows", "softmax_f32");
      KernelArguments arguments =
          softmax
              .arguments()
              .add(from.pointer())
              .add(to.pointer())
              .add(from.columns())
              .add(from.rows());
      softmax.launchOver(from.rows(), Gpu.ROWS, arguments);
      to.store();
    }
  }

  @Override
  default void softmaxBackward(Tensor y, Tensor dy, Tensor dx) {
    if (!gpu().holds(named("y", y), named("dy", dy), named("dx", dx))) {
      gpu().cpu().softmaxBackward(y, dy, dx);
      return;
    }
    Arguments.expectAnAxis(y, "y");
    expectShape(dy, "dy", y.shape());
    expectShape(dx, "dx", y.shape());
    expectSameOrApart(y, "y", dx, "dx");
    expectSameOrApart(dy, "dy", dx, "dx");
    try (DeviceValues below = DeviceValues.write(gpu(), dx, "dx");
        DeviceValues outputs = DeviceValues.read(gpu(), y, "y");
        DeviceValues above = DeviceValues.read(gpu(), dy, "dy")) {
      Kernel gradient = gpu().kernel("rows", "softmax_gradient_f32");
      KernelArguments arguments =
          gradient
              .arguments()
              .add(outputs.pointer())
              .add(above.pointer())
              .add(below.pointer())
              .add(outputs.columns())
              .add(outputs.rows());
      gradient.launchOver(outputs.rows(), Gpu.ROWS, arguments);
      below.store();
    }
  }
}
