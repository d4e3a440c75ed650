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
   * A gradient was not finite: the optimizer has not stepped, and the scale backs off if it is
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
      String remedy =
          switch (overflow.phase()) {
            case LOSS -> "the loss itself is not finite: no loss scale can help";
            case UNSCALING -> "start again from a larger scale, and give it a floor";
            case BACKWARD, AFTER_UNSCALING ->
                "the loss or a layer overflows by itself: keep "
                    + overflow.layer()
                    + " in fp32 or bf16";
          };
      return "loss scale collapsed to its floor: " + overflow + "; " + remedy;
    }
  }
}
