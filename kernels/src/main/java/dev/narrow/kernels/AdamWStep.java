package dev.narrow.kernels;

/**
 * What a step of {@link OptimizerSteps#adamW} is to its elements, for all that implement {@link
 * OptimizerSteps}.
 *
 * @param beta1 decay of m
 * @param beta2 decay of v
 * @param epsilon added to the root
 * @param stepSize the learning rate over the correction of m
 * @param root the root of the correction of v
 * @param keep what weight decay leaves of w
 */
public record AdamWStep(
    float beta1, float beta2, float epsilon, float stepSize, float root, float keep) {

  /**
   * The step with this number; arguments as for {@link OptimizerSteps#adamW}.
   *
   * @throws IllegalArgumentException if step is below 1
   */
  public static AdamWStep of(
      float learningRate, float beta1, float beta2, float epsilon, float weightDecay, long step) {
    return new AdamWStep(
        beta1,
        beta2,
        epsilon,
        learningRate / OptimizerSteps.correction(beta1, step),
        (float) Math.sqrt(OptimizerSteps.correction(beta2, step)),
        1 - learningRate * weightDecay);
  }
}
