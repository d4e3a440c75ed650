package dev.narrow.kernels.cuda;

import static dev.narrow.kernels.Arguments.named;

import dev.narrow.kernels.Convolution;
import dev.narrow.kernels.Convolutions;
import dev.narrow.kernels.LayerArguments;
import dev.narrow.kernels.Summation;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * {@link Convolutions} on a device, with the bits of the processor in {@link Summation#FAST} as
 * well. For other accumulators than those in float32, in float64 and the exact one the processor
 * computes on copies.
 */
interface CudaConvolutions extends Convolutions {
  /** What computes. */
  Gpu gpu();

  @Override
  default void convolve(Convolution how, Tensor x, Tensor weight, Tensor y) {
    if (!gpu().holds(named("x", x), named("weight", weight), named("y", y))) {
      gpu().cpu().convolve(how, x, weight, y);
    } else if (FloatProduct.takes(gpu().accumulator())) {
      forward(how, x, weight, null, y);
    } else {
      HostOperands on = new HostOperands(gpu().device());
      gpu().cpu().convolve(how, on.read(x, "x"), on.read(weight, "weight"), on.write(y, "y"));
      on.store();
    }
  }

  @Override
  default void convolve(Convolution how, Tensor x, Tensor weight, Tensor bias, Tensor y) {
    if (!gpu().holds(named("x", x), named("weight", weight), named("bias", bias), named("y", y))) {
      gpu().cpu().convolve(how, x, weight, bias, y);
    } else if (FloatProduct.takes(gpu().accumulator())) {
      forward(how, x, weight, bias, y);
    } else {
      HostOperands on = new HostOperands(gpu().device());
      gpu()
          .cpu()
          .convolve(
              how,
              on.read(x, "x"),
              on.read(weight, "weight"),
              on.read(bias, "bias"),
              on.write(y, "y"));
      on.store();
    }
  }

  private void forward(Convolution how, Tensor x, Tensor weight, @Nullable Tensor bias, Tensor y) {
    LayerArguments.expectConvolution(how, x, weight, bias, y);
    try (DeviceValues out = DeviceValues.write(gpu(), y, "y");
        DeviceValues in = DeviceValues.read(gpu(), x, "x");
        DeviceValues kernel = DeviceValues.read(gpu(), weight, "weight");
        @Nullable DeviceValues addend =
            bias == null ? null : DeviceValues.read(gpu(), bias, "bias")) {
      if (out.size() > 0) {
        new ImplicitProduct(how, x.shape(), weight.shape(), y.shape())
            .forward(gpu(), in, kernel, addend, out);
      }
      out.store();
    }
  }

  @Override
  default void convolveBackwardInput(Convolution how, Tensor weight, Tensor dy, Tensor dx) {
    if (!gpu().holds(named("weight", weight), named("dy", dy), named("dx", dx))) {
      gpu().cpu().convolveBackwardInput(how, weight, dy, dx);
      return;
    }
    if (!FloatProduct.takes(gpu().accumulator())) {
      HostOperands on = new HostOperands(gpu().device());
      gpu()
          .cpu()
          .convolveBackwardInput(
              how, on.read(weight, "weight"), on.read(dy, "dy"), on.write(dx, "dx"));
      on.store();
      return;
    }
    LayerArguments.expectConvolutionBackwardInput(how, weight, dy, dx);
    try (DeviceValues out = DeviceValues.write(gpu(), dx, "dx");
        DeviceValues kernel = DeviceValues.read(gpu(), weight, "weight");
        DeviceValues above = DeviceValues.read(gpu(), dy, "dy")) {
      if (out.size() > 0) {
        new ImplicitProduct(how, dx.shape(), weight.shape(), dy.shape())
            .backwardInput(gpu(), kernel, above, out);
      }
      out.store();
    }
  }

  @Override
  default void convolveBackwardWeight(Convolution how, Tensor x, Tensor dy, Tensor dweight) {
    if (!gpu().holds(named("x", x), named("dy", dy), named("dweight", dweight))) {
      gpu().cpu().convolveBackwardWeight(how, x, dy, dweight);
      return;
    }
    if (!FloatProduct.takes(gpu().accumulator())) {
      HostOperands on = new HostOperands(gpu().device());
      gpu()
          .cpu()
          .convolveBackwardWeight(
              how, on.read(x, "x"), on.read(dy, "dy"), on.write(dweight, "dweight"));
      on.store();
      return;
    }
    LayerArguments.expectConvolutionBackwardWeight(how, x, dy, dweight);
    try (DeviceValues out = DeviceValues.write(gpu(), dweight, "dweight");
        DeviceValues in = DeviceValues.read(gpu(), x, "x");
        DeviceValues above = DeviceValues.read(gpu(), dy, "dy")) {
      if (out.size() > 0) {
        new ImplicitProduct(how, x.shape(), dweight.shape(), dy.shape())
            .backwardWeight(gpu(), in, above, out);
      }
      out.store();
    }
  }

  @Override
  default void convolveBackwardBias(Tensor dy, Tensor dbias) {
    if (!gpu().holds(named("dy", dy), named("dbias", dbias))) {
      gpu().cpu().convolveBackwardBias(dy, dbias);
      return;
    }
    LayerArguments.expectConvolutionBackwardBias(dy, dbias);
    Shape shape = dy.shape();
    long samples = shape.dim(0);
    long channels = shape.dim(1);
    long plane = (long) shape.dim(2) * shape.dim(3);
    try (DeviceValues out = DeviceValues.write(gpu(), dbias, "dbias");
        DeviceValues above = DeviceValues.read(gpu(), dy, "dy");
        DeviceScratch sums = gpu().device().scratch(Float.BYTES * samples * channels)) {
      gpu()
          .sumColumns(
              "sum_columns_f32",
              above.pointer(),
              plane,
              above.size(),
              sums.pointer(),
              samples * channels);
      gpu().sumSamples(sums.pointer(), samples, channels, 1f, out.pointer());
      out.store();
    }
  }
}
