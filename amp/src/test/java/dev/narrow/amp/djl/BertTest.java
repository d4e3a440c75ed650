package dev.narrow.amp.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.nn.transformer.BertBlock;
import ai.djl.nn.transformer.BertPretrainingBlock;
import ai.djl.nn.transformer.BertPretrainingLoss;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.initializer.TruncatedNormalInitializer;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Role;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** DJL's BERT: embeddings, attention with masks, two losses, a weight that is used twice. */
@Tag("djl")
class BertTest {
  private static final int BATCH = 4;
  private static final int LENGTH = 12;
  private static final int MASKED = 3;
  private static final int TOKENS = 20;
  private static final int STEPS = 15;

  /** The losses of some steps, on the same batch. */
  private static List<Float> losses(Model model, Trainer trainer) {
    Shape sequences = new Shape(BATCH, LENGTH);
    trainer.initialize(sequences, sequences, sequences, new Shape(BATCH, MASKED));
    List<Float> losses = new ArrayList<>();
    for (int step = 0; step < STEPS; step++) {
      try (NDManager manager = trainer.getManager().newSubManager();
          GradientCollector collector = trainer.newGradientCollector()) {
        NDArray tokens = manager.arange(BATCH * LENGTH).mod(TOKENS).toType(DataType.INT64, false);
        NDArray places = manager.arange(MASKED).toType(DataType.INT64, false).tile(BATCH);
        NDArray input = tokens.reshape(sequences);
        NDList y =
            trainer.forward(
                new NDList(
                    input,
                    manager.zeros(sequences, DataType.INT64),
                    manager.ones(sequences, DataType.INT64),
                    places.reshape(BATCH, MASKED)));
        NDList labels =
            new NDList(
                manager.zeros(new Shape(BATCH), DataType.INT64),
                input.get(":, 0:" + MASKED),
                manager.ones(new Shape(BATCH, MASKED)));
        NDArray loss = trainer.getLoss().evaluate(labels, y);
        collector.backward(loss);
        losses.add(loss.getFloat());
      }
      if (step == 0) {
        model.getBlock().getParameters().stream()
            .forEach(one -> requireGradient(one.getKey(), one.getValue()));
      }
      trainer.step();
    }
    return losses;
  }

  private static void requireGradient(String name, Parameter parameter) {
    if (parameter.requiresGradient() && parameter.getType() == Parameter.Type.WEIGHT) {
      try (NDArray gradient = parameter.getArray().getGradient()) {
        assertTrue(gradient.abs().sum().getFloat() > 0, name);
      }
    }
  }

  private static Model model() {
    return Toy.model(
        1,
        new BertPretrainingBlock(
            BertBlock.builder()
                .nano()
                .optEmbeddingSize(16)
                .optHiddenSize(32)
                .optTransformerBlockCount(2)
                .optAttentionHeadCount(2)
                .optMaxSequenceLength(LENGTH)
                .setTokenDictionarySize(TOKENS)));
  }

  private static DefaultTrainingConfig config() {
    return new DefaultTrainingConfig(new BertPretrainingLoss())
        .optDevices(Toy.config().getDevices())
        .optInitializer(new TruncatedNormalInitializer(0.02f), Parameter.Type.WEIGHT)
        .optOptimizer(Optimizer.adam().optLearningRateTracker(Tracker.fixed(1e-2f)).build());
  }

  private static List<Float> own() {
    try (Model model = model();
        Trainer trainer = model.newTrainer(config())) {
      return losses(model, trainer);
    }
  }

  private static List<Float> under(AmpPolicy policy, DjlOptions options) {
    try (Model model = model();
        Trainer trainer = AmpDjl.trainer(model, config(), policy, options)) {
      return losses(model, trainer);
    }
  }

  @Test
  void inFp32ItIsWhatDjlDoes() {
    assertEquals(own(), under(AmpPolicy.fp32(), DjlOptions.defaults()));
  }

  @ParameterizedTest
  @CsvSource({
    "torch-cpu, LIBTORCH",
    "bf16, LIBTORCH",
    "bf16, EMULATED",
    "fp16, LIBTORCH",
    "fp16, CASTS",
    "fp16, EMULATED",
    "fp8-hybrid, EMULATED",
    "lns8, EMULATED"
  })
  void itLearnsInFewBits(String name, String backend) {
    AmpPolicy policy =
        switch (name) {
          case "torch-cpu" -> AmpPolicy.torchCpu();
          case "bf16" -> AmpPolicy.bf16();
          case "fp16" -> AmpPolicy.fp16();
          case "fp8-hybrid" -> AmpPolicy.fp8Hybrid();
          default -> AmpPolicy.lns8().without(Role.UPDATE);
        };
    List<Float> own = own();
    List<Float> narrow =
        under(policy, DjlOptions.defaults().backend(DjlBackend.valueOf(backend)).allowSlow());
    assertEquals(own.getFirst(), narrow.getFirst(), 0.01f * own.getFirst());
    assertEquals(own.getLast(), narrow.getLast(), 0.1f * own.getFirst());
    assertTrue(narrow.getLast() < 0.7f * narrow.getFirst(), narrow::toString);
  }
}
