package dev.narrow.amp;

/**
 * The state of dynamic loss scaling: the rule of torch.amp.GradScaler 2.13, within floor and cap.
 */
final class LossScale {
  private final LossScaling rule;
  private float scale;
  private int cleanSteps;

  LossScale(LossScaling rule) {
    this.rule = rule;
    this.scale = rule.initial();
  }

  float get() {
    return scale;
  }

  int cleanSteps() {
    return cleanSteps;
  }

  /** Moves on by one step. The product is formed in double and rounded once, as torch does. */
  void update(boolean overflow) {
    if (overflow) {
      scale = Math.max((float) (scale * rule.backoff()), rule.floor());
      cleanSteps = 0;
    } else if (++cleanSteps >= rule.interval()) {
      float grown = (float) (scale * rule.growth());
      if (grown <= rule.cap()) {
        scale = grown;
      }
      cleanSteps = 0;
    }
  }

  /** Whether an overflow can no longer be answered by a smaller scale. */
  boolean isAtFloor() {
    return rule.isDynamic() && scale <= rule.floor();
  }
}
