package dev.narrow.repro.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.transformer.BertBlock;
import ai.djl.nn.transformer.BertPretrainingBlock;
import ai.djl.nn.transformer.BertPretrainingLoss;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.training.initializer.Initializer;
import ai.djl.training.initializer.TruncatedNormalInitializer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import dev.narrow.repro.data.Sha256;
import dev.narrow.repro.data.TinyShakespeare;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * Masked characters of a text, and whether one piece of it follows another, by DJL's {@code
 * BertPretrainingBlock} and its loss, put together as DJL's example TrainBertOnCode does; smaller
 * than the smallest configuration there.
 *
 * @param train what is trained on
 * @param test what is tested on
 */
record BertExample(Source source, MaskedText train, MaskedText test) implements DjlExample {
  private static final int WIDTH = 32;
  private static final int BLOCKS = 2;
  private static final int HEADS = 2;
  private static final int TESTED = 2000; // samples
  private static final int AT_A_TIME = 100; // of those

  /** The samples of a text, whose last tenth is tested on. */
  static BertExample of(String text, DjlConfig config) {
    int cut = text.length() / 10 * 9;
    return new BertExample(
        new Source(
            TinyShakespeare.NAME,
            Sha256.of(text.getBytes(StandardCharsets.UTF_8)),
            TinyShakespeare.SOURCE),
        new MaskedText(text, 0, cut, config.samples(), 0),
        new MaskedText(text, cut, text.length(), Math.min(config.samples(), TESTED), 1));
  }

  @Override
  public String network() {
    return "BERT, %d blocks of width %d, %d heads, %d characters"
        .formatted(BLOCKS, WIDTH, HEADS, MaskedText.LENGTH);
  }

  @Override
  public String judged() {
    return "masked characters of the text's last tenth";
  }

  @Override
  public int trainSamples() {
    return train.samples();
  }

  @Override
  public int batch() {
    return 16;
  }

  @Override
  public Block block() {
    return new BertPretrainingBlock(
        BertBlock.builder()
            .nano()
            .optEmbeddingSize(WIDTH)
            .optHiddenSize(4 * WIDTH)
            .optTransformerBlockCount(BLOCKS)
            .optAttentionHeadCount(HEADS)
            .optMaxSequenceLength(MaskedText.LENGTH)
            .setTokenDictionarySize(train.vocabulary()));
  }

  @Override
  public Loss loss() {
    return new BertPretrainingLoss();
  }

  @Override
  public Shape[] shapes() {
    Shape sequences = new Shape(batch(), MaskedText.LENGTH);
    return new Shape[] {sequences, sequences, sequences, new Shape(batch(), MaskedText.MASKED)};
  }

  @Override
  public ArrayDataset training(NDManager manager) {
    int n = train.samples();
    return new ArrayDataset.Builder()
        .setData(inputs(manager, train, 0, n).toArray(new NDArray[0]))
        .optLabels(
            manager.create(train.follows(0, n)),
            manager.create(train.labels(0, n), new Shape(n, MaskedText.MASKED)),
            manager.ones(new Shape(n, MaskedText.MASKED)))
        .setSampling(batch(), true)
        .build();
  }

  private static NDList inputs(NDManager manager, MaskedText text, int from, int to) {
    Shape sequences = new Shape(to - from, MaskedText.LENGTH);
    long[] all = new long[(to - from) * MaskedText.LENGTH];
    Arrays.fill(all, 1);
    return new NDList(
        manager.create(text.tokens(from, to), sequences),
        manager.create(MaskedText.types(to - from), sequences),
        manager.create(all, sequences),
        manager.create(text.masked(from, to), new Shape(to - from, MaskedText.MASKED)));
  }

  @Override
  public Optimizer optimizer(Tracker rate) {
    return Optimizer.adam().optLearningRateTracker(rate).build();
  }

  @Override
  public float learningRate() {
    return 5e-3f;
  }

  @Override
  public float madamRate() {
    return 0x1p-6f;
  }

  @Override
  public Optional<Initializer> weights() { // as TrainBertOnCode
    return Optional.of(new TruncatedNormalInitializer(0.02f));
  }

  @Override
  public Initializer biases() {
    return new TruncatedNormalInitializer(0.02f);
  }

  @Override
  public Score test(Trainer trainer) {
    int classes = test.vocabulary();
    int n = test.samples();
    float[] logits = new float[n * MaskedText.MASKED * classes];
    int at = 0;
    for (int from = 0; from < n; from += AT_A_TIME) {
      try (NDManager manager = trainer.getManager().newSubManager()) {
        NDList y = trainer.evaluate(inputs(manager, test, from, Math.min(n, from + AT_A_TIME)));
        float[] some = y.get(1).toFloatArray();
        System.arraycopy(some, 0, logits, at, some.length);
        at += some.length;
      }
    }
    long[] labels = test.labels(0, n);
    int[] expected = new int[labels.length];
    for (int i = 0; i < labels.length; i++) {
      expected[i] = Math.toIntExact(labels[i]);
    }
    return Score.of(logits, expected);
  }
}
