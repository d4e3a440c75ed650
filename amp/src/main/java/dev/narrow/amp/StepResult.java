package dev.narrow.amp;

/** What a {@link GradScaler} did with a step. */
public sealed interface StepResult {

  /**
   * All gradients were finite and the optimizer has stepped.
   *
   * @param lossScale the scale that the gradients had
   */
  record Applied(float lossScale) implements StepResult {}

  /**
   * A gradient was not finite: the optimizer has not stepped, and the scale has backed off if it is
   * dynamic.
   *
   * @param overflow which, and where
   * @param nextLossScale the scale of the next step
   */
  record Skipped(Overflow overflow, float nextLossScale) implements StepResult {
    @Override
    public String toString() {
      return "step skipped: " + overflow + "; next " + Overflow.plain(nextLossScale);
    }
  }

  /**
   * A gradient was not finite although the scale is at its floor, so that backing off cannot help:
   * the optimizer has not stepped. The loss itself overflows, or a layer needs more range.
   *
   * @param overflow which, and where
   */
  record Collapsed(Overflow overflow) implements StepResult {
    @Override
    public String toString() {
      return "loss scale collapsed to its floor: "
          + overflow
          + "; the loss or a layer overflows by itself: keep that layer in fp32 or bf16";
    }
  }
}
