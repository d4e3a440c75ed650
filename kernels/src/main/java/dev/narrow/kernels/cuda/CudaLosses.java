package dev.narrow.kernels.cuda;

import static dev.narrow.kernels.Arguments.named;

import dev.narrow.kernels.LayerArguments;
import dev.narrow.kernels.Losses;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;

/** {@link Losses} on a device. */
interface CudaLosses extends Losses {
  /** What computes. */
  Gpu gpu();

  @Override
  default float softmaxCrossEntropy(Tensor logits, int[] labels, float seed, Tensor gradient) {
    if (!gpu().holds(named("logits", logits), named("gradient", gradient))) {
      return gpu().cpu().softmaxCrossEntropy(logits, labels, seed, gradient);
    }
    LayerArguments.expectCrossEntropy(logits, labels, gradient);
    float[] mean = new float[1];
    try (DeviceValues target = DeviceValues.write(gpu(), gradient, "gradient");
        DeviceValues x = DeviceValues.read(gpu(), logits, "logits");
        DeviceScratch classes = gpu().upload(labels);
        DeviceScratch losses = gpu().device().scratch((long) Float.BYTES * (labels.length + 1))) {
      long rows = x.rows();
      Kernel kernel = gpu().kernel("losses", "softmax_cross_entropy_f32");
      kernel.launch(
          kernel.gridFor(rows, Gpu.ROWS),
          Gpu.THREADS,
          0,
          kernel
              .arguments()
              .add(x.pointer())
              .add(classes.pointer())
              .add(seed / rows)
              .add(target.pointer())
              .add(losses.pointer())
              .add(x.columns())
              .add(rows));
      target.store();
      long to = losses.pointer() + Float.BYTES * rows;
      Kernel sum = gpu().kernel("rows", "mean_columns_f32");
      sum.launch(
          1, Gpu.THREADS, 0, sum.arguments().add(losses.pointer()).add(rows).add(to).add(1L));
      gpu().device().copyToHost(to, MemorySegment.ofArray(mean));
    }
    return mean[0];
  }
}
