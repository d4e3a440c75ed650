package dev.narrow.amp;

import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Floats;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Parameters, the rule that updates them, and the formats they and the rule's moments are kept in.
 *
 * <p>If the policy has a format for {@link Role#UPDATE}, the parameters themselves live in it:
 * there is no fp32 master copy. Its scale follows the parameter, but where the rule bounds the
 * parameter (Madam) the scale is fixed so that the bound is in range: the grid never moves.
 *
 * <p>Not safe for use by several threads at once.
 */
public final class Optimizer {

  /** A parameter with its moments, and the grid that it is kept on if that is fixed. */
  private static final class Slot {
    final Parameter parameter;
    final List<Tensor> moments;
    final float bound;
    final Optional<Scales> grid;

    Slot(Parameter parameter, List<Tensor> moments, float bound, Optional<Scales> grid) {
      this.parameter = parameter;
      this.moments = moments;
      this.bound = bound;
      this.grid = grid;
    }
  }

  private final Backend backend;
  private final UpdateRule rule;
  private final AmpPolicy policy;
  private final long seed;
  private final List<Slot> slots = new ArrayList<>();
  private float learningRate;
  private long steps;

  private Optimizer(
      Backend backend, UpdateRule rule, float learningRate, AmpPolicy policy, long seed) {
    this.backend = backend;
    this.rule = rule;
    this.policy = policy;
    this.seed = seed;
    learningRate(learningRate);
  }

  /**
   * An optimizer over these parameters, which it first brings into the policy's update format.
   *
   * @param backend what computes the steps
   * @param seed of the random bits, if a format of the policy rounds stochastically
   * @throws IllegalArgumentException if a learning rate is not positive, or if the rule cannot
   *     train a parameter with its initial values
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
    return optimizer;
  }

  private void add(Parameter parameter) {
    int n = parameter.value().shape().size();
    Floats w = Floats.of(parameter.value(), parameter.name());
    float bound = Update.bound(rule, parameter.name(), w, n);
    Optional<Scales> grid =
        policy
            .quantizer(Role.UPDATE)
            .filter(q -> bound < Float.POSITIVE_INFINITY && q.scaleRule() != ScaleRule.ONE)
            .map(q -> {
              float[] scales = new float[q.granularity().scales(parameter.value().shape())];
              Arrays.fill(scales, q.scaleRule().scale(bound, q.format()));
              return Scales.of(q.granularity(), scales);
            });
    List<Tensor> moments =
        Stream.generate(() -> Tensor.zeros(parameter.value().shape().dims()))
            .limit(Update.moments(rule))
            .toList();
    Slot slot = new Slot(parameter, moments, bound, grid);
    store(slot, slots.size());
    slots.add(slot);
  }

  /** Moves every parameter by one step, in place. */
  public void step() {
    steps++;
    for (int i = 0; i < slots.size(); i++) {
      Slot slot = slots.get(i);
      Parameter parameter = slot.parameter;
      Update.apply(
          rule,
          backend,
          learningRate,
          steps,
          slot.bound,
          parameter.gradient(),
          slot.moments,
          parameter.value());
      store(slot, i);
      Autocast.touch(parameter.value());
    }
  }

  private void store(Slot slot, int index) {
    policy
        .quantizer(Role.UPDATE)
        .ifPresent(q -> {
          var values = slot.parameter.value();
          RandomBits random = new RandomBits(seed, Role.UPDATE.stream(steps, index));
          q.fakeQuantize(values, slot.grid.orElseGet(() -> q.scales(values)), random);
        });
    policy.quantizer(Role.OPTIMIZER_STATE).ifPresent(q -> storeMoments(q, slot, index));
  }

  private void storeMoments(Quantizer quantizer, Slot slot, int index) {
    List<Tensor> moments = slot.moments;
    for (int m = 0; m < moments.size(); m++) {
      long stream = Role.OPTIMIZER_STATE.stream(steps, index * moments.size() + m);
      quantizer.fakeQuantize(moments.get(m), new RandomBits(seed, stream));
    }
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
