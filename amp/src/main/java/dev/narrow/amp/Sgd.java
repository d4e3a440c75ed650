package dev.narrow.amp;

/**
 * Stochastic gradient descent with momentum, as torch.optim.SGD without dampening: with d = g +
 * weightDecay · w, v = momentum · v + d and w = w - lr · v; or with Nesterov's momentum (Sutskever
 * et al., ICML 2013) w = w - lr · (d + momentum · v).
 *
 * @param momentum 0 for none
 * @param weightDecay 0 for none
 * @param nesterov whether the momentum is Nesterov's
 */
public record Sgd(float momentum, float weightDecay, boolean nesterov) implements UpdateRule {

  /**
   * Checks the constants.
   *
   * @throws IllegalArgumentException naming the one that is out of range
   */
  public Sgd {
    Arguments.requireDecay("momentum", momentum);
    Arguments.requireNotNegative("weightDecay", weightDecay);
    if (nesterov) {
      Arguments.require(momentum > 0, "momentum", momentum, "above 0 for Nesterov's");
    }
  }

  /** Plain momentum. */
  public Sgd(float momentum, float weightDecay) {
    this(momentum, weightDecay, false);
  }

  /** Plain momentum, without weight decay. */
  public Sgd(float momentum) {
    this(momentum, 0);
  }

  @Override
  public float defaultLearningRate() {
    return 0.05f;
  }

  /** For example {@code Sgd[momentum=0.9, weightDecay=0.0]}, as files of results name it. */
  @Override
  public String toString() {
    return "Sgd[momentum="
        + momentum
        + ", weightDecay="
        + weightDecay
        + (nesterov ? ", nesterov]" : "]");
  }
}
