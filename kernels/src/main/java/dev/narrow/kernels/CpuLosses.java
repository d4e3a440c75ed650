package dev.narrow.kernels;

import dev.narrow.quant.Tensor;

/** {@link Losses} on the processor. */
interface CpuLosses extends Losses {
  /** What computes. */
  Cpu cpu();

  @Override
  default float softmaxCrossEntropy(Tensor logits, int[] labels, float seed, Tensor gradient) {
    LayerArguments.expectCrossEntropy(logits, labels, gradient);
    try (Values target = Values.write(gradient, "gradient");
        Values x = Values.read(logits)) {
      float loss = SoftmaxCrossEntropy.run(cpu().kernels(), x.rows(), labels, seed, target.rows());
      target.store();
      return loss;
    }
  }
}
