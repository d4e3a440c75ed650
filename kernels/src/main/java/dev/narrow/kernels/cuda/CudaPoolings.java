package dev.narrow.kernels.cuda;

import static dev.narrow.kernels.Arguments.named;

import dev.narrow.kernels.Indices;
import dev.narrow.kernels.LayerArguments;
import dev.narrow.kernels.Pooling;
import dev.narrow.kernels.Poolings;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;

/** {@link Poolings} on a device: pooling.cu. */
interface CudaPoolings extends Poolings {
  /** What computes. */
  Gpu gpu();

  @Override
  default void maxPool(Pooling how, Tensor x, Tensor y, int[] argmax) {
    if (!gpu().holds(named("x", x), named("y", y))) {
      gpu().cpu().maxPool(how, x, y, argmax);
      return;
    }
    LayerArguments.expectMaxPool(how, x, y, argmax);
    try (DeviceScratch indices = gpu().device().scratch((long) Integer.BYTES * argmax.length)) {
      maxima(how, x, y, indices.pointer());
      gpu().device().copyToHost(indices.pointer(), MemorySegment.ofArray(argmax));
    }
  }

  @Override
  default void maxPool(Pooling how, Tensor x, Tensor y, Tensor argmax) {
    if (!gpu().holds(named("x", x), named("y", y), named("argmax", argmax))) {
      gpu().cpu().maxPool(how, x, y, argmax);
      return;
    }
    LayerArguments.expectMaxPool(how, x, y);
    Indices.expect(argmax, "argmax", y.shape().size());
    maxima(how, x, y, gpu().device().pointer(argmax, "argmax"));
  }

  private void maxima(Pooling how, Tensor x, Tensor y, long argmax) {
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        DeviceValues from = DeviceValues.read(gpu(), x, "x")) {
      Kernel kernel = kernel("max_pool_f32");
      launch(
          kernel,
          to.size(),
          kernel
              .arguments()
              .add(from.pointer())
              .add(to.pointer())
              .add(argmax)
              .add(struct(how, x.shape(), y.shape())));
      to.store();
    }
  }

  @Override
  default void maxPoolBackward(Tensor dy, int[] argmax, Tensor dx) {
    if (!gpu().holds(named("dy", dy), named("dx", dx))) {
      gpu().cpu().maxPoolBackward(dy, argmax, dx);
      return;
    }
    LayerArguments.expectMaxPoolBackward(dy, argmax, dx);
    try (DeviceScratch indices = gpu().upload(argmax)) {
      maximaBackward(dy, indices.pointer(), dx);
    }
  }

  @Override
  default void maxPoolBackward(Tensor dy, Tensor argmax, Tensor dx) {
    if (!gpu().holds(named("dy", dy), named("argmax", argmax), named("dx", dx))) {
      gpu().cpu().maxPoolBackward(dy, argmax, dx);
      return;
    }
    LayerArguments.expectMaxPoolBackward(dy, dx);
    Indices.expect(argmax, "argmax", dy.shape().size());
    maximaBackward(dy, gpu().device().pointer(argmax, "argmax"), dx);
  }

  private void maximaBackward(Tensor dy, long argmax, Tensor dx) {
    try (DeviceValues below = DeviceValues.write(gpu(), dx, "dx");
        DeviceValues above = DeviceValues.read(gpu(), dy, "dy")) {
      long planes = planes(dx);
      Kernel kernel = kernel("max_pool_gradient_f32");
      launch(
          kernel,
          32 * planes, // a warp has a plane
          kernel
              .arguments()
              .add(above.pointer())
              .add(argmax)
              .add(below.pointer())
              .add((long) dy.shape().dim(2) * dy.shape().dim(3))
              .add((long) dx.shape().dim(2) * dx.shape().dim(3))
              .add(planes));
      below.store();
    }
  }

  @Override
  default void averagePool(Pooling how, Tensor x, Tensor y) {
    if (!gpu().holds(named("x", x), named("y", y))) {
      gpu().cpu().averagePool(how, x, y);
      return;
    }
    LayerArguments.expectAveragePool(how, x, y);
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        DeviceValues from = DeviceValues.read(gpu(), x, "x")) {
      Kernel kernel = kernel("average_pool_f32");
      launch(
          kernel,
          to.size(),
          kernel
              .arguments()
              .add(from.pointer())
              .add(to.pointer())
              .add(struct(how, x.shape(), y.shape())));
      to.store();
    }
  }

  @Override
  default void averagePoolBackward(Pooling how, Tensor dy, Tensor dx) {
    if (!gpu().holds(named("dy", dy), named("dx", dx))) {
      gpu().cpu().averagePoolBackward(how, dy, dx);
      return;
    }
    LayerArguments.expectAveragePoolBackward(how, dy, dx);
    try (DeviceValues below = DeviceValues.write(gpu(), dx, "dx");
        DeviceValues above = DeviceValues.read(gpu(), dy, "dy")) {
      Kernel kernel = kernel("average_pool_gradient_f32");
      launch(
          kernel,
          below.size(),
          kernel
              .arguments()
              .add(above.pointer())
              .add(below.pointer())
              .add(struct(how, dx.shape(), dy.shape())));
      below.store();
    }
  }

  @Override
  default void averagePlanes(Tensor x, Tensor y) {
    if (!gpu().holds(named("x", x), named("y", y))) {
      gpu().cpu().averagePlanes(x, y);
      return;
    }
    LayerArguments.expectAveragePlanes(x, y);
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        DeviceValues from = DeviceValues.read(gpu(), x, "x")) {
      Kernel mean = gpu().kernel("rows", "mean_columns_f32");
      mean.launchOver(
          to.size(),
          Gpu.ROWS,
          mean.arguments().add(from.pointer()).add(plane(x)).add(to.pointer()).add(to.size()));
      to.store();
    }
  }

  @Override
  default void averagePlanesBackward(Tensor dy, Tensor dx) {
    if (!gpu().holds(named("dy", dy), named("dx", dx))) {
      gpu().cpu().averagePlanesBackward(dy, dx);
      return;
    }
    LayerArguments.expectAveragePlanesBackward(dy, dx);
    try (DeviceValues below = DeviceValues.write(gpu(), dx, "dx");
        DeviceValues above = DeviceValues.read(gpu(), dy, "dy")) {
      Kernel kernel = kernel("average_planes_gradient_f32");
      launch(
          kernel,
          below.size(),
          kernel
              .arguments()
              .add(above.pointer())
              .add(below.pointer())
              .add(plane(dx))
              .add(planes(dx)));
      below.store();
    }
  }

  private Kernel kernel(String name) {
    return gpu().kernel("pooling", name);
  }

  private static void launch(Kernel kernel, long threads, KernelArguments arguments) {
    kernel.launchOver(threads, Gpu.THREADS, arguments);
  }

  private static long planes(Tensor x) {
    return (long) x.shape().dim(0) * x.shape().dim(1);
  }

  private static long plane(Tensor x) {
    return (long) x.shape().dim(2) * x.shape().dim(3);
  }

  /** A Pooling of pooling.cu. */
  private static MemorySegment struct(Pooling how, Shape image, Shape output) {
    return new KernelStruct()
        .add((long) image.dim(0) * image.dim(1))
        .add((long) image.dim(2))
        .add((long) image.dim(3))
        .add((long) output.dim(2))
        .add((long) output.dim(3))
        .add((long) how.windowY())
        .add((long) how.windowX())
        .add((long) how.strideY())
        .add((long) how.strideX())
        .add((long) how.paddingY())
        .add((long) how.paddingX())
        .add(how.paddingCounts() ? 1L : 0L)
        .segment();
  }
}
