package dev.narrow.amp;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.kernels.Accumulator;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.files.AtomicFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * What training computes in which format: for each layer and each role of a tensor, and which
 * operations obey. A value: nothing in it changes.
 *
 * <p>A role without a quantizer stays in fp32. The formats of weights, activations and activation
 * gradients are those that operations of {@link OpClass#LOWER} read their operands in, and that of
 * weight gradients is what their gradients are brought into; that of {@link Role#UPDATE} is how
 * parameters are stored, that of {@link Role#OPTIMIZER_STATE} how moments are. What such an
 * operation returns has the {@link #output} format.
 *
 * <p>As a text, a policy begins with {@code amp 1}. Words are separated by spaces, and {@code #}
 * begins a comment. In any order follow, several on a line or one:
 *
 * <pre>
 * name NAME                  up to the end of the line
 * compute FORMAT             of weights, activations and both gradients
 * forward FORMAT             of weights and activations
 * gradient FORMAT            of activation and weight gradients
 * ROLE FORMAT                weight, activation, activation-gradient, weight-gradient,
 *                            update (or params), state
 * output FORMAT              what operations in few bits return
 * accumulate ACCUMULATOR
 * ops LISTS                  narrow, torch-cuda, torch-cpu or none: the lists to start from,
 *                            narrow unless this says otherwise
 * lower|f32|follow|neutral|promote NAME...     operations, * for any characters
 * banned NAME "ADVICE"...
 * layer /REGEX/ FORMAT                         as compute, in layers whose names have a match
 * layer /REGEX/ WORD FORMAT... [scale RULE] [round ROUNDING]    # the rule's comment
 * scaler none|fixed SCALE|dynamic
 * scaler init SCALE growth FACTOR every STEPS backoff FACTOR floor SCALE cap SCALE
 *        hysteresis OVERFLOWS at-floor fail|skip
 * </pre>
 *
 * <p>A FORMAT is {@code f32} or what {@link dev.narrow.quant.Recipes#parse} understands, for
 * example {@code e4m3fn/round-up}. Of two words for a role on different lines the later counts, and
 * what no line names is fp32, or {@code scaler none}. A {@link dev.narrow.quant.ScaleRule#parse
 * RULE} and a {@link dev.narrow.formats.Rounding#parse ROUNDING} change all formats of their line
 * but {@code f32}; either may follow a plain FORMAT as well. A slash in a REGEX and a quote in an
 * ADVICE is doubled. Numbers may be powers of two, {@code 2^16}; keys that a scaler line omits are
 * those of {@link LossScaling#dynamic}.
 *
 * <p>An ACCUMULATOR is one of {@link Accumulator}: {@code f32}, {@code f64}, {@code exact}, {@code
 * FORMAT [round ROUNDING] [saturate SATURATION]} for rounding at each step, {@code chunks TERMS
 * ACCUMULATOR ACCUMULATOR}, {@code fixed BITS FRACTION-BITS ROUNDING saturate|wrap}, {@code
 * log-bins ENTRIES BITS FRACTION-BITS}.
 */
public final class AmpPolicy {
  private static final int MAX_BYTES = 1 << 20;
  private static final Quantizer FP32 = Quantizer.of(Formats.FP32);

  private final String name;
  private final Map<Role, Quantizer> quantizers;
  private final Optional<Quantizer> output;
  private final Accumulator accumulator;
  private final List<OpRule> ops;
  private final List<LayerRule> layers;
  private final List<Pattern> patterns;
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
    this.patterns = layers.stream().map(LayerRule::pattern).toList();
    this.lossScaling = lossScaling;
  }

  /** Everything in fp32, with Narrow's lists of operations. */
  public static AmpPolicy fp32() {
    return Presets.FP32;
  }

  /**
   * W, A, E and G in bf16, master weights in fp32; no loss scaling, since bf16 has fp32's range.
   */
  public static AmpPolicy bf16() {
    return Presets.BF16;
  }

  /** W, A, E and G in fp16, master weights in fp32, dynamic loss scaling (arXiv 1710.03740). */
  public static AmpPolicy fp16() {
    return Presets.FP16;
  }

  /**
   * W and A in E4M3, E and G in E5M2, each tensor scaled by a power of two; master weights in fp32
   * (arXiv 2209.05433). Finite numbers saturate; an infinity stays one, or becomes NaN, so that the
   * scaler sees it.
   */
  public static AmpPolicy fp8Hybrid() {
    return Presets.FP8_HYBRID;
  }

  /**
   * W, A, E and G in 8-bit logarithmic numbers, each tensor scaled by a power of two; the
   * parameters themselves in 16-bit ones with the same range, and no master copy (LNS-Madam, arXiv
   * 2106.13914, section on quantized training). The update clamps to the smallest magnitude instead
   * of flushing: a multiplicative update cannot move a weight away from zero.
   */
  public static AmpPolicy lns8() {
    return Presets.LNS8;
  }

  /**
   * What torch.autocast of PyTorch 2.13 does on CUDA, in fp16: its lists of operations, results in
   * the format that is computed in, and the defaults of torch.amp.GradScaler.
   */
  public static AmpPolicy torchCuda() {
    return Presets.TORCH_CUDA;
  }

  /**
   * {@link #torchCuda()} in another format.
   *
   * @param format fp16, or bf16, which is without loss scaling
   * @throws IllegalArgumentException if it is another
   */
  public static AmpPolicy torchCuda(NumericFormat format) {
    return Presets.TORCH_CUDA.in(format);
  }

  /**
   * What torch.autocast of PyTorch 2.13 does on the CPU, in bf16: its lists of operations, which
   * are not those of CUDA, and results in the format that is computed in; no loss scaling.
   */
  public static AmpPolicy torchCpu() {
    return Presets.TORCH_CPU;
  }

  /**
   * {@link #torchCpu()} in another format.
   *
   * @param format bf16, or fp16, which has the defaults of torch.amp.GradScaler
   * @throws IllegalArgumentException if it is another
   */
  public static AmpPolicy torchCpu(NumericFormat format) {
    return Presets.TORCH_CPU.in(format);
  }

  private AmpPolicy in(NumericFormat format) {
    if (!format.equals(Formats.FP16) && !format.equals(Formats.BF16)) {
      throw new IllegalArgumentException("format = " + format.name() + ", expected fp16 or bf16");
    }
    Optional<Quantizer> quantizer = Optional.of(Quantizer.of(format));
    AmpPolicy changed = withOutput(quantizer);
    for (Role role : RoleWords.COMPUTE) {
      changed = changed.with(role, quantizer);
    }
    return changed.with(
        format.equals(Formats.FP16)
            ? LossScaling.torch(0x1p16f, 2, 0.5, 2000)
            : LossScaling.checkOnly());
  }

  /** Everything in fp32, and no operation has a rule. */
  static AmpPolicy empty(String name) {
    return new AmpPolicy(
        checked(name),
        new EnumMap<>(Role.class),
        Optional.empty(),
        Accumulator.fp32(),
        List.of(),
        List.of(),
        LossScaling.checkOnly());
  }

  /**
   * The policy that a text describes, in the grammar above.
   *
   * @throws IllegalArgumentException if it describes none; the message has line and column, what
   *     was expected there, and the nearest word
   */
  public static AmpPolicy parse(String text) {
    return PolicyReader.read(text, "policy");
  }

  /**
   * The policy of a file; without a name in it the file's.
   *
   * @param file UTF-8, of at most 1 MiB
   * @throws IllegalArgumentException if it describes none; the message has file, line and column,
   *     what was expected there, and the nearest word
   * @throws IOException if it cannot be read
   */
  public static AmpPolicy load(Path file) throws IOException {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(MAX_BYTES + 1);
    }
    if (bytes.length > MAX_BYTES) {
      throw new IllegalArgumentException(
          file + ": more than " + MAX_BYTES + " bytes, expected a policy file");
    }
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      String fileName = String.valueOf(file.getFileName());
      return PolicyReader.read(text, fileName.replaceFirst("\\.amp$", ""));
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(file + ": bytes that are not UTF-8, expected a text", e);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    }
  }

  /**
   * The text from which {@link #parse} makes an equal policy. It is complete: it names every role
   * and operation, whatever Narrow's own lists are.
   *
   * @throws IllegalStateException if a quantizer has no {@link dev.narrow.quant.Recipes#name name},
   *     or the saturation of the accumulator none
   */
  public String toText() {
    return PolicyWriter.text(this);
  }

  /**
   * Writes {@link #toText} to a file, whole or not at all.
   *
   * @throws IllegalStateException as {@link #toText} does
   * @throws IOException if it cannot be written; the old file is as it was
   */
  public void save(Path file) throws IOException {
    AtomicFiles.write(file, toText());
  }

  /**
   * The same under another name.
   *
   * @param other one line without {@code #}, or spaces around it
   * @throws IllegalArgumentException if it is not
   */
  public AmpPolicy named(String other) {
    return new AmpPolicy(checked(other), quantizers, output, accumulator, ops, layers, lossScaling);
  }

  private static String checked(String name) {
    if (name.isEmpty() || !name.equals(name.strip()) || name.matches("(?s).*[#\r\n].*")) {
      throw new IllegalArgumentException(
          "name = \"" + name + "\", expected one line without # or spaces around it");
    }
    return name;
  }

  /** A quantizer to fp32 that changes nothing is none: there is one way to say fp32. */
  static Optional<Quantizer> unlessFp32(Quantizer quantizer) {
    return quantizer.equals(FP32) ? Optional.empty() : Optional.of(quantizer);
  }

  /** The same with another quantizer for a role. */
  public AmpPolicy with(Role role, Quantizer quantizer) {
    return with(role, Optional.of(quantizer));
  }

  /** The same with a role in fp32. */
  public AmpPolicy without(Role role) {
    return with(role, Optional.empty());
  }

  AmpPolicy with(Role role, Optional<Quantizer> quantizer) {
    Map<Role, Quantizer> changed = new EnumMap<>(quantizers);
    changed.remove(role);
    quantizer.flatMap(AmpPolicy::unlessFp32).ifPresent(q -> changed.put(role, q));
    return new AmpPolicy(name, changed, output, accumulator, ops, layers, lossScaling);
  }

  /** The same with another format of what operations in few bits return; fp32 if empty. */
  public AmpPolicy withOutput(Optional<Quantizer> other) {
    return new AmpPolicy(
        name,
        quantizers,
        other.flatMap(AmpPolicy::unlessFp32),
        accumulator,
        ops,
        layers,
        lossScaling);
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
    for (int i = layers.size() - 1; i >= 0; i--) {
      Optional<Quantizer> format = layers.get(i).formats().get(role);
      if (format != null && patterns.get(i).matcher(layer).find()) {
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
   * The rule for an operation; none if no list has it. A rule with its name goes before one for an
   * overload of it ({@code softmax.int} is one of {@code softmax}), and that before a pattern; of
   * equals the last one counts.
   *
   * @param op in lower case or upper case
   */
  public Optional<OpRule> rule(String op) {
    String wanted = op.toLowerCase(Locale.ROOT);
    return last(rule -> rule.op().equals(wanted))
        .or(() -> last(rule -> rule.isOverloadOf(wanted)))
        .or(() -> last(rule -> rule.isPatternOf(wanted)));
  }

  private Optional<OpRule> last(Predicate<OpRule> condition) {
    return ops.reversed().stream().filter(condition).findFirst();
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
