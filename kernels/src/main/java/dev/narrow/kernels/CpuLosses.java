package dev.narrow.kernels;

import static dev.narrow.kernels.Arguments.expectAxes;
import static dev.narrow.kernels.Arguments.expectSameOrApart;
import static dev.narrow.kernels.Arguments.expectShape;

import dev.narrow.quant.Tensor;

/** {@link Losses} on the processor. */
interface CpuLosses extends Losses {
  /** What computes. */
  Cpu cpu();

  @Override
  default float softmaxCrossEntropy(Tensor logits, int[] labels, float seed, Tensor gradient) {
    expectAxes(logits, "logits", 2);
    if (logits.shape().size() == 0) {
      throw new IllegalArgumentException(
          "logits has shape " + logits.shape() + ", expected at least one row and one class");
    }
    int rows = logits.shape().dim(0);
    int classes = logits.shape().dim(1);
    if (labels.length != rows) {
      throw new IllegalArgumentException(
          "labels has " + labels.length + " elements, expected " + rows + ", one for each row");
    }
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] < 0 || labels[i] >= classes) {
        throw new IllegalArgumentException(
            "labels[" + i + "] = " + labels[i] + ", expected 0 to " + (classes - 1));
      }
    }
    expectShape(gradient, "gradient", logits.shape());
    expectSameOrApart(logits, "logits", gradient, "gradient");
    try (Values target = Values.write(gradient, "gradient");
        Values x = Values.read(logits)) {
      float loss = SoftmaxCrossEntropy.run(cpu().kernels(), x.rows(), labels, seed, target.rows());
      target.store();
      return loss;
    }
  }
}
