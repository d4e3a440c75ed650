package dev.narrow.amp;

import java.util.Objects;

/**
 * How a {@link GradScaler} chooses its loss scale. Where scale and factors are powers of two,
 * scaling and unscaling are exact but for underflow; other numbers are allowed, and round each
 * gradient twice.
 *
 * <p>DeepSpeed's rule is not among these: after an overflow it grows one step later than between
 * two growths.
 *
 * @param initial the first scale
 * @param growth what the scale is multiplied by after {@code interval} clean steps in a row; 1 for
 *     never
 * @param backoff what the scale is multiplied by after an overflow; 1 for never
 * @param interval clean steps between growths
 * @param floor the scale never backs off below this
 * @param cap the scale never grows above this
 * @param hysteresis which overflow since the last growth is the first to be answered by a smaller
 *     scale: 1 for the first. Clean steps in between count for nothing, and after the interval's
 *     last one the count starts anew, grown or at the cap
 * @param atFloor what an overflow at the floor is
 */
public record LossScaling(
    float initial,
    double growth,
    double backoff,
    int interval,
    float floor,
    float cap,
    int hysteresis,
    AtFloor atFloor) {

  /** What an overflow is that the scale should be smaller for, but it is at its floor. */
  public enum AtFloor {
    /** The end: the step is {@link StepResult.Collapsed}. */
    FAIL,
    /** One more step that is {@link StepResult.Skipped}. */
    SKIP
  }

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
    Arguments.require(hysteresis >= 1, "hysteresis", hysteresis, "1 or more");
    Objects.requireNonNull(atFloor, "atFloor");
  }

  /**
   * Without hysteresis, and with a collapse at the floor.
   *
   * @throws IllegalArgumentException naming the argument, its value and its range
   */
  public LossScaling(
      float initial, double growth, double backoff, int interval, float floor, float cap) {
    this(initial, growth, backoff, interval, floor, cap, 1, AtFloor.FAIL);
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

  /**
   * The rule of Megatron-LM's DynamicGradScaler: a floor, at which it goes on, and hysteresis.
   *
   * @param initial Megatron's initial_scale
   * @param floor Megatron's min_scale
   * @param growth Megatron's growth_factor
   * @param backoff Megatron's backoff_factor
   * @param interval Megatron's growth_interval
   * @param hysteresis Megatron's hysteresis
   */
  public static LossScaling megatron(
      float initial, float floor, double growth, double backoff, int interval, int hysteresis) {
    return new LossScaling(
        initial, growth, backoff, interval, floor, Float.MAX_VALUE, hysteresis, AtFloor.SKIP);
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

  /** As of any record, but for hysteresis and floor where there is nothing special about them. */
  @Override
  public String toString() {
    String special =
        hysteresis == 1 && atFloor == AtFloor.FAIL
            ? ""
            : ", hysteresis=" + hysteresis + ", atFloor=" + atFloor;
    return "LossScaling[initial=%s, growth=%s, backoff=%s, interval=%s, floor=%s, cap=%s%s]"
        .formatted(initial, growth, backoff, interval, floor, cap, special);
  }
}
