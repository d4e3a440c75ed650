package dev.narrow.amp;

/**
 * Loss scaling around a training loop: the loop multiplies its seed gradient by {@link
 * #lossScale()}, and hands its gradients to {@link #step}, which unscales and checks them, lets the
 * optimizer step if they are finite, and adapts the scale. That it is one call leaves no order to
 * get wrong: unscaling, checking, clipping, stepping, updating the scale. It is to be called once
 * for each backward pass, with all its gradients, those of several optimizers together.
 *
 * <p>Values are checked after unscaling, so an overflow that the unscaling itself makes is seen.
 *
 * <p>Not safe for use by several threads at once.
 */
public final class GradScaler {
  private final LossScale scale;

  private GradScaler(LossScaling scaling) {
    this.scale = new LossScale(scaling);
  }

  /** A scaler as the policy wants it. */
  public static GradScaler of(AmpPolicy policy) {
    return of(policy.lossScaling());
  }

  /** A scaler with this rule. */
  public static GradScaler of(LossScaling scaling) {
    return new GradScaler(scaling);
  }

  /** What the seed gradient of the next backward pass is to be multiplied by. */
  public float lossScale() {
    return scale.get();
  }

  /** How many steps in a row have been applied since the scale last changed. */
  public int cleanSteps() {
    return scale.cleanSteps();
  }

  /**
   * Unscales the gradients in place, checks them, and runs {@code body} if all are finite.
   *
   * @param gradients the gradients of the scaled loss; unscaled afterwards, unless the scale was
   *     zero
   * @param body clips if it wants, and steps the optimizer
   */
  public StepResult step(Gradients gradients, Runnable body) {
    float used = scale.get();
    if (used == 0) { // torch's rule has no floor; it would write NaN into the parameters here
      return new StepResult.Collapsed(new Overflow("loss scale", 0, Float.NaN, 0));
    }
    Overflow overflow = gradients.unscale(used).orElse(null);
    if (overflow == null) {
      body.run();
      scale.update(false);
      return new StepResult.Applied(used);
    }
    boolean collapsed = scale.isAtFloor();
    scale.update(true);
    return collapsed
        ? new StepResult.Collapsed(overflow)
        : new StepResult.Skipped(overflow, scale.get());
  }
}
