package dev.narrow.amp.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.training.tracker.Tracker;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Gradients;
import dev.narrow.amp.Optimizer;
import dev.narrow.amp.Parameter;
import dev.narrow.amp.UpdateRule;
import dev.narrow.formats.Formats;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An update rule of Narrow's as an optimizer of DJL's: {@link AmpDjl#optimizer} makes one, for the
 * {@code TrainingConfig} of one trainer.
 *
 * <p>Under an {@link AmpTrainer} parameters and moments are kept in the formats that the policy has
 * for {@code update} and {@code state}, and a parameter of 16 bits has an fp32 master copy. Under a
 * trainer of DJL's own all is fp32.
 *
 * <p>The tracker gives the learning rate of each step that is made; one that is skipped counts for
 * nothing.
 */
public final class NarrowOptimizer extends ai.djl.training.optimizer.Optimizer {

  private static final class Settings extends OptimizerBuilder<Settings> {
    @Override
    protected Settings self() {
      return this;
    }
  }

  /** A parameter of DJL's own trainer, and what moves it. */
  private record Single(Optimizer optimizer, Tensor gradient) {}

  private final UpdateRule rule;
  private final Tracker rate;
  private final Map<String, Single> singles = new HashMap<>();
  private final Map<Leaf, Parameter> copies = new HashMap<>(); // in 16 bits, of masters
  private @Nullable Optimizer optimizer;

  NarrowOptimizer(UpdateRule rule, Tracker rate) {
    super(new Settings());
    this.rule = rule;
    this.rate = rate;
  }

  /** What updates the parameters. */
  public UpdateRule rule() {
    return rule;
  }

  /** Takes the parameters of a trainer. */
  void bind(List<Leaf> leaves, Gradients gradients, AmpPolicy policy, long seed) {
    if (optimizer != null) {
      throw new IllegalStateException(
          "the optimizer belongs to a trainer already, expected one made for this trainer alone");
    }
    List<Parameter> parameters = new ArrayList<>();
    for (Leaf leaf : leaves) {
      Tensor gradient = gradients.unscaled(leaf.name());
      Tensor values = leaf.values();
      if (values.isFp32()) {
        parameters.add(new Parameter(leaf.name(), values, gradient));
      } else {
        Quantizer fp16 = Quantizer.of(Formats.FP16);
        Parameter parameter = Parameter.withMaster(leaf.name(), values.toFp32(), fp16, gradient);
        copies.put(leaf, parameter);
        parameters.add(parameter);
      }
    }
    optimizer = Optimizer.of(Backend.cpu(), rule, rate(0), parameters, policy, seed);
    copyMasters();
  }

  private float rate(long steps) {
    return rate.getNewValue(Math.toIntExact(steps));
  }

  /** Moves all parameters. */
  void step() {
    Optimizer all = optimizer();
    all.learningRate(rate(all.steps()));
    all.step();
    copyMasters();
  }

  /** Shows the blocks what the masters have become. */
  void copyMasters() {
    copies.forEach((leaf, parameter) ->
        leaf.values().storage().segment().copyFrom(parameter.value().storage().segment()));
  }

  /** The optimizer of a trainer's parameters, with their state. */
  Optimizer optimizer() {
    if (optimizer == null) {
      throw new IllegalStateException("the optimizer belongs to no trainer yet");
    }
    return optimizer;
  }

  /** {@inheritDoc} Its gradient is zero after that, as the engine's own optimizers leave it. */
  @Override
  public void update(String parameterId, NDArray weight, NDArray grad) {
    Single single =
        singles.computeIfAbsent(
            parameterId,
            id -> {
              Tensor values = Leaf.tensor(id, weight);
              Tensor gradient = Tensor.zeros(values.shape().dims());
              Parameter parameter = new Parameter(id, values, gradient);
              return new Single(
                  Optimizer.of(
                      Backend.cpu(), rule, rate(0), List.of(parameter), AmpPolicy.fp32(), 0),
                  gradient);
            });
    MemorySegment from = Leaf.tensor(parameterId, grad).storage().segment();
    single.gradient.storage().segment().copyFrom(from);
    single.optimizer.learningRate(rate(single.optimizer.steps()));
    single.optimizer.step();
    try (NDArray own = weight.getGradient()) {
      Leaf.tensor(parameterId, own).storage().segment().fill((byte) 0);
    }
  }
}
