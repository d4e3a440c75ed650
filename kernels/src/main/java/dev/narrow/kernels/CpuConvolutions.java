package dev.narrow.kernels;

import dev.narrow.kernels.Correlation.Grid;
import dev.narrow.kernels.Correlation.Weights;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/** {@link Convolutions} on the processor. */
interface CpuConvolutions extends Convolutions {
  /** What computes. */
  Cpu cpu();

  @Override
  default void convolve(Convolution how, Tensor x, Tensor weight, Tensor y) {
    forward(how, x, weight, null, y);
  }

  @Override
  default void convolve(Convolution how, Tensor x, Tensor weight, Tensor bias, Tensor y) {
    forward(how, x, weight, bias, y);
  }

  private void forward(Convolution how, Tensor x, Tensor weight, @Nullable Tensor bias, Tensor y) {
    cpu().requireFloats();
    LayerArguments.expectConvolution(how, x, weight, bias, y);
    try (Values out = Values.write(y, "y");
        Values in = Values.read(x);
        Values kernel = Values.read(weight)) {
      if (bias == null) {
        correlation(how, x.shape(), weight.shape(), y.shape(), in, kernel, null, out).run(cpu());
      } else {
        try (Values addend = Values.read(bias)) {
          correlation(how, x.shape(), weight.shape(), y.shape(), in, kernel, addend, out)
              .run(cpu());
        }
      }
      out.store();
    }
  }

  private static Correlation correlation(
      Convolution how,
      Shape x,
      Shape weight,
      Shape y,
      Values in,
      Values kernel,
      @Nullable Values bias,
      Values out) {
    int rows = weight.dim(0) / how.groups();
    int terms = weight.stride(0);
    return new Correlation(
        x.dim(0),
        how.groups(),
        rows,
        weight.dim(1),
        yAxis(how, x, weight, y),
        xAxis(how, x, weight, y),
        new Weights(kernel.array(), kernel.offset(), rows * terms, terms, 1),
        in.array(),
        in.offset(),
        bias == null ? null : bias.array(),
        bias == null ? 0 : bias.offset(),
        new Grid(out.array(), out.offset(), y.dim(2), y.dim(3), 0, 0, 1, 1));
  }

  private static TapAxis yAxis(Convolution how, Shape x, Shape weight, Shape y) {
    return TapAxis.forward(
        x.dim(2), weight.dim(2), how.strideY(), how.paddingY(), how.dilationY(), y.dim(2));
  }

  private static TapAxis xAxis(Convolution how, Shape x, Shape weight, Shape y) {
    return TapAxis.forward(
        x.dim(3), weight.dim(3), how.strideX(), how.paddingX(), how.dilationX(), y.dim(3));
  }

  @Override
  default void convolveBackwardInput(Convolution how, Tensor weight, Tensor dy, Tensor dx) {
    cpu().requireFloats();
    LayerArguments.expectConvolutionBackwardInput(how, weight, dy, dx);
    Shape image = dx.shape();
    Shape kernel = weight.shape();
    try (Values out = Values.write(dx, "dx");
        Values weights = Values.read(weight);
        Values above = Values.read(dy)) {
      for (int y = 0; y < Math.min(how.strideY(), image.dim(2)); y++) {
        TapPhase rows =
            TapPhase.of(
                y, how.strideY(), how.paddingY(), how.dilationY(), kernel, 2, image, dy.shape());
        for (int x = 0; x < Math.min(how.strideX(), image.dim(3)); x++) {
          TapPhase columns =
              TapPhase.of(
                  x, how.strideX(), how.paddingX(), how.dilationX(), kernel, 3, image, dy.shape());
          backward(how, kernel, weights, above, rows, columns, image, out);
        }
      }
      out.store();
    }
  }

