package dev.narrow.amp.djl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Model;
import ai.djl.metric.Metrics;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.LambdaBlock;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.training.EasyTrain;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import dev.narrow.amp.AmpException;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.LayerRule;
import dev.narrow.amp.LossScaling;
import dev.narrow.amp.Overflow;
import dev.narrow.amp.Role;
import dev.narrow.amp.StepResult.Applied;
import dev.narrow.amp.StepResult.Skipped;
import dev.narrow.formats.Formats;
import dev.narrow.quant.Quantizer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("djl")
class AmpTrainerTest {
  private static final int EPOCHS = 4;

  private static AmpPolicy policy(String name) {
    return switch (name) {
      case "bf16" -> AmpPolicy.bf16();
      case "torch-cpu" -> AmpPolicy.torchCpu();
      case "fp16" -> AmpPolicy.fp16();
      case "fp8-hybrid" -> AmpPolicy.fp8Hybrid();
      default -> AmpPolicy.lns8().without(Role.UPDATE);
    };
  }

  /** The accuracy that an unmodified EasyTrain.fit reaches; without a policy with DJL's trainer. */
  private static float fit(Optional<AmpPolicy> policy, DjlOptions options) throws Exception {
    try (Model model = Toy.model(1)) {
      try (Trainer trainer =
          policy.isEmpty()
              ? model.newTrainer(Toy.config())
              : AmpDjl.trainer(model, Toy.config(), policy.get(), options)) {
        trainer.initialize(Toy.shape());
        EasyTrain.fit(trainer, EPOCHS, Toy.data(model.getNDManager()), null);
        return Toy.accuracy(trainer);
      }
    }
  }

