package dev.narrow.formats;

import java.util.Locale;

/**
 * What becomes of numbers that a format cannot hold.
 *
 * @param overflow a finite number whose rounded magnitude exceeds the largest finite one
 * @param infinity an infinite input
 * @param nan a NaN input
 * @param underflow in formats without subnormals, a non-zero number that would round to zero
 * @param flushToZero whether a result that is subnormal after rounding becomes a zero of its sign
 */
public record Saturation(
    Overflow overflow, Infinity infinity, Nan nan, Underflow underflow, boolean flushToZero) {

  /** What becomes of a finite number whose rounded magnitude exceeds the largest finite one. */
  public enum Overflow {
    /**
     * By rounding direction (IEEE 754, 7.4): infinity, but the largest finite number where the
     * rounding is toward zero, to odd, or away from the infinity. A format without infinities has
     * its NaN instead, one without NaN its largest finite number.
     */
    BY_DIRECTION,
    /** As {@link #BY_DIRECTION}, but without infinities the largest finite number (P3109). */
    BY_DIRECTION_OR_MAX,
    /** Infinity whatever the rounding; without infinities NaN; without NaN the largest finite. */
    SPECIAL,
    /** The largest finite number of the sign. */
    MAX_FINITE,
    /**
     * Infinity; without infinities NaN where NaN has the code of -0, else the largest (PyTorch).
     */
    INFINITY_FNUZ_NAN_OR_MAX
  }

  /** What becomes of an infinite input. */
  public enum Infinity {
    /** Infinity; without infinities NaN; without NaN the largest finite number. */
    KEEP,
    /** Infinity; without infinities the largest finite number (P3109). */
    KEEP_OR_MAX,
    /** The largest finite number of the sign. */
    MAX_FINITE,
    /**
     * The largest finite number, but NaN in the formats without infinities whose NaN has the code
     * of -0 (ONNX).
     */
    MAX_FINITE_UNLESS_FNUZ,
    /**
     * Infinity; without infinities NaN where NaN has the code of -0, else the largest (PyTorch).
     */
    INFINITY_FNUZ_NAN_OR_MAX
  }

  /** What becomes of a NaN input: the canonical NaN wherever the format has one, and else this. */
  public enum Nan {
    /** The largest finite number, positive. */
    NAN_OR_MAX,
    /**
     * Zero with the sign set, whatever the NaN's sign; the smallest magnitude if there is no zero.
     * So does ml_dtypes with positive NaNs; its negative ones become +0.
     */
    NAN_OR_NEGATIVE_ZERO
  }

  /**
   * What becomes of non-zero numbers below the smallest magnitude, where there are no subnormals.
   */
  public enum Underflow {
    /** Zero, positive if the format has no negative zero. */
    FLUSH,
    /** The smallest magnitude of the sign, in every rounding. Formats without zero always do. */
    CLAMP
  }

  /** IEEE 754: overflow by direction, infinities and NaN kept. */
  public static final Saturation IEEE =
      new Saturation(Overflow.BY_DIRECTION, Infinity.KEEP, Nan.NAN_OR_MAX, Underflow.FLUSH, false);

  /** OCP OFP8, saturating: overflow and infinity to the largest finite number. */
  public static final Saturation OCP_SAT =
      new Saturation(
          Overflow.MAX_FINITE, Infinity.MAX_FINITE, Nan.NAN_OR_MAX, Underflow.FLUSH, false);

  /** OCP OFP8, not saturating: overflow to infinity or NaN in every rounding. */
  public static final Saturation OCP_NONSAT =
      new Saturation(Overflow.SPECIAL, Infinity.KEEP, Nan.NAN_OR_MAX, Underflow.FLUSH, false);

  /** ONNX Cast with saturate = 1. */
  public static final Saturation ONNX_SAT =
      new Saturation(
          Overflow.MAX_FINITE,
          Infinity.MAX_FINITE_UNLESS_FNUZ,
          Nan.NAN_OR_MAX,
          Underflow.FLUSH,
          false);

  /**
   * PyTorch 2.13's casts on the CPU, as measured: E4M3FN saturates, infinity too; formats with
   * infinities overflow to them; the fnuz formats overflow to NaN.
   */
  public static final Saturation TORCH =
      new Saturation(
          Overflow.INFINITY_FNUZ_NAN_OR_MAX,
          Infinity.INFINITY_FNUZ_NAN_OR_MAX,
          Nan.NAN_OR_MAX,
          Underflow.FLUSH,
          false);

  /** Python's ml_dtypes: overflow to infinity or NaN where the format has it. */
  public static final Saturation ML_DTYPES =
      new Saturation(
          Overflow.SPECIAL, Infinity.KEEP, Nan.NAN_OR_NEGATIVE_ZERO, Underflow.FLUSH, false);

  /** IEEE P3109 SatFinite. */
  public static final Saturation P3109_FINITE = OCP_SAT;

  /** IEEE P3109 SatPropagate: finite overflow saturates, infinity is kept. */
  public static final Saturation P3109_PROPAGATE =
      new Saturation(
          Overflow.MAX_FINITE, Infinity.KEEP_OR_MAX, Nan.NAN_OR_MAX, Underflow.FLUSH, false);

  /** IEEE P3109 SatNone. */
  public static final Saturation P3109_NONE =
      new Saturation(
          Overflow.BY_DIRECTION_OR_MAX,
          Infinity.KEEP_OR_MAX,
          Nan.NAN_OR_MAX,
          Underflow.FLUSH,
          false);

  /**
   * The same with another choice for underflow.
   *
   * @param choice takes the place of the old one
   * @return a new saturation
   */
  public Saturation withUnderflow(Underflow choice) {
    return new Saturation(overflow, infinity, nan, choice, flushToZero);
  }

  /**
   * The same with subnormal results flushed to zero, or not.
   *
   * @param choice takes the place of the old one
   * @return a new saturation
   */
  public Saturation withFlushToZero(boolean choice) {
    return new Saturation(overflow, infinity, nan, underflow, choice);
  }

  /** Whether a finite number beyond the largest becomes the largest, not infinity or NaN. */
  boolean clampsOverflow(Rounding.Mode mode, boolean negative, boolean hasInfinity, boolean fnuz) {
    boolean inward =
        switch (mode) {
          case TOWARD_ZERO, TO_ODD -> true;
          case TOWARD_POSITIVE -> negative;
          case TOWARD_NEGATIVE -> !negative;
          case NEAREST_EVEN, NEAREST_AWAY, STOCHASTIC -> false;
        };
    return switch (overflow) {
      case BY_DIRECTION -> inward;
      case BY_DIRECTION_OR_MAX -> inward || !hasInfinity;
      case SPECIAL -> false;
      case MAX_FINITE -> true;
      case INFINITY_FNUZ_NAN_OR_MAX -> !hasInfinity && !fnuz;
    };
  }

  /** Whether an infinite input becomes the largest finite number, not infinity or NaN. */
  boolean clampsInfinity(boolean hasInfinity, boolean fnuz) {
    return switch (infinity) {
      case KEEP -> false;
      case KEEP_OR_MAX -> !hasInfinity;
      case MAX_FINITE -> true;
      case MAX_FINITE_UNLESS_FNUZ -> !fnuz;
      case INFINITY_FNUZ_NAN_OR_MAX -> !hasInfinity && !fnuz;
    };
  }

  /** For example {@code overflow max-finite, infinity keep, nan nan-or-max, underflow flush}. */
  @Override
  public String toString() {
    return "overflow "
        + word(overflow)
        + ", infinity "
        + word(infinity)
        + ", nan "
        + word(nan)
        + ", underflow "
        + word(underflow)
        + (flushToZero ? ", subnormals to zero" : "");
  }

  private static String word(Enum<?> choice) {
    return choice.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
