package dev.narrow.amp;

/**
 * Stochastic gradient descent with momentum: v = momentum · v + (g + weightDecay · w), w = w - lr ·
 * v (as torch.optim.SGD without dampening).
 *
 * @param momentum 0 for none
 * @param weightDecay 0 for none
 */
public record Sgd(float momentum, float weightDecay) implements UpdateRule {

  /**
   * Checks the constants.
   *
   * @throws IllegalArgumentException naming the one that is out of range
   */
  public Sgd {
    Arguments.requireDecay("momentum", momentum);
    Arguments.requireNotNegative("weightDecay", weightDecay);
  }

  /** Without weight decay. */
  public Sgd(float momentum) {
    this(momentum, 0);
  }

  @Override
  public float defaultLearningRate() {
    return 0.05f;
  }
}
