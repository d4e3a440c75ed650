package dev.narrow.repro;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a training run came to.
 *
 * @param accuracy share of test samples classified correctly after each epoch, 0 to 1; after a
 *     collapse it stays
 * @param loss mean training loss of each epoch; null where it was not finite
 * @param skippedSteps steps that the scaler skipped
 * @param collapsed whether the loss scale collapsed, which ended the run
 * @param quantization by the letter of the role, what its format did to the tensors of the first
 *     step of every epoch
 */
record CellResult(
    List<Double> accuracy,
    List<@Nullable Double> loss,
    int skippedSteps,
    boolean collapsed,
    Map<String, RoleError> quantization) {

  /**
   * What a format did to the tensors of a role.
   *
   * @param flushed share of all values that were not zero and became zero
   * @param saturated share of all values above the largest
   * @param sqnrDb signal to quantization noise ratio; null if nothing changed or there was nothing
   */
  record RoleError(double flushed, double saturated, @Nullable Double sqnrDb) {}

  /** Whether a run of so many epochs can have come to this; what was read from a file may not. */
  boolean isPlausible(int epochs) {
    return accuracy != null
        && loss != null
        && quantization != null
        && accuracy.size() == epochs
        && loss.size() == epochs
        && accuracy.stream().allMatch(a -> a != null && a >= 0 && a <= 1)
        && skippedSteps >= 0;
  }

  /** The accuracy after the last epoch. */
  double finalAccuracy() {
    return accuracy.getLast();
  }
}
