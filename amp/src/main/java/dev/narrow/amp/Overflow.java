package dev.narrow.amp;

/**
 * The first gradient value that was not finite after unscaling.
 *
 * @param gradient name of the gradient
 * @param index index of the element in it, row-major
 * @param value what was found there: an infinity or NaN
 * @param lossScale the loss scale of the step
 */
public record Overflow(String gradient, long index, float value, float lossScale) {

  /** For example {@code fc2.weight[1874] = Infinity at loss scale 65536}. */
  @Override
  public String toString() {
    return "%s[%d] = %s at loss scale %s".formatted(gradient, index, value, plain(lossScale));
  }

  static String plain(float scale) {
    return scale == (int) scale ? Integer.toString((int) scale) : Float.toString(scale);
  }
}
