package dev.narrow.repro.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Blocks;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.pooling.Pool;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import dev.narrow.repro.data.Dataset;
import dev.narrow.repro.data.Split;
import java.util.Arrays;

/**
 * Digits by the MLP of DJL's first tutorial (ai.djl.basicmodelzoo.basic.Mlp with 128 and 64 hidden
 * units) or by LeNet as in DJL's Dive into Deep Learning, with rectifiers.
 *
 * @param convolutional whether it is LeNet
 * @param train what is trained on
 * @param test what is tested on
 */
record DigitsExample(
    Source source, boolean convolutional, int side, int classes, Split train, Split test)
    implements DjlExample {
  private static final int TESTED = 1000; // at a time

  /** The network on the first so many samples of a data set. */
  static DigitsExample of(Dataset data, boolean convolutional, int mostSamples) {
    if (data.width() != data.height()) {
      throw new IllegalArgumentException(data.name() + " has images that are not square");
    }
    return new DigitsExample(
        new Source(data.name(), data.digest(), data.source()),
        convolutional,
        data.width(),
        data.classes(),
        first(data.train(), mostSamples),
        first(data.test(), mostSamples));
  }

  private static Split first(Split split, int most) {
    int n = Math.min(split.size(), most);
    return new Split(
        Arrays.copyOf(split.x(), n * split.features()),
        Arrays.copyOf(split.y(), n),
        split.features());
  }

  @Override
  public String network() {
    return convolutional ? "LeNet" : "MLP, 128 and 64 hidden units";
  }

  @Override
  public String judged() {
    return "test images";
  }

  @Override
  public int trainSamples() {
    return train.size();
  }

  @Override
  public Block block() {
    return convolutional ? leNet() : mlp();
  }

  private Block mlp() {
    return new SequentialBlock()
        .add(Blocks.batchFlattenBlock())
        .add(Linear.builder().setUnits(128).build())
        .add(Activation.reluBlock())
        .add(Linear.builder().setUnits(64).build())
        .add(Activation.reluBlock())
        .add(Linear.builder().setUnits(classes).build());
  }

  /** With less padding and a second pooling the 8 x 8 images would be gone. */
  private Block leNet() {
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

  @Override
  public Loss loss() {
    return Loss.softmaxCrossEntropyLoss();
  }

  @Override
  public Shape[] shapes() {
    return new Shape[] {shape(batch())};
  }

  private Shape shape(long batch) {
    return new Shape(batch, 1, side, side);
  }

  @Override
  public ArrayDataset training(NDManager manager) {
    return new ArrayDataset.Builder()
        .setData(manager.create(train.x(), shape(train.size())))
        .optLabels(manager.create(train.y()).toType(DataType.FLOAT32, false))
        .setSampling(batch(), true)
        .build();
  }

  @Override
  public Optimizer optimizer(Tracker rate) {
    return Optimizer.sgd().setLearningRateTracker(rate).optMomentum(0.9f).build();
  }

  @Override
  public float learningRate() {
    return 0.05f;
  }

  @Override
  public float madamRate() {
    return 0x1p-5f;
  }

  @Override
  public Score test(Trainer trainer) {
    float[] logits = new float[test.size() * classes];
    int features = test.features();
    for (int from = 0; from < test.size(); from += TESTED) {
      int n = Math.min(TESTED, test.size() - from);
      try (NDManager manager = trainer.getManager().newSubManager()) {
        float[] x = Arrays.copyOfRange(test.x(), from * features, (from + n) * features);
        NDArray y = trainer.evaluate(new NDList(manager.create(x, shape(n)))).singletonOrThrow();
        System.arraycopy(y.toFloatArray(), 0, logits, from * classes, n * classes);
      }
    }
    return Score.of(logits, test.y());
  }
}