  @Test
  void fp32IsWhatDjlItselfDoes() throws Exception {
    float own = fit(Optional.empty(), DjlOptions.defaults());
    assertTrue(own > 0.9f, () -> "accuracy " + own);
    assertEquals(own, fit(Optional.of(AmpPolicy.fp32()), DjlOptions.defaults()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"bf16", "torch-cpu", "fp16", "fp8-hybrid", "lns8"})
  void easyTrainFitsInFewBits(String name) throws Exception {
    float own = fit(Optional.empty(), DjlOptions.defaults());
    float narrow = fit(Optional.of(policy(name)), DjlOptions.defaults());
    assertEquals(own, narrow, 0.01f);
  }

  @ParameterizedTest
  @ValueSource(strings = {"LIBTORCH", "CASTS", "EMULATED"})
  void everyBackendOfFp16Learns(String backend) throws Exception {
    DjlOptions options = DjlOptions.defaults().backend(DjlBackend.valueOf(backend)).allowSlow();
    float own = fit(Optional.empty(), options);
    assertEquals(own, fit(Optional.of(AmpPolicy.fp16()), options), 0.01f);
  }

  @Test
  void fp16RecoversFromTooHighAScaleAndNamesTheParameter() {
    LossScaling high = new LossScaling(0x1p30f, 2, 0.5, 2000, 1, 0x1p30f);
    try (Model model = Toy.model(1);
        AmpTrainer trainer = AmpDjl.trainer(model, Toy.config(), AmpPolicy.fp16().with(high))) {
      trainer.setMetrics(new Metrics());
      trainer.initialize(Toy.shape());
      float[] before = weights(model);
      Skipped skipped = assertInstanceOf(Skipped.class, Toy.train(trainer, 0, 1));
      assertEquals("03Linear", skipped.overflow().layer());
      assertEquals(Overflow.Phase.BACKWARD, skipped.overflow().phase());
      assertEquals(0x1p29f, skipped.nextLossScale());
      assertArrayEquals(before, weights(model), "a skipped step moves nothing");
      assertInstanceOf(Applied.class, Toy.train(trainer, 1, 40));
      assertTrue(trainer.scaler().skippedSteps() > 1);
      assertTrue(trainer.scaler().lossScale() < 0x1p30f);
      assertEquals(40, trainer.getMetrics().getMetric("amp-skipped").size());
      assertTrue(AmpListener.summary(trainer).contains("03Linear."));
      for (float weight : weights(model)) {
        assertTrue(Float.isFinite(weight));
      }
    }
  }

  private static float[] weights(Model model) {
    return model.getBlock().getParameters().get(0).getValue().getArray().toFloatArray();
  }

  @Test
  void aRunHasTheSameBitsTwice() {
    float[] first = trained();
    System.gc(); // what DJL lets go of is gone
    assertArrayEquals(first, trained());
  }

  private static float[] trained() {
    try (Model model = Toy.model(2);
        AmpTrainer trainer =
            AmpDjl.trainer(
                model,
                Toy.config(),
                AmpPolicy.lns8().without(Role.UPDATE),
                DjlOptions.defaults())) {
      trainer.initialize(Toy.shape());
      Toy.train(trainer, 0, 60);
      return weights(model);
    }
  }

  /**
   * Runs one block on ones, backward from the sum of what it returns; the gradient of its weight.
   */
  private static float[] gradient(AmpPolicy policy, LambdaBlock last, int inputs, int units) {
    Block block =
        new SequentialBlock()
            .add(Linear.builder().setUnits(units).optBias(false).build())
            .add(last);
    try (Model model = Toy.model(3, block);
        AmpTrainer trainer = AmpDjl.trainer(model, Toy.config(), policy)) {
      trainer.initialize(new Shape(1, inputs));
      try (NDManager manager = model.getNDManager().newSubManager();
          GradientCollector collector = trainer.newGradientCollector()) {
        NDArray y =
            trainer.forward(new NDList(manager.ones(new Shape(1, inputs)))).singletonOrThrow();
        System.gc();
        collector.backward(y.sum());
      }
      try (NDArray gradient = block.getParameters().get(0).getValue().getArray().getGradient()) {
        return gradient.toFloatArray();
      }
    }
  }

  @Test
  void numbersInBlocksOutliveTheBackwardPass() {
    for (int i = 0; i < 20; i++) {
      LambdaBlock tripled = LambdaBlock.singleton(y -> y.mul(3f).div(2f));
      assertArrayEquals(new float[] {1.5f, 1.5f}, gradient(AmpPolicy.fp32(), tripled, 2, 1));
    }
  }

  @Test
  void castsOfBlocksLetGradientsThrough() {
    LambdaBlock cast =
        LambdaBlock.singleton(
            y -> y.toType(DataType.FLOAT16, false).toType(DataType.FLOAT32, false));
    assertArrayEquals(new float[] {1f}, gradient(AmpPolicy.fp32(), cast, 1, 1));
  }

  @Test
  void gradientsOfActivationsAreRoundedOnTheirWayBack() {
    // dy = (0.3, 5): in e2m1 0.5 and 4 (a tie of 4 and 6, to even), which is what x = 1 multiplies.
    AmpPolicy policy = AmpPolicy.fp32().with(Role.ACTIVATION_GRADIENT, Quantizer.of(Formats.E2M1));
    LambdaBlock weighted =
        LambdaBlock.singleton(
            y -> y.mul(y.getManager().create(new float[] {0.3f, 5f}, new Shape(1, 2))));
    assertArrayEquals(new float[] {0.5f, 4f}, gradient(policy, weighted, 1, 2));
  }

  @Test
  void gradientsOfBranchesThatMeetAddUpBeforeTheyAreRounded() {
    // z + 0.3 z: dz = 1.3, which is 1.5 in e2m1; rounded by themselves they would be 1 and 0.5.
    AmpPolicy policy = AmpPolicy.fp32().with(Role.ACTIVATION_GRADIENT, Quantizer.of(Formats.E2M1));
    LambdaBlock residual =
        LambdaBlock.singleton(
            y -> y.add(y.mul(y.getManager().create(new float[] {0.3f}, new Shape(1, 1)))));
    assertArrayEquals(new float[] {1.5f}, gradient(policy, residual, 1, 1));
  }

  @Test
  void aCutArrayCanBeWrittenTo() {
    AmpPolicy policy =
        AmpPolicy.fp32().with(Role.ACTIVATION_GRADIENT, Quantizer.of(Formats.E4M3FN));
    assertArrayEquals(
        new float[] {2f}, gradient(policy, LambdaBlock.singleton(y -> y.muli(2f).addi(1f)), 1, 1));
  }

  @Test
  void whatIsWrittenIntoOutsideTheGraphIsInIt() {
    AmpPolicy policy =
        AmpPolicy.fp32().with(Role.ACTIVATION_GRADIENT, Quantizer.of(Formats.E4M3FN));
    LambdaBlock into =
        LambdaBlock.singleton(y -> y.getManager().zeros(y.getShape()).addi(y).mul(3f));
    for (int i = 0; i < 20; i++) {
      assertArrayEquals(new float[] {3f}, gradient(policy, into, 1, 1));
    }
  }

  @Test
  void blocksIndexByArraysThatTheyHaveMade() {
    LambdaBlock indexed =
        LambdaBlock.singleton(y -> {
          NDArray large = y.gt(0f).logicalOr(y.lte(0f)); // all of them
          NDArray first = y.get(new NDIndex("{}", large)); // in one axis
          NDArray doubled = y.mul(2f);
          doubled.set(new NDIndex("{}", y.argMax(0)), 7f); // the only row
          return first.add(doubled.flatten());
        });
    assertArrayEquals(new float[] {1f}, gradient(AmpPolicy.fp32(), indexed, 1, 1));
  }

  @Test
  void rulesAreOfBlocks() {
    var rule =
        new LayerRule(
            "01Linear", Map.of(Role.WEIGHT_GRADIENT, Optional.of(Quantizer.of(Formats.E2M1))), "");
    LambdaBlock weighted = LambdaBlock.singleton(y -> y.mul(0.3f));
    assertArrayEquals(new float[] {0.5f}, gradient(AmpPolicy.fp32().with(rule), weighted, 1, 1));
    var other = new LayerRule("02Linear", rule.formats(), "");
    assertArrayEquals(new float[] {0.3f}, gradient(AmpPolicy.fp32().with(other), weighted, 1, 1));
  }

  @Test
  void aBannedOperationIsRefused() {
    AmpPolicy policy = AmpPolicy.parse("amp 1\nbanned erfinv \"use another\"\n");
    AmpException e =
        assertThrows(
            AmpException.class,
            () -> gradient(policy, LambdaBlock.singleton(NDArray::erfinv), 1, 1));
    assertTrue(String.valueOf(e.getMessage()).contains("use another"), e::toString);
  }

  @Test
  void gradientsOfMicroBatchesAddUpAndTheCulpritIsNamed() {
    try (Model model = Toy.model(1);
        AmpTrainer trainer = AmpDjl.trainer(model, Toy.config(), AmpPolicy.bf16())) {
      trainer.initialize(Toy.shape());
      Toy.backward(trainer, 0);
      try (NDManager manager = model.getNDManager().newSubManager();
          GradientCollector collector = trainer.newGradientCollector()) {
        NDArray y = trainer.forward(new NDList(manager.ones(Toy.shape()))).singletonOrThrow();
        NDArray infinite = manager.full(new Shape(1), Float.POSITIVE_INFINITY);
        collector.backward(y.mul(infinite).sum());
      }
      Toy.backward(trainer, 1);
      Skipped skipped = assertInstanceOf(Skipped.class, trainer.stepAmp());
      assertEquals(2, skipped.overflow().microBatch());
      assertInstanceOf(
          Applied.class, Toy.train(trainer, 2, 3), "zeros are put there, not inf - inf");
    }
  }

  @Test
  void gradientsAreClippedOnBothSides() {
    float[] moved = new float[2];
    for (int i = 0; i < 2; i++) {
      Block block = Linear.builder().setUnits(1).optBias(false).build();
      try (Model model = Toy.model(1, block);
          AmpTrainer trainer =
              AmpDjl.trainer(
                  model, Toy.config(), AmpPolicy.fp32(), DjlOptions.defaults().clipValue(1))) {
        trainer.initialize(new Shape(1, 1));
        float before = weights(model)[0];
        try (NDManager manager = model.getNDManager().newSubManager();
            GradientCollector collector = trainer.newGradientCollector()) {
          NDArray x = manager.full(new Shape(1, 1), i == 0 ? 100f : -100f);
          collector.backward(trainer.forward(new NDList(x)).singletonOrThrow().sum());
        }
        trainer.step();
        moved[i] = weights(model)[0] - before;
      }
    }
    assertArrayEquals(new float[] {-0.1f, 0.1f}, moved, 1e-6f);
  }

  @Test
  void aStepNeedsABackwardPass() {
    try (Model model = Toy.model(1);
        AmpTrainer trainer = AmpDjl.trainer(model, Toy.config(), AmpPolicy.bf16())) {
      IllegalStateException e = assertThrows(IllegalStateException.class, trainer::step);
      assertTrue(String.valueOf(e.getMessage()).contains("backward"), e::toString);
      NDList input = new NDList(model.getNDManager().ones(Toy.shape()));
      assertThrows(IllegalStateException.class, () -> trainer.forward(input));
      trainer.initialize(Toy.shape());
      assertEquals(List.of(4L), List.of(trainer.forward(input).singletonOrThrow().size(1)));
    }
  }
}
