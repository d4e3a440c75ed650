package dev.narrow.kernels;

import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;

/** Losses and their gradients: see {@link Backend} for what all operations have in common. */
public interface Losses {

  /**
   * The mean over all rows of the cross entropy of their softmax, and the gradient with respect to
   * the logits.
   *
   * <p>In each row, with e = exp(x - max x) and p = e / sum e, the loss is log(sum e) - (x[label] -
   * max x), and the gradient (p - 1 at the label, else p) times (seed / rows). Sums are made in
   * sixteen lanes, that over rows too.
   *
   * @param logits x, [rows, classes], both at least 1
   * @param labels the class of each row, 0 to classes - 1
   * @param seed the factor of the gradient: 1, or the loss scale
   * @param gradient [rows, classes]; may be logits
   * @return the mean loss, without the seed
   */
  float softmaxCrossEntropy(Tensor logits, int[] labels, float seed, Tensor gradient);

  /**
   * The same where all are tensors, which lie together: on a device nothing is copied, and nobody
   * waits.
   *
   * @param logits as there
   * @param labels {@link Indices}, one for each row; on a device the loss of a row whose label is
   *     no class is NaN, and nothing is thrown
   * @param seed as there
   * @param gradient as there
   * @param loss a scalar, fp32: receives the mean loss
   */
  default void softmaxCrossEntropy(
      Tensor logits, Tensor labels, float seed, Tensor gradient, Tensor loss) {
    Arguments.expectFloat(loss, "loss");
    float mean = softmaxCrossEntropy(logits, Indices.read(labels, "labels"), seed, gradient);
    loss.storage().write(0, MemorySegment.ofArray(new float[] {mean}));
  }
}
