package dev.narrow.amp;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Saturation;
import dev.narrow.kernels.Accumulator;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * What training computes in which format: for each layer and each role of a tensor, and which
 * operations obey. A value: nothing in it changes.
 *
 * <p>A role without a quantizer stays in fp32. The formats of weights, activations and activation
 * gradients are those that operations of {@link OpClass#LOWER} read their operands in, and that of
 * weight gradients is what their gradients are brought into; that of {@link Role#UPDATE} is how
 * parameters are stored, that of {@link Role#OPTIMIZER_STATE} how moments are. What such an
 * operation returns has the {@link #output} format.
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
  private final Optional<Quantizer> output;
  private final Accumulator accumulator;
  private final List<OpRule> ops;
  private final List<LayerRule> layers;
  private final LossScaling lossScaling;

  private AmpPolicy(
      String name,
      Map<Role, Quantizer> quantizers,
      Optional<Quantizer> output,
      Accumulator accumulator,
      List<OpRule> ops,
      List<LayerRule> layers,
      LossScaling lossScaling) {
    this.name = name;
    this.quantizers = quantizers;
    this.output = output;
    this.accumulator = accumulator;
    this.ops = ops;
    this.layers = layers;
    this.lossScaling = lossScaling;
  }

  /** Everything in fp32, with Narrow's lists of operations. */
  public static AmpPolicy fp32() {
    return new AmpPolicy(
        "fp32",
        new EnumMap<>(Role.class),
        Optional.empty(),
        Accumulator.fp32(),
        OpLists.NARROW,
        List.of(),
        LossScaling.checkOnly());
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
    return new AmpPolicy(other, quantizers, output, accumulator, ops, layers, lossScaling);
  }

  /** The same with another quantizer for a role. */
  public AmpPolicy with(Role role, Quantizer quantizer) {
    Map<Role, Quantizer> changed = new EnumMap<>(quantizers);
    changed.put(role, quantizer);
    return new AmpPolicy(name, changed, output, accumulator, ops, layers, lossScaling);
  }

  /** The same with a role in fp32. */
  public AmpPolicy without(Role role) {
    Map<Role, Quantizer> changed = new EnumMap<>(quantizers);
    changed.remove(role);
    return new AmpPolicy(name, changed, output, accumulator, ops, layers, lossScaling);
  }

  /** The same with another format of what operations in few bits return; fp32 if empty. */
  public AmpPolicy withOutput(Optional<Quantizer> other) {
    return new AmpPolicy(name, quantizers, other, accumulator, ops, layers, lossScaling);
  }

  /** The same with another accumulator of products. */
  public AmpPolicy with(Accumulator other) {
    return new AmpPolicy(name, quantizers, output, other, ops, layers, lossScaling);
  }

  /** The same with another loss scaling. */
  public AmpPolicy with(LossScaling other) {
    return new AmpPolicy(name, quantizers, output, accumulator, ops, layers, other);
  }

  /** The same with another rule for some layers, which comes before those that are there. */
  public AmpPolicy with(LayerRule rule) {
    return withLayers(joined(layers, rule));
  }

  /** The same with other rules for layers. */
  public AmpPolicy withLayers(List<LayerRule> others) {
    return new AmpPolicy(
        name, quantizers, output, accumulator, ops, List.copyOf(others), lossScaling);
  }

  /** The same with another rule for operations, which comes before those that are there. */
  public AmpPolicy with(OpRule rule) {
    return withOps(joined(ops, rule));
  }

  /** The same with other rules for operations. */
  public AmpPolicy withOps(List<OpRule> others) {
    return new AmpPolicy(
        name, quantizers, output, accumulator, List.copyOf(others), layers, lossScaling);
  }

  private static <T> List<T> joined(List<T> list, T last) {
    List<T> all = new ArrayList<>(list);
    all.add(last);
    return all;
  }

  /** What to call it in a table. */
  public String name() {
    return name;
  }

  /** The quantizer of a role where no layer rule says otherwise; none if it stays in fp32. */
  public Optional<Quantizer> quantizer(Role role) {
    return Optional.ofNullable(quantizers.get(role));
  }

  /** The quantizer of a role in a layer: the last rule that names both counts. */
  public Optional<Quantizer> quantizer(String layer, Role role) {
    for (LayerRule rule : layers.reversed()) {
      Optional<Quantizer> format = rule.formats().get(role);
      if (format != null && rule.matches(layer)) {
        return format;
      }
    }
    return quantizer(role);
  }

  /** The format of what operations in few bits return; none if it is fp32. */
  public Optional<Quantizer> output() {
    return output;
  }

  /** In what products are summed up. */
  public Accumulator accumulator() {
    return accumulator;
  }

  /** The rules for operations, the last that matches counting most. */
  public List<OpRule> ops() {
    return ops;
  }

  /** The rules for layers, the last that matches counting most. */
  public List<LayerRule> layers() {
    return layers;
  }

  /** How the loss is scaled. */
  public LossScaling lossScaling() {
    return lossScaling;
  }

  /**
   * The rule for an operation; none if no list has it. A rule with its name goes before a pattern,
   * and then the later before the earlier.
   *
   * @param op in lower case or upper case
   */
  public Optional<OpRule> rule(String op) {
    String wanted = op.toLowerCase(Locale.ROOT);
    Optional<OpRule> pattern = Optional.empty();
    for (OpRule rule : ops.reversed()) {
      if (rule.matches(wanted)) {
        if (!rule.isPattern()) {
          return Optional.of(rule);
        }
        pattern = pattern.isPresent() ? pattern : Optional.of(rule);
      }
    }
    return pattern;
  }

  /**
   * The format in which an operation returns its result, from the formats of its operands. What no
   * list has follows its operands; several formats have fp32 in common.
   *
   * @param op in lower case or upper case
   * @param operands formats of the operands that have values, in order
   * @throws AmpException if it is banned; the message says what to use instead
   */
  public NumericFormat result(String op, Collection<NumericFormat> operands) {
    OpRule rule = rule(op).orElseGet(() -> new OpRule(op, OpClass.FOLLOW));
    return switch (rule.kind()) {
      case LOWER -> output.map(Quantizer::format).orElse(Formats.FP32);
      case F32 -> Formats.FP32;
      case NEUTRAL -> operands.stream().findFirst().orElse(Formats.FP32);
      case FOLLOW, PROMOTE ->
          operands.stream().distinct().count() == 1 ? operands.iterator().next() : Formats.FP32;
      case BANNED -> throw banned(rule);
    };
  }

  /** The error of an operation that the policy bans. */
  AmpException banned(OpRule rule) {
    String advice = rule.advice().isEmpty() ? "" : ": " + rule.advice();
    return new AmpException(rule.op() + " is banned by the policy " + name + advice);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof AmpPolicy that
        && name.equals(that.name)
        && quantizers.equals(that.quantizers)
        && output.equals(that.output)
        && accumulator.equals(that.accumulator)
        && ops.equals(that.ops)
        && layers.equals(that.layers)
        && lossScaling.equals(that.lossScaling);
  }

  @Override
  public int hashCode() {
    return Objects.hash(name, quantizers, output, accumulator, ops, layers, lossScaling);
  }

  @Override
  public String toString() {
    return name;
  }
}
