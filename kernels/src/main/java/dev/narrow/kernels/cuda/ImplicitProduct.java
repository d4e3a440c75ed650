package dev.narrow.kernels.cuda;

import dev.narrow.kernels.Convolution;
import dev.narrow.quant.Shape;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A convolution or one of its gradients as a product of matrices, of which none is written out:
 * convolution.cu. All results have elements.
 *
 * @param image the shape of x and dx
 * @param weight that of weight and dweight
 * @param output that of y and dy
 */
record ImplicitProduct(Convolution how, Shape image, Shape weight, Shape output) {
  private static final String MODULE = "convolution";

  /** Positions whose products are summed up by themselves, as on the processor. */
  private static final int RUN = 1024;

  /** The most sums of runs that are kept, if more than those of one run: 64 MiB. */
  private static final long SUMS = 1 << 24;

  /** Writes y. */
  void forward(
      Gpu gpu, DeviceValues x, DeviceValues kernel, @Nullable DeviceValues bias, DeviceValues y) {
    long columns = (long) image.dim(0) * output.dim(2) * output.dim(3);
    new TileProduct(
            MODULE,
            "convolve",
            outputs(),
            (height, width) ->
                how.groups() * Math.ceilDiv(outputs(), height) * Math.ceilDiv(columns, width))
        .launch(
            gpu,
            struct(x.pointer(), kernel.pointer(), DeviceValues.pointerOf(bias), y.pointer(), 0, 0),
            kernel.range(),
            x.range(),
            weight.stride(0));
  }

  /** Writes dx. */
  void backwardInput(Gpu gpu, DeviceValues kernel, DeviceValues dy, DeviceValues dx) {
    long phases =
        (long) Math.min(how.strideY(), image.dim(2)) * Math.min(how.strideX(), image.dim(3));
    long columns =
        (long) image.dim(0)
            * Math.ceilDiv(image.dim(2), how.strideY())
            * Math.ceilDiv(image.dim(3), how.strideX());
    new TileProduct(
            MODULE,
            "convolve_backward_input",
            channels(),
            (height, width) ->
                phases
                    * how.groups()
                    * Math.ceilDiv(channels(), height)
                    * Math.ceilDiv(columns, width))
        .launch(
            gpu,
            struct(dy.pointer(), kernel.pointer(), 0, dx.pointer(), 0, 0),
            kernel.range(),
            dy.range(),
            Math.toIntExact(outputs() * weight.dim(2) * weight.dim(3)));
  }

  /** Writes dweight. */
  void backwardWeight(Gpu gpu, DeviceValues x, DeviceValues dy, DeviceValues dweight) {
    backwardWeight(gpu, x, dy, dweight, SUMS);
  }

  /** The same with at most so many sums of runs at a time, if more than those of one run. */
  void backwardWeight(
      Gpu gpu, DeviceValues x, DeviceValues dy, DeviceValues dweight, long sumsAtOnce) {
    long positions = (long) output.dim(0) * output.dim(2) * output.dim(3);
    long runs = Math.ceilDiv(positions, RUN);
    long size = dweight.size();
    if (runs == 0) {
      gpu.device().clear(dweight.pointer(), Float.BYTES * size);
      return;
    }
    long most = Math.clamp(sumsAtOnce / size, 1, runs);
    try (DeviceScratch sums = gpu.device().scratch(runs == 1 ? 0 : Float.BYTES * most * size)) {
      for (long first = 0; first < runs; first += most) {
        long count = Math.min(most, runs - first);
        long to = runs == 1 ? dweight.pointer() : sums.pointer();
        new TileProduct(
                MODULE,
                "convolve_backward_weight",
                outputs(),
                (height, width) ->
                    count
                        * how.groups()
                        * Math.ceilDiv(outputs(), height)
                        * Math.ceilDiv((long) weight.stride(0), width))
            .launch(
                gpu,
                struct(x.pointer(), dy.pointer(), 0, to, first, count),
                dy.range(),
                x.range(),
                RUN);
        if (runs > 1) {
          addRuns(gpu, sums, count, first > 0, dweight);
        }
      }
    }
  }

  private static void addRuns(
      Gpu gpu, DeviceScratch sums, long runs, boolean more, DeviceValues dweight) {
    Kernel kernel = gpu.kernel(MODULE, "add_runs_f32");
    kernel.launchOver(
        dweight.size(),
        Gpu.THREADS,
        kernel
            .arguments()
            .add(sums.pointer())
            .add(runs)
            .add(dweight.size())
            .add(more ? 1 : 0)
            .add(dweight.pointer()));
  }

  /** Channels of the output, and of the image, in each group. */
  private long outputs() {
    return weight.dim(0) / how.groups();
  }

  private long channels() {
    return weight.dim(1);
  }

  /** A Convolution of convolution.cu. */
  private MemorySegment struct(
      long in, long factors, long bias, long out, long firstRun, long runs) {
    KernelStruct struct = new KernelStruct();
    struct
        .add(in)
        .add(factors)
        .add(bias)
        .add(out)
        .add((long) image.dim(0))
        .add((long) how.groups())
        .add(outputs())
        .add(channels());
    addAxis(struct, 2, how.strideY(), how.paddingY(), how.dilationY());
    addAxis(struct, 3, how.strideX(), how.paddingX(), how.dilationX());
    return struct.add(firstRun).add(runs).segment();
  }

  private void addAxis(KernelStruct struct, int axis, int stride, int padding, int dilation) {
    struct
        .add((long) image.dim(axis))
        .add((long) output.dim(axis))
        .add((long) weight.dim(axis))
        .add((long) stride)
        .add((long) padding)
        .add((long) dilation)
        .add((long) greatestCommonDivisor(stride, dilation));
  }

  private static int greatestCommonDivisor(int a, int b) {
    return b == 0 ? a : greatestCommonDivisor(b, a % b);
  }
}
