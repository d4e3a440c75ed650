package dev.narrow.formats;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What becomes of numbers that a format cannot hold.
 *
 * @param overflow a finite number whose rounded magnitude exceeds the largest finite one
 * @param infinity an infinite input
 * @param nan a NaN input
 * @param underflow in formats without subnormals, a non-zero number that would round to zero
 * @param flushInputs whether an operand that is subnormal in its own format (float32 or float64
 *     where a number is encoded, the format of the operand in arithmetic) counts as a zero of its
 *     sign
 * @param flushResults whether a result that is subnormal after rounding becomes a zero of its sign
 */
public record Saturation(
    Overflow overflow,
    Infinity infinity,
    Nan nan,
    Underflow underflow,
    boolean flushInputs,
    boolean flushResults) {

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
     * Infinity; without infinities the largest finite number where there is a -0 (as in E4M3FN),
     * else NaN (PyTorch).
     */
    INFINITY_OR_NAN_OR_MAX
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
     * Infinity; without infinities the largest finite number where there is a -0 (as in E4M3FN),
     * else NaN (PyTorch).
     */
    INFINITY_OR_NAN_OR_MAX
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
      new Saturation(
          Overflow.BY_DIRECTION, Infinity.KEEP, Nan.NAN_OR_MAX, Underflow.FLUSH, false, false);

  /** OCP OFP8, saturating: overflow and infinity to the largest finite number. */
  public static final Saturation OCP_SAT =
      new Saturation(
          Overflow.MAX_FINITE, Infinity.MAX_FINITE, Nan.NAN_OR_MAX, Underflow.FLUSH, false, false);

  /** OCP OFP8, not saturating: overflow to infinity or NaN in every rounding. */
  public static final Saturation OCP_NONSAT =
      new Saturation(
          Overflow.SPECIAL, Infinity.KEEP, Nan.NAN_OR_MAX, Underflow.FLUSH, false, false);

  /** ONNX Cast with saturate = 1. */
  public static final Saturation ONNX_SAT =
      new Saturation(
          Overflow.MAX_FINITE,
          Infinity.MAX_FINITE_UNLESS_FNUZ,
          Nan.NAN_OR_MAX,
          Underflow.FLUSH,
          false,
          false);

  /** ONNX Cast with saturate = 0: infinity where there is one, else NaN. */
  public static final Saturation ONNX_NONSAT = OCP_NONSAT;

  /**
   * PyTorch 2.13's casts on the CPU, as measured: E4M3FN saturates, infinity too; formats with
   * infinities overflow to them; the fnuz formats and E8M0 overflow to NaN.
   */
  public static final Saturation TORCH =
      new Saturation(
          Overflow.INFINITY_OR_NAN_OR_MAX,
          Infinity.INFINITY_OR_NAN_OR_MAX,
          Nan.NAN_OR_MAX,
          Underflow.FLUSH,
          false,
          false);

  /** Python's ml_dtypes: overflow to infinity or NaN where the format has it. */
  public static final Saturation ML_DTYPES =
      new Saturation(
          Overflow.SPECIAL, Infinity.KEEP, Nan.NAN_OR_NEGATIVE_ZERO, Underflow.FLUSH, false, false);

  /**
   * The saturating cast of ml_dtypes in C++ (kSaturate): overflow to the largest finite number,
   * infinity kept, or NaN where there is none.
   */
  public static final Saturation ML_DTYPES_SAT =
      new Saturation(
          Overflow.MAX_FINITE,
          Infinity.KEEP,
          Nan.NAN_OR_NEGATIVE_ZERO,
          Underflow.FLUSH,
          false,
          false);

  /** IEEE P3109 SatFinite. */
  public static final Saturation P3109_FINITE = OCP_SAT;

  /** IEEE P3109 SatPropagate: finite overflow saturates, infinity is kept. */
  public static final Saturation P3109_PROPAGATE =
      new Saturation(
          Overflow.MAX_FINITE, Infinity.KEEP_OR_MAX, Nan.NAN_OR_MAX, Underflow.FLUSH, false, false);

  /** IEEE P3109 SatNone. */
  public static final Saturation P3109_NONE =
      new Saturation(
          Overflow.BY_DIRECTION_OR_MAX,
          Infinity.KEEP_OR_MAX,
          Nan.NAN_OR_MAX,
          Underflow.FLUSH,
          false,
          false);

  private static final Map<String, Saturation> PRESETS = presetsByName();

  private static Map<String, Saturation> presetsByName() {
    Map<String, Saturation> presets = new LinkedHashMap<>();
    presets.put("ieee", IEEE);
    presets.put("ocp-sat", OCP_SAT);
    presets.put("ocp-nonsat", OCP_NONSAT);
    presets.put("onnx-sat", ONNX_SAT);
    presets.put("onnx-nonsat", ONNX_NONSAT);
    presets.put("torch", TORCH);
    presets.put("ml-dtypes", ML_DTYPES);
    presets.put("ml-dtypes-sat", ML_DTYPES_SAT);
    presets.put("p3109-finite", P3109_FINITE);
    presets.put("p3109-propagate", P3109_PROPAGATE);
    presets.put("p3109-none", P3109_NONE);
    return Collections.unmodifiableMap(presets);
  }

  /**
   * The same with another choice for underflow.
   *
   * @param choice takes the place of the old one
   * @return a new saturation
   */
  public Saturation withUnderflow(Underflow choice) {
    return new Saturation(overflow, infinity, nan, choice, flushInputs, flushResults);
  }

  /**
   * The same with subnormal numbers flushed to zero, or not.
   *
   * @param inputs takes the place of {@link #flushInputs}
   * @param results takes the place of {@link #flushResults}
   * @return a new saturation
   */
  public Saturation withFlushToZero(boolean inputs, boolean results) {
    return new Saturation(overflow, infinity, nan, underflow, inputs, results);
  }

  /**
   * The preset of a name, in upper or lower case: {@code ieee}, {@code ocp-sat}, {@code
   * ocp-nonsat}, {@code onnx-sat}, {@code onnx-nonsat}, {@code torch}, {@code ml-dtypes}, {@code
   * ml-dtypes-sat}, {@code p3109-finite}, {@code p3109-propagate}, {@code p3109-none}.
   *
   * @param name of a preset
   * @return the preset
   * @throws IllegalArgumentException if there is no such preset; the message tells the nearest
   *     names
   */
  public static Saturation parse(String name) {
    Saturation preset = PRESETS.get(name.strip().toLowerCase(Locale.ROOT));
    if (preset == null) {
      throw new IllegalArgumentException(
          "saturation = \""
              + Names.shown(name)
              + "\", expected one of "
              + Names.nearest(name.strip().toLowerCase(Locale.ROOT), PRESETS.keySet())
              + ", ...");
    }
    return preset;
  }

  /**
   * The presets by name.
   *
   * @return an unmodifiable map in a sensible order
   */
  public static Map<String, Saturation> presets() {
    return PRESETS;
  }

  /** Whether a float32 counts as a zero of its sign. */
  boolean flushesInput(float x) {
    return flushInputs && Math.abs(x) < Float.MIN_NORMAL;
  }

  /** Whether a float64 counts as a zero of its sign. */
  boolean flushesInput(double x) {
    return flushInputs && Math.abs(x) < Double.MIN_NORMAL;
  }

  /** Whether subnormal numbers are flushed anywhere. */
  boolean flushes() {
    return flushInputs || flushResults;
  }

  /** Whether a finite number beyond the largest becomes the largest, not infinity or NaN. */
  boolean clampsOverflow(
      Rounding.Mode mode, boolean negative, boolean hasInfinity, boolean hasNegativeZero) {
    boolean inward =
        switch (mode) {
          case TOWARD_ZERO, TO_ODD -> true;
          case TOWARD_POSITIVE -> negative;
          case TOWARD_NEGATIVE -> !negative;
          case NEAREST_EVEN, NEAREST_AWAY, STOCHASTIC, STOCHASTIC_A, STOCHASTIC_B -> false;
        };
    return switch (overflow) {
      case BY_DIRECTION -> inward;
      case BY_DIRECTION_OR_MAX -> inward || !hasInfinity;
      case SPECIAL -> false;
      case MAX_FINITE -> true;
      case INFINITY_OR_NAN_OR_MAX -> !hasInfinity && hasNegativeZero;
    };
  }

  /** Whether an infinite input becomes the largest finite number, not infinity or NaN. */
  boolean clampsInfinity(boolean hasInfinity, boolean fnuz, boolean hasNegativeZero) {
    return switch (infinity) {
      case KEEP -> false;
      case KEEP_OR_MAX -> !hasInfinity;
      case MAX_FINITE -> true;
      case MAX_FINITE_UNLESS_FNUZ -> !fnuz;
      case INFINITY_OR_NAN_OR_MAX -> !hasInfinity && hasNegativeZero;
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
        + (flushInputs ? ", subnormal inputs to zero" : "")
        + (flushResults ? ", subnormal results to zero" : "");
  }

  private static String word(Enum<?> choice) {
    return choice.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
