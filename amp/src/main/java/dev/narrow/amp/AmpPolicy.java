package dev.narrow.amp;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Saturation;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Which format each role of a tensor has in training, and how the loss is scaled. A value: nothing
 * in it changes.
 *
 * <p>A role without a quantizer stays in fp32. Sums are float32 in every policy.
 */
public final class AmpPolicy {
  /** Finite numbers saturate; an infinity stays one or becomes NaN, so that the scaler sees it. */
  private static final Saturation FINITE_SATURATES =
      new Saturation(
          Saturation.Overflow.MAX_FINITE,
          Saturation.Infinity.KEEP,
          Saturation.Nan.NAN_OR_MAX,
          Saturation.Underflow.FLUSH,
          false,
          false);

  private final String name;
  private final Map<Role, Quantizer> quantizers;
  private final LossScaling lossScaling;

  private AmpPolicy(String name, Map<Role, Quantizer> quantizers, LossScaling lossScaling) {
    this.name = name;
    this.quantizers = quantizers;
    this.lossScaling = lossScaling;
  }

  /** Everything in fp32. */
  public static AmpPolicy fp32() {
    return new AmpPolicy("fp32", new EnumMap<>(Role.class), LossScaling.checkOnly());
  }

  /**
   * W, A, E and G in bf16, master weights in fp32; no loss scaling, since bf16 has fp32's range.
   */
  public static AmpPolicy bf16() {
    return sixteenBits("bf16", Formats.BF16).with(LossScaling.checkOnly());
  }

  /** W, A, E and G in fp16, master weights in fp32, dynamic loss scaling (arXiv 1710.03740). */
  public static AmpPolicy fp16() {
    return sixteenBits("fp16", Formats.FP16).with(LossScaling.dynamic());
  }

  private static AmpPolicy sixteenBits(String name, NumericFormat format) {
    Quantizer quantizer = Quantizer.of(format);
    return fp32()
        .named(name)
        .with(Role.WEIGHT, quantizer)
        .with(Role.ACTIVATION, quantizer)
        .with(Role.ACTIVATION_GRADIENT, quantizer)
        .with(Role.WEIGHT_GRADIENT, quantizer);
  }

  /**
   * W and A in E4M3, E and G in E5M2, each tensor scaled by a power of two; master weights in fp32
   * (arXiv 2209.05433). Finite numbers saturate; an infinity stays one, or becomes NaN, so that the
   * scaler sees it.
   */
  public static AmpPolicy fp8Hybrid() {
    Quantizer e4m3 = scaled(Formats.E4M3FN).with(FINITE_SATURATES);
    Quantizer e5m2 = scaled(Formats.E5M2).with(FINITE_SATURATES);
    return fp32()
        .named("fp8-hybrid")
        .with(Role.WEIGHT, e4m3)
        .with(Role.ACTIVATION, e4m3)
        .with(Role.ACTIVATION_GRADIENT, e5m2)
        .with(Role.WEIGHT_GRADIENT, e5m2);
  }

  /**
   * W, A, E and G in 8-bit logarithmic numbers, each tensor scaled by a power of two; the
   * parameters themselves in 16-bit ones with the same range, and no master copy (LNS-Madam, arXiv
   * 2106.13914, section on quantized training). The update clamps to the smallest magnitude instead
   * of flushing: a multiplicative update cannot move a weight away from zero.
   */
  public static AmpPolicy lns8() {
    Quantizer lns8 = scaled(Formats.LNS8);
    Quantizer update =
        scaled(Formats.parse("lns:b16g2048"))
            .with(
                Formats.LNS8
                    .defaultProjection()
                    .saturation()
                    .withUnderflow(Saturation.Underflow.CLAMP));
    return fp32()
        .named("lns8")
        .with(Role.WEIGHT, lns8)
        .with(Role.ACTIVATION, lns8)
        .with(Role.ACTIVATION_GRADIENT, lns8)
        .with(Role.WEIGHT_GRADIENT, lns8)
        .with(Role.UPDATE, update);
  }

  private static Quantizer scaled(NumericFormat format) {
    return Quantizer.of(format).with(ScaleRule.AMAX_TO_POWER_OF_TWO);
  }

  /** The same under another name. */
  public AmpPolicy named(String other) {
    return new AmpPolicy(other, quantizers, lossScaling);
  }

  /** The same with another quantizer for a role. */
  public AmpPolicy with(Role role, Quantizer quantizer) {
    Map<Role, Quantizer> changed = new EnumMap<>(quantizers);
    changed.put(role, quantizer);
    return new AmpPolicy(name, changed, lossScaling);
  }

  /** The same with a role in fp32. */
  public AmpPolicy without(Role role) {
    Map<Role, Quantizer> changed = new EnumMap<>(quantizers);
    changed.remove(role);
    return new AmpPolicy(name, changed, lossScaling);
  }

  /** The same with another loss scaling. */
  public AmpPolicy with(LossScaling other) {
    return new AmpPolicy(name, quantizers, other);
  }

  /** What to call it in a table. */
  public String name() {
    return name;
  }

  /** The quantizer of a role; none if it stays in fp32. */
  public Optional<Quantizer> quantizer(Role role) {
    return Optional.ofNullable(quantizers.get(role));
  }

  /** How the loss is scaled. */
  public LossScaling lossScaling() {
    return lossScaling;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof AmpPolicy that
        && name.equals(that.name)
        && quantizers.equals(that.quantizers)
        && lossScaling.equals(that.lossScaling);
  }

  @Override
  public int hashCode() {
    return Objects.hash(name, quantizers, lossScaling);
  }

  @Override
  public String toString() {
    return name;
  }
}
