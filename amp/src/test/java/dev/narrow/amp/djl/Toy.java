package dev.narrow.amp.djl;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.training.initializer.NormalInitializer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import dev.narrow.amp.StepResult;
import java.util.Objects;

/** A task for DJL: which of the first four of sixteen numbers is the largest. */
final class Toy {
  static final int INPUTS = 16;
  static final int CLASSES = 4;
  static final int BATCH = 32;
  private static final int SAMPLES = 2048;

  private Toy() {}

  static Model model(int seed) {
    return model(seed, mlp());
  }

  /** A model with this block, whose weights depend on the seed alone. */
  static Model model(int seed, Block block) {
    Model model = Model.newInstance("toy");
    model.getNDManager().getEngine().setRandomSeed(seed);
    model.setBlock(block);
    return model;
  }

  static SequentialBlock mlp() {
    return new SequentialBlock()
        .add(Linear.builder().setUnits(64).build())
        .add(Activation.reluBlock())
        .add(Linear.builder().setUnits(CLASSES).build());
  }

  static DefaultTrainingConfig config() {
    return config(Optimizer.sgd().setLearningRateTracker(Tracker.fixed(0.1f)).build());
  }

  static DefaultTrainingConfig config(Optimizer optimizer) {
    return new DefaultTrainingConfig(Loss.softmaxCrossEntropyLoss())
        .optDevices(new Device[] {Device.cpu()})
        .optInitializer(new NormalInitializer(0.05f), Parameter.Type.BIAS)
        .optOptimizer(optimizer);
  }

  static Shape shape() {
    return new Shape(BATCH, INPUTS);
  }

  /** Samples that depend on nothing. */
  static NDArray samples(NDManager manager) {
    float[] x = new float[SAMPLES * INPUTS];
    long bits = 1;
    for (int i = 0; i < x.length; i++) {
      bits = bits * 6364136223846793005L + 1442695040888963407L;
      x[i] = (float) ((bits >> 33) / 0x1p30);
    }
    return manager.create(x, new Shape(SAMPLES, INPUTS));
  }

  static NDArray labels(NDArray samples) {
    return samples.get(":, 0:4").argMax(1).toType(DataType.FLOAT32, false);
  }

  static ArrayDataset data(NDManager manager) {
    NDArray x = samples(manager);
    return new ArrayDataset.Builder()
        .setData(x)
        .optLabels(labels(x))
        .setSampling(BATCH, false)
        .build();
  }

  /** The share of samples that a trainer's model gets right. */
  static float accuracy(Trainer trainer) {
    try (NDManager manager = trainer.getManager().newSubManager()) {
      NDArray x = samples(manager);
      NDArray y = trainer.evaluate(new NDList(x)).singletonOrThrow();
      NDArray right = y.argMax(1).toType(DataType.FLOAT32, false).eq(labels(x));
      return right.toType(DataType.FLOAT32, false).mean().getFloat();
    }
  }

  /** Steps of a loop as one writes it by hand, from a first batch on; the last result. */
  static StepResult train(AmpTrainer trainer, int from, int to) {
    StepResult last = null;
    for (int i = from; i < to; i++) {
      backward(trainer, i);
      last = trainer.stepAmp();
    }
    return Objects.requireNonNull(last);
  }

  /** Forward and backward on one batch; the loss. */
  static float backward(Trainer trainer, int batch) {
    try (NDManager manager = trainer.getManager().newSubManager();
        GradientCollector collector = trainer.newGradientCollector()) {
      NDArray all = samples(manager);
      int at = batch * BATCH % SAMPLES;
      NDArray x = all.get(at + ":" + (at + BATCH)).duplicate();
      NDArray y = trainer.forward(new NDList(x)).singletonOrThrow();
      NDArray loss = trainer.getLoss().evaluate(new NDList(labels(x)), new NDList(y));
      collector.backward(loss);
      return loss.getFloat();
    }
  }
}
