package dev.narrow.quant;

import java.util.Arrays;

/**
 * Delayed scaling with a history of amax, as the DelayedScaling recipe of NVIDIA's Transformer
 * Engine does it (its user guide, "FP8 delayed scaling", and {@code
 * nvte_delayed_scaling_recipe_amax_and_scale_update}): a tensor is quantized with a scale from
 * earlier steps while its amax is recorded for later ones.
 *
 * <p>At the end of a step, amax is the largest in the history, or that of this step. If it is
 * finite and above zero, the scale becomes the quantizer's for amax × 2^margin; otherwise the scale
 * stays. Then the history rolls: it holds the last {@link Recipe#historyLength} steps, this one
 * among them. Scales are 1 at first.
 *
 * <p>Differences: a scale here is what elements are divided by, there what they are multiplied by,
 * fl(fl(max × 2^-margin) / amax), so that quotients may differ in their last bit (with a rule of
 * powers of two they are exact); and infinities in an observed tensor do not enter its amax, where
 * there they freeze the scale for as long as the history has one.
 *
 * <p>Not safe for use by several threads at once.
 */
public final class DelayedScaling {

  /** Which amax of the history decides. */
  public enum Algorithm {
    /** The largest ("max"). */
    MAX,
    /** That of the last step ("most_recent"). */
    MOST_RECENT
  }

  /**
   * The parameters.
   *
   * @param historyLength steps that are remembered, 1 to 65536
   * @param algorithm which of them decides
   * @param margin octaves left free above amax, -64 to 64
   */
  public record Recipe(int historyLength, Algorithm algorithm, int margin) {
    /** Transformer Engine's defaults: the largest of 1024 steps, no margin. */
    public static final Recipe DEFAULT = new Recipe(1024, Algorithm.MAX, 0);

    /**
     * Checks the parameters.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public Recipe {
      if (historyLength < 1 || historyLength > 1 << 16) {
        throw new IllegalArgumentException(
            "historyLength = " + historyLength + ", expected 1 to 65536");
      }
      if (margin < -64 || margin > 64) {
        throw new IllegalArgumentException("margin = " + margin + ", expected -64 to 64");
      }
    }
  }

  private final StepScales steps;
  private final Recipe recipe;
  private final float[] history; // rows of a ring
  private int current; // the row of this step
  private float[] scales;

  private DelayedScaling(StepScales steps, Recipe recipe) {
    this.steps = steps;
    this.recipe = recipe;
    this.history = new float[Math.multiplyExact(recipe.historyLength, steps.count())];
    this.scales = new float[steps.count()];
    Arrays.fill(scales, 1f);
  }

  /**
   * One before its first step.
   *
   * @param quantizer whose rule turns amax into a scale, per tensor or per axis
   * @param shape of the tensors to come, of which only the number of scales matters
   * @param recipe history, algorithm and margin
   * @throws IllegalArgumentException if the quantizer's scales are not fp32 of one level that amax
   *     decides
   */
  public static DelayedScaling of(Quantizer quantizer, Shape shape, Recipe recipe) {
    return new DelayedScaling(new StepScales(quantizer, shape), recipe);
  }

  /** The scales of this step, which those before have decided. */
  public Scales scales() {
    return steps.of(scales);
  }

  /**
   * Records the largest finite magnitudes of a tensor of this step; of several the largest.
   *
   * @throws IllegalArgumentException if it is not fp32 or has another number of scales
   */
  public void observe(Tensor values) {
    observe(steps.amax(values));
  }

  /**
   * Records amax of this step where it is known already, from other machines say; NaN does not
   * enter.
   *
   * @param amax one for each scale
   * @throws IllegalArgumentException if there are not as many as scales, or one is negative
   */
  public void observe(float... amax) {
    if (amax.length != scales.length) {
      throw new IllegalArgumentException(
          "amax has " + amax.length + " values, expected " + scales.length);
    }
    for (int i = 0; i < amax.length; i++) {
      if (amax[i] < 0) {
        throw new IllegalArgumentException("amax[" + i + "] = " + amax[i] + ", expected 0 or more");
      }
    }
    for (int i = 0, at = current * scales.length; i < amax.length; i++, at++) {
      history[at] = amax[i] > history[at] ? amax[i] : history[at];
    }
  }

  /** Ends a step: decides the scales of the next one, and rolls the history. */
  public void endStep() {
    float[] amax = new float[scales.length];
    for (int row = 0; row < recipe.historyLength; row++) {
      if (row == current || recipe.algorithm == Algorithm.MAX) {
        for (int i = 0; i < amax.length; i++) {
          amax[i] = Math.max(amax[i], history[row * amax.length + i]);
        }
      }
    }
    for (int i = 0; i < amax.length; i++) {
      if (amax[i] > 0 && amax[i] < Float.POSITIVE_INFINITY) {
        float margined = Math.scalb(amax[i], recipe.margin);
        scales[i] = steps.scale(Math.clamp(margined, Float.MIN_VALUE, Float.MAX_VALUE));
      }
    }
    current = (current + 1) % recipe.historyLength;
    Arrays.fill(history, current * amax.length, (current + 1) * amax.length, 0f);
  }

  /**
   * All that later steps depend on, in an fp32 tensor of shape [historyLength + 1, scales]: first
   * amax of this step, then the history from its oldest step on, then the scales.
   */
  public Tensor snapshot() {
    int split = current * scales.length;
    float[] values = new float[history.length + scales.length];
    System.arraycopy(history, split, values, 0, history.length - split);
    System.arraycopy(history, 0, values, history.length - split, split);
    System.arraycopy(scales, 0, values, history.length, scales.length);
    return Tensor.of(values, recipe.historyLength + 1, scales.length);
  }

  /**
   * Goes on from a snapshot of one with the same recipe.
   *
   * @throws IllegalArgumentException if it has another shape or impossible values; nothing has
   *     changed then
   */
  public void restore(Tensor snapshot) {
    float[] values = steps.restored(snapshot, recipe.historyLength + 1);
    float[] restored = Arrays.copyOfRange(values, history.length, values.length);
    for (int i = 0; i < restored.length; i++) {
      if (!(restored[i] > 0 && restored[i] < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "snapshot has the scale " + restored[i] + ", expected finite and above 0");
      }
    }
    System.arraycopy(values, 0, history, 0, history.length);
    scales = restored;
    current = 0;
  }
}
