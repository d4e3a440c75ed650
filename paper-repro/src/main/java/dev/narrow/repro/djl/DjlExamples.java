package dev.narrow.repro.djl;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Blocks;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.pooling.Pool;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.EasyTrain;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.training.initializer.NormalInitializer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.LnsMadam;
import dev.narrow.amp.LossScaling;
import dev.narrow.amp.StepResult;
import dev.narrow.amp.djl.AmpDjl;
import dev.narrow.amp.djl.AmpTrainer;
import dev.narrow.repro.data.DataLocator;
import dev.narrow.repro.data.Dataset;
import dev.narrow.repro.data.Datasets;
import dev.narrow.repro.data.Split;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The networks of DJL's tutorials (an MLP of ai.djl.basicmodelzoo, 128 and 64 hidden units; LeNet
 * of Dive into Deep Learning) under an unmodified {@code EasyTrain.fit}, with DJL's trainer and
 * with one that obeys a policy, for each seed from the same initial weights. Prints accuracy and
 * time.
 *
 * <p>Arguments: {@code mlp} or {@code lenet}, a data set, epochs, seeds, the directory of the data,
 * then any of the rows {@code djl fp32 bf16 torch-cpu fp16 fp16-high lns8-madam fp32-madam}.
 */
public final class DjlExamples {
  private static final int BATCH = 64;

  private DjlExamples() {}

  /**
   * Trains.
   *
   * @throws IllegalArgumentException if an argument is none of those, or the data cannot be read
   */
  public static void main(String[] arguments) throws Exception {
    if (arguments.length < 6) {
      throw new IllegalArgumentException(
          "arguments: mlp|lenet DATASET EPOCHS SEEDS DIRECTORY ROW..., expected six or more");
    }
    String network = arguments[0];
    Dataset data =
        Datasets.load(arguments[1], DataLocator.of(Path.of(arguments[4]), System.err::println));
    int epochs = Integer.parseInt(arguments[2]);
    int seeds = Integer.parseInt(arguments[3]);
    System.out.print(AmpDjl.capabilities());
    for (int r = 5; r < arguments.length; r++) {
      double sum = 0;
      StringBuilder each = new StringBuilder();
      long nanos = 0;
      String notes = "";
      for (int seed = 1; seed <= seeds; seed++) {
        long start = System.nanoTime();
        Run run = run(arguments[r], network, data, epochs, seed);
        nanos += System.nanoTime() - start;
        sum += run.accuracy;
        each.append(String.format(Locale.ROOT, " %.2f", run.accuracy));
        notes = run.notes;
      }
      System.out.printf(
          Locale.ROOT,
          "%-6s %-10s %-11s accuracy %.2f %% (%s ) %.1f s/run %s%n",
          network,
          arguments[1],
          arguments[r],
          sum / seeds,
          each,
          nanos / 1e9 / seeds,
          notes);
    }
  }

  private record Run(double accuracy, String notes) {}

  private static @Nullable AmpPolicy policy(String row) {
    return switch (row) {
      case "djl" -> null;
      case "fp32", "fp32-madam" -> AmpPolicy.fp32();
      case "bf16" -> AmpPolicy.bf16();
      case "torch-cpu" -> AmpPolicy.torchCpu();
      case "fp16" -> AmpPolicy.fp16();
      case "fp16-high" -> AmpPolicy.fp16().with(new LossScaling(0x1p30f, 2, 0.5, 2000, 1, 0x1p30f));
      case "lns8-madam" -> AmpPolicy.lns8();
      default ->
          throw new IllegalArgumentException(
              "row = \""
                  + row
                  + "\", expected djl, fp32, bf16, torch-cpu, fp16, fp16-high, fp32-madam or lns8-madam");
    };
  }

