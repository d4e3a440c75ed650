package dev.narrow.amp.djl;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.SymbolBlock;
import ai.djl.pytorch.jni.LibUtils;
import ai.djl.training.TrainingConfig;
import ai.djl.training.initializer.Initializer;
import ai.djl.training.tracker.Tracker;
import ai.djl.util.Pair;
import dev.narrow.amp.AmpException;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.UpdateRule;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Mixed precision for Deep Java Library: a trainer for a model of DJL's PyTorch engine that obeys a
 * policy, under {@code EasyTrain.fit} and under loops of one's own. Two lines change:
 *
 * <pre>{@code
 * try (Model model = Model.newInstance("mlp");
 *     Trainer trainer = AmpDjl.trainer(model, config, AmpPolicy.bf16())) { // was model.newTrainer(config)
 *   trainer.initialize(new Shape(64, 784));
 *   EasyTrain.fit(trainer, epochs, train, test);
 * }
 * }</pre>
 *
 * <p>The layers that a policy's rules are about are paths of blocks, {@code
 * 02SequentialBlock.01Linear}: DJL numbers the children of a block. An operation without a
 * parameter belongs to the layer that made its first operand.
 *
 * <p>On the CPU, with DJL 0.35.1 and PyTorch 2.7.1, which are to be on the class path: {@code
 * ai.djl:api}, {@code ai.djl.pytorch:pytorch-engine} and the latter's native library.
 */
public final class AmpDjl {
  private static final Logger LOG = System.getLogger(AmpDjl.class.getName());
  private static final String ENGINE = "PyTorch";
  private static final String VERSION = "2.7.1"; // whose symbols and whose aborts were measured

  private AmpDjl() {}

  /** Found once: the engine does not change. */
  private static final class Found {
    static final DjlCapabilities CAPABILITIES = probe(Engine.getEngine(ENGINE));
  }

  /**
   * What can be computed in few bits here. The engine starts if it has not yet.
   *
   * @throws AmpException if there is no PyTorch engine
   */
  public static DjlCapabilities capabilities() {
    if (!Engine.hasEngine(ENGINE)) {
      throw new AmpException(
          "DJL has the engines "
              + Engine.getAllEngines()
              + ", expected PyTorch: put ai.djl.pytorch:pytorch-engine on the class path");
    }
    return Found.CAPABILITIES;
  }

  static DjlCapabilities probe(Engine engine) {
    Map<DjlBackend, String> missing = new EnumMap<>(DjlBackend.class);
    LibtorchAutocast autocast = null;
    String version = engine.getVersion();
    if (!version.equals(VERSION)) {
      missing.put(
          DjlBackend.LIBTORCH,
          "this is PyTorch " + version + ", and autocast is known of " + VERSION + " alone");
    } else {
      try {
        Path library = Path.of(LibUtils.getLibtorchPath(), System.mapLibraryName("torch_cpu"));
        autocast = LibtorchAutocast.probe(library);
      } catch (IllegalArgumentException | IllegalCallerException e) {
        missing.put(DjlBackend.LIBTORCH, String.valueOf(e.getMessage()));
      }
    }
    DjlCapabilities found =
        new DjlCapabilities(
            ENGINE + " " + version, autocast, missing, Processor.hasBf16(), Processor.hasFp16());
    LOG.log(
        Level.INFO,
        "{0}: {1}",
        found.engine(),
        found.whyNot(DjlBackend.LIBTORCH).map(why -> "emulated, " + why).orElse("autocast"));
    return found;
  }

  /**
   * A trainer that obeys a policy.
   *
   * @throws AmpException as {@link #trainer(Model, TrainingConfig, AmpPolicy, DjlOptions)}
   */
  public static AmpTrainer trainer(Model model, TrainingConfig config, AmpPolicy policy) {
    return trainer(model, config, policy, DjlOptions.defaults());
  }

