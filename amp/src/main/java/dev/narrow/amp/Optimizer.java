package dev.narrow.amp;

import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Parameters, the rule that updates them, and the formats they and the rule's moments are kept in.
 *
 * <p>How a parameter is stored follows from what it is, whatever the rule:
 *
 * <ul>
 *   <li>An fp32 tensor stays one. If the policy has a format for {@link Role#UPDATE}, it has the
 *       values of that format after each step, and there is no other copy.
 *   <li>Codes of the policy's format for {@link Role#UPDATE} are updated in place: decoded into
 *       memory that all parameters share, moved in fp32, and encoded again, with random bits where
 *       the format's rounding is stochastic. There is no master copy.
 *   <li>Codes {@linkplain Parameter#withMaster with an fp32 master} are made of it after each step.
 * </ul>
 *
 * <p>Scales follow the parameter, but where the rule bounds it (Madam) they are fixed so that the
 * bound is in range: the grid never moves.
 *
 * <p>Moments are codes of the policy's format for {@link Role#OPTIMIZER_STATE}. Of 8 bits or fewer
 * this is the format of moments with a sign; the others, second moments and their roots, have the
 * same scales and rounding but 5 exponent bits, 3 of the fraction and no sign, where nothing but
 * zero becomes zero. Blocks of elements that share a scale run on from row to row.
 *
 * <p>It works where the parameters lie, and keeps its moments beside them: {@link #close} gives
 * back those on a device.
 *
 * <p>All arithmetic is float32. Random bits depend on the seed, the step and the place of a
 * parameter in the list alone, so two optimizers of one loop should have different seeds.
 *
 * <p>Not safe for use by several threads at once.
 */
public final class Optimizer implements AutoCloseable {

  /**
   * Bytes that an optimizer and its parameters take, gradients not counted.
   *
   * @param parameters what is updated: fp32, master copies or codes with their scales
   * @param copies codes beside master copies
   * @param state moments with their scales
   * @param scratch values of codes during a step, of the largest parameter; 0 before the first
   */
  public record Memory(long parameters, long copies, long state, long scratch) {}

  /** A parameter with its moments. */
  static final class Slot {
    final Parameter parameter;
    final Kept value;
    final List<Kept> moments;
    float bound;

    Slot(Parameter parameter, Kept value, List<Kept> moments) {
      this.parameter = parameter;
      this.value = value;
      this.moments = moments;
    }

    /** Takes the largest magnitude that elements may have, which fixes the grid if finite. */
    void bound(float largest) {
      bound = largest;
      if (bound < Float.POSITIVE_INFINITY) {
        value.fixGrid(bound);
      }
    }
  }

  private final Backend backend;
  private final UpdateRule rule;
  private final AmpPolicy policy;
  private final List<Slot> slots = new ArrayList<>();
  private final List<Kept.Scratch> scratch;
  private long seed;
  private float learningRate;
  private long steps;

  private Optimizer(
      Backend backend, UpdateRule rule, float learningRate, AmpPolicy policy, long seed) {
    this.backend = backend;
    this.rule = rule;
    this.policy = policy;
    this.seed = seed;
    this.scratch =
        Stream.generate(() -> new Kept.Scratch(backend))
            .limit(1 + Update.moments(rule).size())
            .toList();
    learningRate(learningRate);
  }

  /**
   * An optimizer over these parameters, which it first brings into the policy's update format.
   *
   * @param backend what computes the steps, where the parameters lie
   * @param seed of the random bits, if a format of the policy rounds stochastically, and of the
   *     first exponents of {@link IntegerMadam}
   * @throws IllegalArgumentException if a learning rate is not positive, if the rule cannot train a
   *     parameter with its initial values, if a parameter's codes are not of the policy's format,
   *     if two parameters have one name, or if an epsilon is zero in the state's format
   */
  public static Optimizer of(
      Backend backend,
      UpdateRule rule,
      float learningRate,
      List<Parameter> parameters,
      AmpPolicy policy,
      long seed) {
    Optimizer optimizer = new Optimizer(backend, rule, learningRate, policy, seed);
    for (Parameter parameter : parameters) {
      optimizer.add(parameter);
    }
    for (int i = 0; i < parameters.size(); i++) { // all are checked before the first is written
      optimizer.start(optimizer.slots.get(i), i);
    }
    return optimizer;
  }

  /**
   * The format for {@link Role#OPTIMIZER_STATE} by which a moment takes a byte and 1/64: e4m3fn
   * with an fp32 scale for each 256 elements, their largest magnitude being the largest code, as
   * torchao keeps AdamWFp8's (FP8-LM, arXiv 2310.18313, has the first moment in E4M3 too; blocks
   * are those of arXiv 2110.02861). Rounded stochastically, since a second moment that decays by a
   * thousandth in a step would else stay where it is.
   */
  public static Quantizer eightBitState() {
    return StateFormat.eightBits();
  }

  private @Nullable Quantizer quantizer(Parameter parameter, Role role) {
    return policy.quantizer(parameter.layer(), role).orElse(null);
  }

  private void add(Parameter parameter) {
    String name = parameter.name();
    if (slots.stream().anyMatch(slot -> slot.parameter.name().equals(name))) {
      throw new IllegalArgumentException("two parameters are called " + name);
    }
    Quantizer update = parameter.copyQuantizer() == null ? quantizer(parameter, Role.UPDATE) : null;
    if (rule instanceof IntegerMadam && (update != null || !parameter.kept().isFp32())) {
      throw new IllegalArgumentException(
          name
              + ": "
              + rule
              + " keeps integer exponents, expected an fp32 parameter and no format for the update");
    }
    Slot slot =
        new Slot(parameter, Kept.of(backend, name, parameter.kept(), update), moments(parameter));
    slot.bound(Update.bound(rule, name, slot.value.open(scratch.getFirst())));
    slots.add(slot);
  }

  /** Brings a parameter into its format, and moments to where they start. */
  private void start(Slot slot, int index) {
    Tensor values = slot.value.open(scratch.getFirst());
    if (rule instanceof IntegerMadam madam) {
      RandomBits random = new RandomBits(seed, Role.UPDATE.stream(0, index));
      List<Tensor> moments = open(slot.moments);
      Update.start(madam, backend, slot.bound, random, moments, values);
      store(slot, index, values, moments);
    } else {
      storeValue(slot, index, values);
    }
  }

  private List<Kept> moments(Parameter parameter) {
    Quantizer state = quantizer(parameter, Role.OPTIMIZER_STATE);
    List<Kept> moments = new ArrayList<>();
    for (Update.Moment moment : Update.moments(rule)) {
      Quantizer quantizer = StateFormat.of(moment, rule, state);
      if (rule instanceof AdamW adam) {
        StateFormat.requireEpsilon(adam, quantizer);
      }
      boolean flat =
          quantizer != null
              && quantizer.granularity() instanceof Granularity.PerBlock(int axis, int _)
              && axis == -1;
      moments.add(
          Kept.zeros(backend, parameter.name() + ": state", quantizer, flat, parameter.gradient()));
    }
    return moments;
  }

  /** Moves every parameter by one step, in place. */
  public void step() {
    steps++;
    for (int i = 0; i < slots.size(); i++) {
      Slot slot = slots.get(i);
      Tensor values = slot.value.open(scratch.getFirst());
      List<Tensor> moments = open(slot.moments);
      Update.apply(
          rule,
          backend,
          learningRate,
          steps,
          slot.bound,
          slot.parameter.gradient(),
          moments,
          values);
      store(slot, i, values, moments);
    }
  }

  private List<Tensor> open(List<Kept> moments) {
    List<Tensor> opened = new ArrayList<>();
    for (int m = 0; m < moments.size(); m++) {
      opened.add(moments.get(m).open(scratch.get(m + 1)));
    }
    return opened;
  }

  private void store(Slot slot, int index, Tensor values, List<Tensor> moments) {
    storeValue(slot, index, values);
    for (int m = 0; m < moments.size(); m++) {
      long stream = Role.OPTIMIZER_STATE.stream(steps, index * moments.size() + m);
      slot.moments.get(m).close(moments.get(m), new RandomBits(seed, stream));
    }
  }

  private void storeValue(Slot slot, int index, Tensor values) {
    slot.value.close(values, new RandomBits(seed, Role.UPDATE.stream(steps, index)));
    show(slot, index);
  }

  /** Lets the passes see what is kept. */
  private void show(Slot slot, int index) {
    slot.parameter.keep(slot.value.tensor());
    slot.parameter.copyMaster(backend, new RandomBits(seed, Role.WEIGHT.stream(steps, index)));
    Autocast.touch(slot.parameter.kept());
    Autocast.touch(slot.parameter.value());
  }

  /** What updates the parameters. */
  UpdateRule rule() {
    return rule;
  }

  /** The parameters in their order. */
  List<Slot> slots() {
    return Collections.unmodifiableList(slots);
  }

  /** The seed of the random bits. */
  long seed() {
    return seed;
  }

  /** Goes on as one that has made so many steps, with what its slots keep. */
  void resume(long newSeed, long newSteps, float newLearningRate) {
    seed = newSeed;
    steps = newSteps;
    learningRate(newLearningRate);
    for (int i = 0; i < slots.size(); i++) {
      show(slots.get(i), i);
    }
  }

  /** Bytes in use. */
  public Memory memory() {
    long parameters = 0;
    long copies = 0;
    long state = 0;
    for (Slot slot : slots) {
      parameters += Kept.bytes(slot.value.tensor());
      if (slot.parameter.copyQuantizer() != null) {
        copies += Kept.bytes(slot.parameter.value());
      }
      for (Kept moment : slot.moments) {
        state += Kept.bytes(moment.tensor());
      }
    }
    long during = scratch.stream().mapToLong(Kept.Scratch::bytes).sum();
    return new Memory(parameters, copies, state, during);
  }

  /**
   * Gives back what lies on a device besides the parameters: moments, and memory of the steps.
   * Another step is an IllegalStateException there; on the host nothing changes.
   */
  @Override
  public void close() {
    for (Slot slot : slots) {
      slot.moments.forEach(moment -> backend.free(moment.tensor()));
    }
    scratch.forEach(Kept.Scratch::free);
  }

  /** Steps made so far. */
  public long steps() {
    return steps;
  }

  /** The learning rate of the next step. */
  public float learningRate() {
    return learningRate;
  }

  /**
   * Changes the learning rate.
   *
   * @throws IllegalArgumentException if it is not positive and finite
   */
  public void learningRate(float value) {
    Arguments.requirePositive("learningRate", value);
    learningRate = value;
  }
}
