package dev.narrow.kernels.cuda;

import static dev.narrow.kernels.Arguments.named;

import dev.narrow.kernels.Attention;
import dev.narrow.kernels.Attentions;
import dev.narrow.kernels.Convolution;
import dev.narrow.kernels.Convolutions;
import dev.narrow.kernels.LayerArguments;
import dev.narrow.quant.Tensor;

/**
 * What has no kernel yet: the processor does it on copies of the operands, with the bits that it
 * always has.
 */
interface CudaOnHost extends Convolutions, Attentions {
  /** What computes. */
  Gpu gpu();

  @Override
  default void convolve(Convolution how, Tensor x, Tensor weight, Tensor y) {
    HostOperands on = new HostOperands(gpu().device());
    gpu().cpu().convolve(how, on.read(x, "x"), on.read(weight, "weight"), on.write(y, "y"));
    on.store();
  }

  @Override
  default void convolve(Convolution how, Tensor x, Tensor weight, Tensor bias, Tensor y) {
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

  @Override
  default void convolveBackwardInput(Convolution how, Tensor weight, Tensor dy, Tensor dx) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .convolveBackwardInput(
            how, on.read(weight, "weight"), on.read(dy, "dy"), on.write(dx, "dx"));
    on.store();
  }

  @Override
  default void convolveBackwardWeight(Convolution how, Tensor x, Tensor dy, Tensor dweight) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .convolveBackwardWeight(
            how, on.read(x, "x"), on.read(dy, "dy"), on.write(dweight, "dweight"));
    on.store();
  }

  @Override
  default void attention(Tensor q, Tensor k, Tensor v, Attention attention, Tensor y) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .attention(on.read(q, "q"), on.read(k, "k"), on.read(v, "v"), attention, on.write(y, "y"));
    on.store();
  }

  @Override
  default void attentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      Attention attention,
      Tensor dy,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .attentionBackward(
            on.read(q, "q"),
            on.read(k, "k"),
            on.read(v, "v"),
            attention,
            on.read(dy, "dy"),
            on.write(dq, "dq"),
            on.write(dk, "dk"),
            on.write(dv, "dv"));
    on.store();
  }

  @Override
  default void convolveBackwardBias(Tensor dy, Tensor dbias) {
    if (!gpu().holds(named("dy", dy), named("dbias", dbias))) {
      gpu().cpu().convolveBackwardBias(dy, dbias);
      return;
    }
    LayerArguments.expectConvolutionBackwardBias(dy, dbias);
    long samples = dy.shape().dim(0);
    long channels = dy.shape().dim(1);
    long size = (long) dy.shape().dim(2) * dy.shape().dim(3);
    try (DeviceValues sums = DeviceValues.write(gpu(), dbias, "dbias");
        DeviceValues above = DeviceValues.read(gpu(), dy, "dy");
        DeviceScratch planes = gpu().device().scratch(Float.BYTES * samples * channels)) {
      gpu()
          .sumColumns(
              "sum_columns_f32",
              above.pointer(),
              size,
              above.size(),
              planes.pointer(),
              samples * channels);
      gpu().sumSamples(planes.pointer(), samples, channels, 1f, sums.pointer());
      sums.store();
    }
  }
}
