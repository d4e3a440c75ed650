package dev.narrow.kernels.cuda;

import static dev.narrow.kernels.Arguments.named;

import dev.narrow.kernels.Arguments;
import dev.narrow.kernels.Indices;
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
    try (DeviceScratch classes = gpu().upload(labels);
        DeviceScratch loss = gpu().device().scratch(Float.BYTES)) {
      crossEntropy(logits, classes.pointer(), seed, gradient, loss.pointer());
      gpu().device().copyToHost(loss.pointer(), MemorySegment.ofArray(mean));
    }
    return mean[0];
  }

  @Override
  default void softmaxCrossEntropy(
      Tensor logits, Tensor labels, float seed, Tensor gradient, Tensor loss) {
    if (!gpu()
        .holds(
            named("logits", logits),
            named("labels", labels),
            named("gradient", gradient),
            named("loss", loss))) {
      gpu().cpu().softmaxCrossEntropy(logits, labels, seed, gradient, loss);
      return;
    }
    LayerArguments.expectCrossEntropy(logits, gradient);
    Indices.expect(labels, "labels", logits.shape().dim(0));
    Arguments.expectFloat(loss, "loss");
    CudaDevice device = gpu().device();
    crossEntropy(
        logits, device.pointer(labels, "labels"), seed, gradient, device.pointer(loss, "loss"));
  }

  private void crossEntropy(Tensor logits, long labels, float seed, Tensor gradient, long loss) {
    try (DeviceValues target = DeviceValues.write(gpu(), gradient, "gradient");
        DeviceValues x = DeviceValues.read(gpu(), logits, "logits");
        DeviceScratch losses = gpu().device().scratch(Float.BYTES * x.rows())) {
      long rows = x.rows();
      Kernel kernel = gpu().kernel("losses", "softmax_cross_entropy_f32");
      kernel.launchOver(
          rows,
          Gpu.ROWS,
          kernel
              .arguments()
              .add(x.pointer())
              .add(labels)
              .add(seed / rows)
              .add(target.pointer())
              .add(losses.pointer())
              .add(x.columns())
              .add(rows));
      target.store();
      Kernel sum = gpu().kernel("rows", "mean_columns_f32");
      sum.launch(
          1, Gpu.THREADS, 0, sum.arguments().add(losses.pointer()).add(rows).add(loss).add(1L));
    }
  }
}
