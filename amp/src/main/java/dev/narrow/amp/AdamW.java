package dev.narrow.amp;

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101; as torch.optim.AdamW):
 * with m and v the moving averages of g and g², and m^ and v^ corrected for their start at zero, w
 * = w · (1 - lr · weightDecay) - lr · m^ / (sqrt(v^) + epsilon).
 *
 * @param beta1 decay of the first moment, 0 to below 1
 * @param beta2 decay of the second moment, 0 to below 1
 * @param epsilon added to the root
 * @param weightDecay 0 for none, which is Adam
 */
public record AdamW(float beta1, float beta2, float epsilon, float weightDecay)
    implements UpdateRule {

  /**
   * Checks the constants.
   *
   * @throws IllegalArgumentException naming the one that is out of range
   */
  public AdamW {
    Arguments.requireDecay("beta1", beta1);
    Arguments.requireDecay("beta2", beta2);
    Arguments.requirePositive("epsilon", epsilon);
    Arguments.requireNotNegative("weightDecay", weightDecay);
  }

  /** With beta1 0.9, beta2 0.999 and epsilon 1e-8. */
  public AdamW(float weightDecay) {
    this(0.9f, 0.999f, 1e-8f, weightDecay);
  }

  @Override
  public float defaultLearningRate() {
    return 1e-3f;
  }
}
