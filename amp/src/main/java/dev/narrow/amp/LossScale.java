package dev.narrow.amp;

/**
 * The state of loss scaling: the rule of torch.amp.GradScaler 2.13, within floor and cap, with the
 * hysteresis of Megatron-LM's DynamicGradScaler.
 */
final class LossScale {
  /** What the gradients of an iteration say about the scale; the later, the stronger. */
  enum Verdict {
    /** There were none. */
    UNUSED,
    /** All finite. */
    CLEAN,
    /** Not finite, and another layer's overflow is the reason: nothing is known. */
    INFECTED,
    /** The scale was too large. */
    OVERFLOW
  }

  private final LossScaling rule;
  private float scale;
  private int cleanSteps;
  private int hysteresisLeft;
  private Verdict verdict = Verdict.UNUSED;

  LossScale(LossScaling rule) {
    this.rule = rule;
    this.scale = rule.initial();
    this.hysteresisLeft = rule.hysteresis();
  }

  float get() {
    return scale;
  }

  /** What unscaling multiplies by; infinite if no float32 can undo the scale. */
  float inverse() {
    return (float) (1 / (double) scale);
  }

  int cleanSteps() {
    return cleanSteps;
  }

  int hysteresisLeft() {
    return hysteresisLeft;
  }

  /** Remembers what some gradients say, for {@link #update()}. */
  void note(Verdict found) {
    if (found.compareTo(verdict) > 0) {
      verdict = found;
    }
  }

  /** Moves on by what was noted. */
  void update() {
    if (verdict == Verdict.CLEAN || verdict == Verdict.OVERFLOW) {
      update(verdict == Verdict.OVERFLOW);
    }
    verdict = Verdict.UNUSED;
  }

  /** Forgets what was noted. */
  void forget() {
    verdict = Verdict.UNUSED;
  }

  /** Moves on by one step. The product is formed in double and rounded once, as torch does. */
  void update(boolean overflow) {
    if (overflow) {
      scale = afterOverflow();
      cleanSteps = 0;
      hysteresisLeft--; // below zero it still counts, as Megatron's does
    } else if (++cleanSteps >= rule.interval()) {
      float grown = (float) (scale * rule.growth());
      if (grown <= rule.cap()) {
        scale = grown;
      }
      cleanSteps = 0;
      hysteresisLeft = rule.hysteresis();
    }
  }

  /** What the scale will be after an overflow. */
  float afterOverflow() {
    return backsOff() ? Math.max((float) (scale * rule.backoff()), rule.floor()) : scale;
  }

  private boolean backsOff() {
    return rule.backoff() < 1 && hysteresisLeft <= 1;
  }

  /** Whether an overflow ought to be answered by a smaller scale, and there is none. */
  boolean isAtFloor() {
    return backsOff() && scale <= rule.floor();
  }

  /**
   * Checks a state.
   *
   * @throws IllegalArgumentException naming what is out of range
   */
  void require(String name, float state, int clean, int hysteresis) {
    Arguments.require(
        state >= rule.floor() && state <= rule.cap(),
        name + ".scale",
        state,
        rule.floor() + " to " + rule.cap() + ", the rule's floor and cap");
    Arguments.require(clean >= 0, name + ".cleanSteps", clean, "0 or more");
    Arguments.require(
        hysteresis <= rule.hysteresis(),
        name + ".hysteresisLeft",
        hysteresis,
        "at most the rule's " + rule.hysteresis());
  }

  /** Takes on a state that is in range. */
  void set(float state, int clean, int hysteresis) {
    scale = state;
    cleanSteps = clean;
    hysteresisLeft = hysteresis;
  }
}
