package dev.narrow.amp.djl;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.GradientCollector;
import ai.djl.training.ParameterStore;
import ai.djl.training.Trainer;
import ai.djl.training.TrainingConfig;
import ai.djl.training.loss.Loss;
import dev.narrow.amp.AmpException;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Checkpoint;
import dev.narrow.amp.Clip;
import dev.narrow.amp.GradScaler;
import dev.narrow.amp.Gradients;
import dev.narrow.amp.Resumable;
import dev.narrow.amp.StepResult;
import dev.narrow.amp.StepResult.Applied;
import dev.narrow.amp.StepResult.Collapsed;
import dev.narrow.formats.RandomBits;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A trainer of DJL's that obeys a policy: blocks are run in its formats, the loss is scaled, and a
 * step whose gradients are not all finite is skipped. {@link AmpDjl#trainer} makes one.
 *
 * <p>Each call of {@link GradientCollector#backward} between two steps is a micro-batch, whose
 * gradients add up.
 *
 * <p>To DJL's metrics it adds {@code amp-loss-scale} and {@code amp-skipped}, 1 or 0, for each
 * step.
 */
public final class AmpTrainer extends Trainer {
  private final Casting casting;
  private final DjlOptions options;
  private final ai.djl.training.optimizer.Optimizer optimizer;
  private final GradScaler scaler;
  private final Tape tape = new Tape();
  private final Store store;
  private final SeenLoss seenLoss;

  private @Nullable Gradients gradients;
  private List<Leaf> leaves = List.of();
  private @Nullable StepResult last;
  private @Nullable StepResult lastSkip;
  private @Nullable Pass lastPass;
  private long[] addresses = {}; // of the gradients
  private long steps; // forward passes of training
  private float loss;
  private boolean pending; // a backward pass that no step has used yet

  AmpTrainer(Model model, TrainingConfig config, Casting casting, DjlOptions options) {
    super(model, config);
    this.casting = casting;
    this.options = options;
    this.optimizer = config.getOptimizer();
    this.scaler = GradScaler.of(casting.policy());
    this.store = new Store(this);
    this.seenLoss = new SeenLoss(config.getLossFunction());
  }

  /** Hands out parameters as the blocks of a pass are to see them. */
  private static final class Store extends ParameterStore {
    private final Map<Parameter, Leaf> leaves = new HashMap<>();
    private @Nullable Pass pass;

    Store(AmpTrainer trainer) {
      super(trainer.getManager(), false);
    }

    @Override
    public NDArray getValue(Parameter parameter, Device device, boolean training) {
      NDArray array = super.getValue(parameter, device, training);
      Leaf leaf = leaves.get(parameter);
      return pass == null || leaf == null ? array : pass.see(leaf);
    }
  }

  /** What it obeys. */
  public AmpPolicy policy() {
    return casting.policy();
  }

  /** What computes in 16 bits. */
  public DjlBackend backend() {
    return casting.backend();
  }

  /** The loss scale and its counts. */
  public GradScaler scaler() {
    return scaler;
  }

  /** The last step that was not applied; empty if there was none. */
  public Optional<StepResult> lastSkip() {
    return Optional.ofNullable(lastSkip);
  }

  /** What the last {@link #step} did; empty before the first. */
  public Optional<StepResult> lastStep() {
    return Optional.ofNullable(last);
  }

  @Override
  public void initialize(Shape... shapes) {
    super.initialize(shapes);
    bind();
  }

  /** Gets to know the parameters, once they are there. */
  private Gradients bind() {
    if (gradients != null) {
      return gradients;
    }
    List<Leaf> trained = new ArrayList<>();
    for (Leaf leaf : Leaf.of(getModel().getBlock())) {
      store.leaves.put(leaf.parameter(), leaf);
      if (leaf.parameter().requiresGradient()) {
        trained.add(leaf);
      }
    }
    try (GradientCollector collector = super.newGradientCollector()) {
      Leaf.define(trained, collector);
    }
    Gradients bound =
        Gradients.of(
            trained.stream().map(leaf -> Gradients.view(leaf.name(), leaf.gradient())).toList());
    if (optimizer instanceof NarrowOptimizer narrow) {
      narrow.bind(trained, bound, casting.policy(), casting.seed());
    } else {
      trained.forEach(AmpTrainer::requireFp32);
    }
    addresses = trained.stream().mapToLong(AmpTrainer::address).toArray();
    leaves = trained;
    gradients = bound;
    return bound;
  }

  private static void requireFp32(Leaf leaf) {
    if (leaf.array().getDataType() != DataType.FLOAT32) {
      throw new AmpException(
          leaf.name()
              + " is "
              + leaf.array().getDataType()
              + ", expected FLOAT32, or an optimizer of AmpDjl.optimizer, which has master copies");
    }
  }

  @Override
  public NDList forward(NDList input) {
    long begin = System.nanoTime();
    try {
      return run(
          true,
          input.getFirst().getManager(),
          pass -> model().forward(store, pass.see(input, false), true));
    } finally {
      addMetric("forward", begin);
    }
  }

  @Override
  public NDList forward(NDList data, NDList labels) {
    long begin = System.nanoTime();
    try {
      return run(
          true,
          data.getFirst().getManager(),
          pass -> model().forward(store, pass.see(data, false), pass.see(labels, false), null));
    } finally {
      addMetric("forward", begin);
    }
  }

  @Override
  public NDList evaluate(NDList input) {
    return run(
        false,
        input.getFirst().getManager(),
        pass -> model().forward(store, pass.see(input, false), false, null));
  }

  /** {@inheritDoc} It is run as the blocks are, under the policy. */
  @Override
  public Loss getLoss() {
    return seenLoss;
  }

  /** The loss, in a pass of its own. */
  private final class SeenLoss extends Loss {
    private final Loss loss;

    SeenLoss(Loss loss) {
      super(loss.getName());
      this.loss = loss;
    }

    @Override
    public NDArray evaluate(NDList labels, NDList predictions) {
      NDArray first = predictions.getFirst();
      Pass pass = new Pass(casting, first.getManager(), JniUtils.isGradMode() ? tape : null, steps);
      NDArray result = loss.evaluate(pass.see(labels, false), pass.see(predictions, true));
      return pass.release(new NDList(result)).getFirst();
    }
  }

  private Block model() {
    return getModel().getBlock();
  }

  private NDList run(boolean training, NDManager memory, Function<Pass, NDList> blocks) {
    if (gradients == null && !model().isInitialized()) {
      throw new IllegalStateException(
          "forward before initialize, expected initialize(shapes) first");
    }
    bind();
    Pass pass = new Pass(casting, memory, training ? tape : null, steps);
    if (training && options.engineSeed().isPresent()) {
      RandomBits bits = new RandomBits(options.engineSeed().getAsLong(), steps);
      getManager().getEngine().setRandomSeed(bits.word(0));
    }
    store.pass = pass;
    try {
      return pass.release(blocks.apply(pass));
    } finally {
      store.pass = null;
      casting.forgetCasts();
      if (training) {
        lastPass = pass;
        steps++;
      }
    }
  }

  @Override
  public GradientCollector newGradientCollector() {
    GradientCollector engine = super.newGradientCollector();
    tape.clear();
    return new Collector(engine);
  }

  /** Scales what the loop gives it to go backward from. */
  private final class Collector implements GradientCollector {
    private final GradientCollector engine;

    Collector(GradientCollector engine) {
      this.engine = engine;
    }

    @Override
    public void backward(NDArray target) {
      AmpTrainer.this.backward(engine, target);
    }

    @Override
    public void zeroGradients() {
      zero();
    }

    @Override
    public void close() {
      engine.close();
    }
  }

  private void backward(GradientCollector engine, NDArray target) {
    Gradients all = bind();
    if (pending) { // of what has added up before
      scaler.microBatch(loss, all);
    }
    long begin = System.nanoTime();
    NDArray fp32 =
        Pass.isBf16(target) ? target.mul(target.getManager().ones(new Shape(1))) : target;
    loss = fp32.size() == 1 ? number(fp32) : number(fp32.sum());
    NDArray scale = // in the engine's memory: that of mul(float) is gone when it is needed
        fp32.getManager().full(new Shape(), scaler.lossScale(), DataType.FLOAT32);
    NDArray scaled = fp32.mul(scale);
    if (tape.isEmpty()) {
      engine.backward(scaled);
    } else {
      tape.backward(scaled);
    }
    if (lastPass != null) {
      for (Leaf leaf : leaves) {
        lastPass.gradient(leaf);
      }
      lastPass = null;
    }
    pending = true;
    addMetric("amp-backward", begin);
  }

  private static float number(NDArray scalar) {
    return scalar.getDataType() == DataType.FLOAT64
        ? (float) scalar.toDoubleArray()[0]
        : scalar.toFloatArray()[0];
  }

  /**
   * Unscales and checks the gradients, steps the optimizer if they are finite, and makes them zero.
   *
   * @throws AmpException if the loss scale has collapsed: {@link #stepAmp} returns that
   * @throws IllegalStateException as there
   */
  @Override
  public void step() {
    if (stepAmp() instanceof Collapsed collapsed) {
      throw new AmpException(collapsed);
    }
  }

  /**
   * As {@link #step}, and tells what was done.
   *
   * @throws IllegalStateException if there was no backward pass since the last step, or if somebody
   *     has put a gradient into other memory
   */
  public StepResult stepAmp() {
    if (!pending) {
      throw new IllegalStateException(
          "step without a backward pass: newGradientCollector, forward, backward, then step");
    }
    long begin = System.nanoTime();
    Gradients all = bind();
    requireInPlace();
    pending = false;
    StepResult result;
    try {
      result = scaler.step(loss, all, () -> update(all));
    } finally {
      zero();
    }
    last = result;
    if (!(result instanceof Applied)) {
      lastSkip = result;
    }
    addMetric("step", begin);
    if (getMetrics() != null) {
      getMetrics().addMetric("amp-loss-scale", scaler.lossScale());
      getMetrics().addMetric("amp-skipped", result instanceof Applied ? 0 : 1);
    }
    return result;
  }

  private void requireInPlace() {
    for (int i = 0; i < addresses.length; i++) {
      if (address(leaves.get(i)) != addresses[i]) {
        throw new IllegalStateException(
            leaves.get(i).name()
                + "'s gradient is in other memory than at first, expected it to stay there");
      }
    }
  }

  /**
   * Saves all that the run depends on, between two steps, to one file: parameters, what is no
   * parameter but is learnt (running means), moments, the loss scale, the step that random bits
   * come from. A dropout of the engine's is in it if the options have a seed. The order of samples
   * is the loop's own.
   *
   * @param file of {@link Checkpoint}
   * @param replace whether a file that exists is replaced
   * @throws AmpException if the optimizer is one of DJL's, which let nobody see their moments
   * @throws IllegalStateException between a backward pass and its step
   * @throws IOException if the file exists and is not to be replaced, or cannot be written
   */
  public void save(Path file, boolean replace) throws IOException {
    checkpoint().save(file, replace);
  }

  /**
   * Goes on from where {@link #save} was: with the same model, policy, options and optimizer, and
   * after {@link #initialize}.
   *
   * @throws AmpException if the file is none of those, and nothing has changed; or as {@link #save}
   * @throws IllegalStateException between a backward pass and its step
   */
  public void load(Path file) {
    checkpoint().load(file);
    if (optimizer instanceof NarrowOptimizer narrow) {
      narrow.copyMasters();
    }
  }

  private Checkpoint checkpoint() {
    if (pending) {
      throw new IllegalStateException("checkpoint between backward and step, expected after step");
    }
    bind();
    if (!(optimizer instanceof NarrowOptimizer narrow)) {
      throw new AmpException(
          "optimizer is DJL's "
              + optimizer.getClass().getSimpleName()
              + ", whose moments nobody can see, expected one of AmpDjl.optimizer");
    }
    Checkpoint checkpoint =
        new Checkpoint()
            .add("optimizer", narrow.optimizer())
            .add("scaler", scaler)
            .add("trainer", new Passes());
    store.leaves.values().stream()
        .filter(leaf -> !leaf.parameter().requiresGradient())
        .forEach(leaf -> checkpoint.add("buffer." + leaf.name(), leaf.values()));
    return checkpoint;
  }

  /** The number of the next pass, and what random bits it draws. */
  private final class Passes implements Resumable {
    private static final String PASSES = "passes";
    private static final String SEED = "seed";

    @Override
    public Map<String, String> state() {
      return Map.of(PASSES, Long.toString(steps), SEED, Long.toString(casting.seed()));
    }

    @Override
    public Runnable restore(Map<String, String> state) {
      String seed = Long.toString(casting.seed());
      if (!seed.equals(state.get(SEED))) {
        throw new IllegalArgumentException(
            "seed = " + state.get(SEED) + ", expected " + seed + " as in the options");
      }
      String passes = Objects.requireNonNullElse(state.get(PASSES), "");
      if (!passes.matches("[0-9]{1,18}")) {
        throw new IllegalArgumentException("passes = \"" + passes + "\", expected 0 or more");
      }
      return () -> steps = Long.parseLong(passes);
    }
  }

  private static long address(Leaf leaf) {
    return leaf.gradient().storage().segment().address();
  }

  private void update(Gradients all) {
    if (options.norm() < Float.POSITIVE_INFINITY) {
      Clip.norm(all, options.norm());
    }
    if (options.value() < Float.POSITIVE_INFINITY) {
      Clip.value(all, options.value());
    }
    if (optimizer instanceof NarrowOptimizer narrow) {
      narrow.step();
      return;
    }
    for (Leaf leaf : leaves) {
      try (NDArray gradient = leaf.array().getGradient()) {
        optimizer.update(leaf.parameter().getId(), leaf.array(), gradient);
      }
    }
  }

  /** By assignment: an infinity less itself, as DJL does it, is no zero. */
  private void zero() {
    for (Leaf leaf : leaves) {
      leaf.gradient().storage().segment().fill((byte) 0);
    }
  }
}