  /** The elements of dx that one selection of taps meets. */
  private void backward(
      Convolution how,
      Shape weight,
      Values kernel,
      Values dy,
      TapPhase rows,
      TapPhase columns,
      Shape image,
      Values dx) {
    int channels = weight.dim(1);
    int outputs = weight.dim(0) / how.groups();
    int taps = rows.axis().taps() * columns.axis().taps();
    boolean asIs = weight.dim(2) * weight.dim(3) == 1 && taps == 1;
    float[] selected = Scratch.take(asIs ? 0 : how.groups() * channels * outputs * taps);
    Weights weights =
        asIs
            ? new Weights(kernel.array(), kernel.offset(), outputs * channels, 1, channels)
            : new Weights(selected, 0, channels * outputs * taps, outputs * taps, 1);
    if (!asIs) {
      select(how.groups(), weight, kernel, rows, columns, selected);
    }
    new Correlation(
            image.dim(0),
            how.groups(),
            channels,
            outputs,
            rows.axis(),
            columns.axis(),
            weights,
            dy.array(),
            dy.offset(),
            null,
            0,
            new Grid(
                dx.array(),
                dx.offset(),
                image.dim(2),
                image.dim(3),
                rows.start(),
                columns.start(),
                how.strideY(),
                how.strideX()))
        .run(cpu());
    Scratch.give(selected);
  }

  /** selected[group, channel, output, taps] = weight[group outputs + output, channel, taps]. */
  private void select(
      int groups, Shape weight, Values kernel, TapPhase rows, TapPhase columns, float[] selected) {
    int channels = weight.dim(1);
    int outputs = weight.dim(0) / groups;
    int xTaps = columns.axis().taps();
    int taps = rows.axis().taps() * xTaps;
    int[] places = Scratch.takeInts(taps);
    for (int t = 0; t < taps; t++) {
      places[t] = rows.tap(t / xTaps) * weight.dim(3) + columns.tap(t % xTaps);
    }
    // Channels of one output are neighbours in weight: a few at a time, so that its cache lines are
    // read once.
    cpu()
        .share(
            groups * channels,
            8,
            (long) outputs * taps,
            (from, to) -> {
              for (int block = from; block < to; block += 8) {
                for (int output = 0; output < outputs; output++) {
                  for (int c = block; c < Math.min(block + 8, to); c++) {
                    int source =
                        kernel.offset()
                            + ((c / channels * outputs + output) * channels + c % channels)
                                * weight.stride(1);
                    int target = (c * outputs + output) * taps;
                    for (int t = 0; t < taps; t++) {
                      selected[target + t] = kernel.array()[source + places[t]];
                    }
                  }
                }
              }
            });
    Scratch.give(places);
  }

  @Override
  default void convolveBackwardWeight(Convolution how, Tensor x, Tensor dy, Tensor dweight) {
    cpu().requireFloats();
    LayerArguments.expectConvolutionBackwardWeight(how, x, dy, dweight);
    Shape weight = dweight.shape();
    try (Values out = Values.write(dweight, "dweight");
        Values in = Values.read(x);
        Values above = Values.read(dy)) {
      new WeightGradient(
              x.shape().dim(0),
              how.groups(),
              weight.dim(0) / how.groups(),
              weight.dim(1),
              yAxis(how, x.shape(), weight, dy.shape()),
              xAxis(how, x.shape(), weight, dy.shape()),
              in.array(),
              in.offset(),
              above.array(),
              above.offset(),
              out.array(),
              out.offset())
          .run(cpu());
      out.store();
    }
  }

  @Override
  default void convolveBackwardBias(Tensor dy, Tensor dbias) {
    LayerArguments.expectConvolutionBackwardBias(dy, dbias);
    int channels = dy.shape().dim(1);
    int plane = dy.shape().stride(1);
    try (Values out = Values.write(dbias, "dbias");
        Values in = Values.read(dy)) {
      int samples = dy.shape().dim(0);
      cpu()
          .share(
              channels,
              1,
              (long) samples * plane,
              (from, to) -> {
                for (int c = from; c < to; c++) {
                  float sum = 0f;
                  for (int n = 0; n < samples; n++) {
                    int at = in.offset() + (n * channels + c) * plane;
                    sum += cpu().kernels().sum(in.array(), at, plane);
                  }
                  out.array()[out.offset() + c] = ScalarKernels.canonical(sum);
                }
              });
      out.store();
    }
  }
}
