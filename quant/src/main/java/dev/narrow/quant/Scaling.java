package dev.narrow.quant;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How the scale of the elements that share one is found and kept.
 *
 * <p>With two levels, a scale is kept relative to an outer one, which is the largest that it must
 * express divided by the largest value of the scale's format: for elements with largest value M and
 * scales with largest value S, outer = fl(amax / (M S)), and a scale becomes the projection of
 * fl(fl(amax / M) / outer).
 *
 * @param rule how amax decides the scale
 * @param calibration what counts as amax
 * @param format that the scale is kept in
 * @param projection to that format
 * @param outer which scales share an outer scale, in float32, where there are two levels
 * @param zero what becomes of a scale that would be zero
 * @param nonFinite what infinities and NaN do to the scale
 */
public record Scaling(
    ScaleRule rule,
    Calibration calibration,
    NumericFormat format,
    Projection projection,
    Optional<Granularity> outer,
    ZeroScale zero,
    NonFinite nonFinite) {

  /** The scale that would be zero, as all finite elements are, or as it underflows its format. */
  public enum ZeroScale {
    /** 1 where all is zero, the smallest scale where it underflows (ModelOpt's NVFP4). */
    ONE,
    /** The smallest of the scale's format: 2^-127 for E8M0 (OCP MX as implemented everywhere). */
    SMALLEST,
    /** Zero, which makes all its elements zero (Transformer Engine's NVFP4). */
    ZERO
  }

  /** What infinities and NaN among the elements do. They never enter amax. */
  public enum NonFinite {
    /** They are projected like any element. */
    PROJECT,
    /** One of them makes the scale NaN, and so all that share it (torchao's MX casts, for NaN). */
    NAN_SCALE
  }

  /** No scaling. */
  public static final Scaling NONE = of(ScaleRule.ONE);

  /**
   * Checks that the parts fit together.
   *
   * @throws IllegalArgumentException if NaN scales are asked for in a format without NaN, zero
   *     scales in one without zero, two levels with a rule other than {@link
   *     ScaleRule#AMAX_TO_MAX_FINITE} or {@link ScaleRule#AMAX}, or {@link ScaleRule#MIN_TO_MAX}
   *     with anything but amax and scales in fp32
   */
  public Scaling {
    boolean plain = format.equals(Formats.FP32) && calibration instanceof Calibration.Amax;
    if (rule == ScaleRule.MIN_TO_MAX && !plain) {
      throw new IllegalArgumentException(
          "rule = MIN_TO_MAX, expected amax and fp32 scales with it, not "
              + calibration
              + " and "
              + format.name());
    }
    if (zero == ZeroScale.ZERO && format.decode(format.encode(0.0, projection)) != 0) {
      throw new IllegalArgumentException(
          "zero = ZERO, expected a scale format with zero, not " + format.name());
    }
    if (nonFinite == NonFinite.NAN_SCALE
        && !Float.isNaN(format.decode(format.encode(Double.NaN, projection)))) {
      throw new IllegalArgumentException(
          "nonFinite = NAN_SCALE, expected a scale format with NaN, not " + format.name());
    }
    if (outer.isPresent() && rule != ScaleRule.AMAX_TO_MAX_FINITE && rule != ScaleRule.AMAX) {
      throw new IllegalArgumentException(
          "rule = " + rule + ", expected AMAX_TO_MAX_FINITE or AMAX with two levels");
    }
  }

  /** Scales in float32 by a rule from the largest finite magnitude. */
  public static Scaling of(ScaleRule rule) {
    return new Scaling(
        rule,
        new Calibration.Amax(),
        Formats.FP32,
        Formats.FP32.defaultProjection(),
        Optional.empty(),
        ZeroScale.ONE,
        NonFinite.PROJECT);
  }

  /** Scales that are powers of two in E8M0, as in OCP MX 1.0. */
  public static Scaling e8m0(ScaleRule rule) {
    Projection clamped =
        new Projection(Rounding.NEAREST_EVEN, Saturation.OCP_SAT); // powers of two: only clamps
    return new Scaling(
        rule,
        new Calibration.Amax(),
        Formats.E8M0,
        clamped,
        Optional.empty(),
        ZeroScale.SMALLEST,
        NonFinite.PROJECT);
  }

  /** The same with another calibration. */
  public Scaling with(Calibration other) {
    return new Scaling(rule, other, format, projection, outer, zero, nonFinite);
  }

  /** The same with another rule. */
  public Scaling with(ScaleRule other) {
    return new Scaling(other, calibration, format, projection, outer, zero, nonFinite);
  }

  /** The same with another scale in the place of zero. */
  public Scaling with(ZeroScale other) {
    return new Scaling(rule, calibration, format, projection, outer, other, nonFinite);
  }

  /** The same with another treatment of infinities and NaN. */
  public Scaling with(NonFinite other) {
    return new Scaling(rule, calibration, format, projection, outer, zero, other);
  }

  /** The same with scales kept in another format. */
  public Scaling with(NumericFormat other, Projection to) {
    return new Scaling(rule, calibration, other, to, outer, zero, nonFinite);
  }

  /** The same with an outer scale for scales that share it, or none. */
  public Scaling withOuter(@Nullable Granularity granularity) {
    return new Scaling(
        rule, calibration, format, projection, Optional.ofNullable(granularity), zero, nonFinite);
  }

  /** For example {@code amax to max finite in e4m3fn under per tensor}. */
  @Override
  public String toString() {
    if (rule == ScaleRule.ONE) {
      return "unscaled";
    }
    StringBuilder text = new StringBuilder(word(rule));
    if (!(calibration instanceof Calibration.Amax)) {
      text.append(" by ").append(calibration);
    }
    if (!format.equals(Formats.FP32)) {
      text.append(" in ").append(format.name()).append(' ').append(projection.rounding());
    }
    outer.ifPresent(o -> text.append(" under one ").append(o));
    if (zero != ZeroScale.ONE) {
      text.append(", zero scales ").append(word(zero));
    }
    if (nonFinite == NonFinite.NAN_SCALE) {
      text.append(", NaN scale for NaN and infinity");
    }
    return text.toString();
  }

  private static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }
}
