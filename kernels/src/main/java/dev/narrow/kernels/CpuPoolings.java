package dev.narrow.kernels;

import dev.narrow.kernels.Correlation.Grid;
import dev.narrow.kernels.Correlation.Weights;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.util.Arrays;

/** {@link Poolings} on the processor. */
interface CpuPoolings extends Poolings {
  /** What computes. */
  Cpu cpu();

  @Override
  default void maxPool(Pooling how, Tensor x, Tensor y, int[] argmax) {
    LayerArguments.expectMaxPool(how, x, y, argmax);
    try (Values out = Values.write(y, "y");
        Values in = Values.readToPass(x)) {
      PoolingPlane plane = new PoolingPlane(how, x.shape(), y.shape());
      cpu()
          .share(
              planes(x),
              1,
              plane.cost(),
              (from, to) -> {
                for (int p = from; p < to; p++) {
                  plane.max(
                      in.array(),
                      in.offset() + p * plane.inputs(),
                      out.array(),
                      out.offset() + p * plane.outputs(),
                      argmax,
                      p * plane.outputs());
                }
              });
      out.store();
    }
  }

  @Override
  default void maxPoolBackward(Tensor dy, int[] argmax, Tensor dx) {
    LayerArguments.expectMaxPoolBackward(dy, argmax, dx);
    int inputs = dx.shape().stride(1);
    int outputs = dy.shape().stride(1);
    try (Values below = Values.write(dx, "dx");
        Values above = Values.read(dy)) {
      cpu()
          .share(
              planes(dx),
              1,
              inputs + outputs,
              (from, to) -> {
                float[] sums = below.array();
                int first = below.offset() + from * inputs;
                int end = below.offset() + to * inputs;
                Arrays.fill(sums, first, end, 0f);
                for (int i = from * outputs; i < to * outputs; i++) {
                  int at = below.offset() + i / outputs * inputs + argmax[i];
                  sums[at] += above.array()[above.offset() + i];
                }
                canonicalize(sums, first, end);
              });
      below.store();
    }
  }

  @Override
  default void averagePool(Pooling how, Tensor x, Tensor y) {
    LayerArguments.expectAveragePool(how, x, y);
    Shape image = x.shape();
    Shape output = y.shape();
    PoolingPlane plane = new PoolingPlane(how, image, output);
    TapAxis rows = plane.rows();
    TapAxis columns = plane.columns();
    int taps = rows.taps() * columns.taps();
    float[] ones = Scratch.take(taps);
    Arrays.fill(ones, 0, taps, 1f);
    try (Values out = Values.write(y, "y");
        Values in = Values.read(x)) {
      // Padding adds +0, which changes no sum: none is ever -0.
      new Correlation(
              image.dim(0),
              image.dim(1),
              1,
              1,
              rows,
              columns,
              new Weights(ones, 0, 0, 0, 1),
              in.array(),
              in.offset(),
              null,
              0,
              new Grid(out.array(), out.offset(), output.dim(2), output.dim(3), 0, 0, 1, 1))
          .run(cpu().with(Accumulator.fp32()));
      for (int p = 0; p < planes(y); p++) {
        plane.divide(out.array(), out.offset() + p * plane.outputs());
      }
      out.store();
    }
    Scratch.give(ones);
  }

  @Override
  default void averagePoolBackward(Pooling how, Tensor dy, Tensor dx) {
    LayerArguments.expectAveragePoolBackward(how, dy, dx);
    try (Values below = Values.write(dx, "dx");
        Values above = Values.read(dy)) {
      PoolingPlane plane = new PoolingPlane(how, dx.shape(), dy.shape());
      cpu()
          .share(
              planes(dx),
              1,
              plane.cost(),
              (from, to) -> {
                for (int p = from; p < to; p++) {
                  int start = below.offset() + p * plane.inputs();
                  Arrays.fill(below.array(), start, start + plane.inputs(), 0f);
                  plane.spread(
                      above.array(), above.offset() + p * plane.outputs(), below.array(), start);
                  canonicalize(below.array(), start, start + plane.inputs());
                }
              });
      below.store();
    }
  }

  @Override
  default void averagePlanes(Tensor x, Tensor y) {
    LayerArguments.expectAveragePlanes(x, y);
    int size = x.shape().stride(1);
    try (Values out = Values.write(y, "y");
        Values in = Values.read(x)) {
      cpu()
          .share(
              planes(x),
              1,
              size,
              (from, to) -> {
                for (int p = from; p < to; p++) {
                  float sum = cpu().kernels().sum(in.array(), in.offset() + p * size, size);
                  out.array()[out.offset() + p] = ScalarKernels.canonical(sum / size);
                }
              });
      out.store();
    }
  }

  @Override
  default void averagePlanesBackward(Tensor dy, Tensor dx) {
    LayerArguments.expectAveragePlanesBackward(dy, dx);
    int size = dx.shape().stride(1);
    try (Values below = Values.write(dx, "dx");
        Values above = Values.read(dy)) {
      for (int p = 0; p < planes(dx); p++) {
        float part = ScalarKernels.canonical(above.array()[above.offset() + p] / size);
        int start = below.offset() + p * size;
        Arrays.fill(below.array(), start, start + size, part);
      }
      below.store();
    }
  }

  private static int planes(Tensor x) {
    return x.shape().dim(0) * x.shape().dim(1);
  }

  private static void canonicalize(float[] values, int from, int to) {
    for (int i = from; i < to; i++) {
      values[i] = ScalarKernels.canonical(values[i]);
    }
  }
}