  private static Run run(String row, String network, Dataset data, int epochs, int seed)
      throws Exception {
    Optimizer optimizer =
        row.endsWith("madam")
            ? AmpDjl.optimizer(new LnsMadam())
            : Optimizer.sgd()
                .setLearningRateTracker(Tracker.fixed(0.05f))
                .optMomentum(0.9f)
                .build();
    DefaultTrainingConfig config =
        new DefaultTrainingConfig(Loss.softmaxCrossEntropyLoss())
            .optDevices(new Device[] {Device.cpu()})
            .optInitializer(new NormalInitializer(0.05f), Parameter.Type.BIAS)
            .optOptimizer(optimizer);
    int side = (int) Math.round(Math.sqrt(data.train().features()));
    try (Model model = Model.newInstance(network)) {
      model.getNDManager().getEngine().setRandomSeed(seed);
      model.setBlock(network.equals("mlp") ? mlp(data.classes()) : leNet(data.classes(), side));
      AmpPolicy policy = policy(row);
      try (Trainer trainer =
          policy == null ? model.newTrainer(config) : AmpDjl.trainer(model, config, policy)) {
        trainer.initialize(shape(network, BATCH, side));
        ArrayDataset train =
            new ArrayDataset.Builder()
                .setData(images(model.getNDManager(), data.train(), network, side))
                .optLabels(labels(model.getNDManager(), data.train()))
                .setSampling(BATCH, true)
                .build();
        EasyTrain.fit(trainer, epochs, train, null);
        return new Run(100 * accuracy(trainer, data.test(), network, side), notes(trainer));
      }
    }
  }

  private static String notes(Trainer trainer) {
    if (!(trainer instanceof AmpTrainer amp) || amp.scaler().skippedSteps() == 0) {
      return "";
    }
    Optional<StepResult> skip = amp.lastSkip();
    return amp.scaler().skippedSteps() + " skipped; " + skip.map(StepResult::toString).orElse("");
  }

  /** As ai.djl.basicmodelzoo.basic.Mlp. */
  private static Block mlp(int classes) {
    return new SequentialBlock()
        .add(Blocks.batchFlattenBlock())
        .add(Linear.builder().setUnits(128).build())
        .add(Activation.reluBlock())
        .add(Linear.builder().setUnits(64).build())
        .add(Activation.reluBlock())
        .add(Linear.builder().setUnits(classes).build());
  }

  /** LeNet-5 with rectifiers; with less padding the 8 x 8 images would be gone. */
  private static Block leNet(int classes, int side) {
    SequentialBlock block =
        new SequentialBlock()
            .add(conv(6))
            .add(Activation.reluBlock())
            .add(Pool.maxPool2dBlock(new Shape(2, 2), new Shape(2, 2)))
            .add(conv(16))
            .add(Activation.reluBlock());
    if (side > 8) {
      block.add(Pool.maxPool2dBlock(new Shape(2, 2), new Shape(2, 2)));
    }
    return block
        .add(Blocks.batchFlattenBlock())
        .add(Linear.builder().setUnits(120).build())
        .add(Activation.reluBlock())
        .add(Linear.builder().setUnits(84).build())
        .add(Activation.reluBlock())
        .add(Linear.builder().setUnits(classes).build());
  }

  private static Block conv(int filters) {
    return Conv2d.builder()
        .setFilters(filters)
        .setKernelShape(new Shape(5, 5))
        .optPadding(new Shape(2, 2))
        .build();
  }

  private static Shape shape(String network, long batch, int side) {
    return network.equals("mlp")
        ? new Shape(batch, (long) side * side)
        : new Shape(batch, 1, side, side);
  }

  private static NDArray images(NDManager manager, Split split, String network, int side) {
    return manager.create(split.x(), shape(network, split.size(), side));
  }

  private static NDArray labels(NDManager manager, Split split) {
    return manager.create(split.y()).toType(DataType.FLOAT32, false);
  }

  private static double accuracy(Trainer trainer, Split test, String network, int side) {
    try (NDManager manager = trainer.getManager().newSubManager()) {
      NDArray y =
          trainer.evaluate(new NDList(images(manager, test, network, side))).singletonOrThrow();
      NDArray right = y.argMax(1).toType(DataType.FLOAT32, false).eq(labels(manager, test));
      return right.toType(DataType.FLOAT32, false).mean().getFloat();
    }
  }
}
