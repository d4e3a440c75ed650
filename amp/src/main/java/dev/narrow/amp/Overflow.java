package dev.narrow.amp;

/**
 * Why a step was skipped: what was not finite, and where it came from.
 *
 * @param gradient name of the gradient; "loss" for the loss itself
 * @param index index of the element in it, row-major
 * @param value what was found there: an infinity or NaN
 * @param lossScale the loss scale of the step
 * @param phase what made the value
 * @param microBatch which backward pass it was since the last update, the first being 1; 0 if they
 *     were not told apart with {@link GradScaler#microBatch}
 */
public record Overflow(
    String gradient, long index, float value, float lossScale, Phase phase, int microBatch) {

  /** What made a value that is not finite. */
  public enum Phase {
    /** The forward pass: the loss was not finite before anything was scaled. */
    LOSS,
    /** The backward pass of the gradient's layer. */
    BACKWARD,
    /** The unscaling: the scaled gradient was finite. */
    UNSCALING,
    /** Something between unscaling and step: the unscaled gradient was finite. */
    AFTER_UNSCALING
  }

  /**
   * The layer whose parameter the gradient is of: the name up to its last dot, {@code fc2} for
   * {@code fc2.weight}, or all of it.
   */
  public String layer() {
    return layer(gradient);
  }

  static String layer(String gradient) {
    int dot = gradient.lastIndexOf('.');
    return dot < 0 ? gradient : gradient.substring(0, dot);
  }

  /**
   * For example {@code fc2.weight[1874] = Infinity at loss scale 65536, backward of fc2,
   * micro-batch 3}.
   */
  @Override
  public String toString() {
    String where = phase == Phase.LOSS ? gradient : "%s[%d]".formatted(gradient, index);
    String by =
        switch (phase) {
          case LOSS -> "forward";
          case BACKWARD -> "backward of " + layer();
          case UNSCALING -> "unscaling";
          case AFTER_UNSCALING -> "between unscaling and step";
        };
    return "%s = %s at loss scale %s, %s%s"
        .formatted(
            where,
            value,
            plain(lossScale),
            by,
            microBatch == 0 ? "" : ", micro-batch " + microBatch);
  }

  static String plain(float scale) {
    return scale == (int) scale ? Integer.toString((int) scale) : Float.toString(scale);
  }
}
