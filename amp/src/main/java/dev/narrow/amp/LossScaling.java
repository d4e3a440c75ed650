package dev.narrow.amp;

/**
 * How a {@link GradScaler} chooses its loss scale.
 *
 * @param initial the first scale
 * @param growth what the scale is multiplied by after {@code interval} clean steps in a row; 1 for
 *     never
 * @param backoff what the scale is multiplied by after an overflow; 1 for never
 * @param interval clean steps between growths
 * @param floor the scale never backs off below this; an overflow there is a collapse
 * @param cap the scale never grows above this
 */
public record LossScaling(
    float initial, double growth, double backoff, int interval, float floor, float cap) {

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException naming the argument, its value and its range
   */
  public LossScaling {
    Arguments.require(
        initial > 0 && initial <= Float.MAX_VALUE, "initial", initial, "positive and finite");
    Arguments.require(
        growth >= 1 && growth <= Double.MAX_VALUE, "growth", growth, "1 or more and finite");
    Arguments.require(backoff > 0 && backoff <= 1, "backoff", backoff, "above 0 and at most 1");
    Arguments.require(interval >= 1, "interval", interval, "1 or more");
    Arguments.require(floor >= 0 && floor <= initial, "floor", floor, "0 to initial = " + initial);
    Arguments.require(
        cap >= initial && cap <= Float.MAX_VALUE, "cap", cap, "finite, from " + initial);
  }

  /**
   * Narrow's default: from 2^16, doubled after 2000 clean steps, halved on overflow, between 1 and
   * 2^24.
   */
  public static LossScaling dynamic() {
    return new LossScaling(0x1p16f, 2, 0.5, 2000, 1f, 0x1p24f);
  }

  /**
   * The rule of torch.amp.GradScaler 2.13: no floor, and no cap but that the scale stays finite.
   *
   * @param initial torch's init_scale
   * @param growth torch's growth_factor
   * @param backoff torch's backoff_factor
   * @param interval torch's growth_interval
   */
  public static LossScaling torch(float initial, double growth, double backoff, int interval) {
    return new LossScaling(initial, growth, backoff, interval, 0f, Float.MAX_VALUE);
  }

  /** A scale that never changes; steps with an overflow are still skipped. */
  public static LossScaling fixed(float scale) {
    return new LossScaling(scale, 1, 1, 1, scale, scale);
  }

  /** No scaling; steps with an overflow are still skipped. */
  public static LossScaling checkOnly() {
    return fixed(1f);
  }

  /** Whether the scale ever changes. */
  public boolean isDynamic() {
    return growth != 1 || backoff != 1;
  }
}