  /**
   * A trainer that obeys a policy. It does to the model what {@link Model#newTrainer} does.
   *
   * @param model with a block, of the PyTorch engine
   * @param config as for {@link Model#newTrainer}, with one device, the CPU
   * @throws AmpException if the engine is another, a device is none of the CPU, a block's
   *     operations cannot be seen, the backend that the options want is not there, or it is slow
   *     and that is not allowed
   * @throws IllegalStateException if the model has no block
   */
  public static AmpTrainer trainer(
      Model model, TrainingConfig config, AmpPolicy policy, DjlOptions options) {
    String engine = model.getNDManager().getEngine().getEngineName();
    if (!engine.equals(ENGINE)) {
      throw new AmpException("model is of the engine " + engine + ", expected " + ENGINE);
    }
    if (config.getDevices().length != 1 || !config.getDevices()[0].equals(Device.cpu())) {
      throw new AmpException(
          "config has the devices " + Arrays.toString(config.getDevices()) + ", expected cpu()");
    }
    Block block = model.getBlock();
    if (block == null) {
      throw new IllegalStateException("model has no block, expected setBlock before trainer");
    }
    requireVisible(block, block.getClass().getSimpleName());
    Casting casting = casting(model.getNDManager(), policy, options, capabilities());
    prepare(block, config);
    return new AmpTrainer(model, config, casting, options);
  }

  /**
   * An update rule of Narrow's as an optimizer of DJL's.
   *
   * @param rate the learning rate of each step
   */
  public static NarrowOptimizer optimizer(UpdateRule rule, Tracker rate) {
    return new NarrowOptimizer(rule, rate);
  }

  /** An update rule of Narrow's as an optimizer of DJL's, with its default learning rate. */
  public static NarrowOptimizer optimizer(UpdateRule rule) {
    return optimizer(rule, Tracker.fixed(rule.defaultLearningRate()));
  }

  /** What compiled blocks do inside is not to be seen, and no policy can be obeyed there. */
  private static void requireVisible(Block block, String path) {
    if (block instanceof SymbolBlock) {
      throw new AmpException(
          "block "
              + path
              + " is a "
              + block.getClass().getSimpleName()
              + ", compiled: supported are blocks that are made of DJL's operations, such as those of"
              + " ai.djl.basicmodelzoo and ai.djl.nn");
    }
    for (Pair<String, Block> child : block.getChildren()) {
      requireVisible(child.getValue(), path + "." + child.getKey());
    }
  }

  /** Decides what computes, once. */
  static Casting casting(
      NDManager manager, AmpPolicy policy, DjlOptions options, DjlCapabilities capabilities) {
    DjlBackend backend =
        options
            .backend()
            .orElse(capabilities.has(DjlBackend.LIBTORCH) ? DjlBackend.LIBTORCH : DjlBackend.CASTS);
    capabilities
        .whyNot(backend)
        .ifPresent(why -> {
          throw new AmpException("backend = " + backend + ", which is not there: " + why);
        });
    boolean slow = options.isSlowAllowed() || capabilities.hasFastFp16();
    if (LayerPlan.wantsFp16(policy)
        && !capabilities.hasFastFp16()
        && (options.backend().isPresent() || slow)
        && backend != DjlBackend.EMULATED) {
      String measured =
          String.format(
              Locale.ROOT,
              "fp16 takes %.0f times as long as fp32 on this processor, measured",
              Processor.fp16Slowdown(manager));
      if (!slow) {
        throw new AmpException(
            "backend = "
                + backend
                + ", where "
                + measured
                + ": allowSlow() if that is wanted, or no backend in the options, and it is emulated"
                + " in fp32");
      }
      LOG.log(Level.WARNING, "{0}", measured);
    }
    return new Casting(
        policy, backend, capabilities.autocast(), slow, options.seed(), options.observer());
  }

  /** As PtModel.newTrainer does, which makes no trainer but DJL's. */
  private static void prepare(Block block, TrainingConfig config) {
    for (Pair<Initializer, Predicate<Parameter>> pair : config.getInitializers()) {
      if (pair.getKey() != null && pair.getValue() != null) {
        block.setInitializer(pair.getKey(), pair.getValue());
      }
    }
  }
}
