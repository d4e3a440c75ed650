package dev.narrow.amp.djl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Parameter;
import ai.djl.training.EasyTrain;
import ai.djl.training.Trainer;
import ai.djl.training.initializer.Initializer;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import dev.narrow.amp.AdamW;
import dev.narrow.amp.AmpException;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.LnsMadam;
import dev.narrow.amp.Role;
import dev.narrow.amp.Sgd;
import dev.narrow.formats.RandomBits;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("djl")
class NarrowOptimizerTest {

  private static float[] weights(Model model) {
    return model.getBlock().getParameters().get(0).getValue().getArray().toFloatArray();
  }

  private static float[] steps(Optimizer optimizer, boolean amp) {
    try (Model model = Toy.model(1);
        Trainer trainer =
            amp
                ? AmpDjl.trainer(model, Toy.config(optimizer), AmpPolicy.fp32())
                : model.newTrainer(Toy.config(optimizer))) {
      trainer.initialize(Toy.shape());
      for (int i = 0; i < 10; i++) {
        Toy.backward(trainer, i);
        trainer.step();
      }
      return weights(model);
    }
  }

  @Test
  void sgdMovesAsDjlsUnderBothTrainers() {
    float[] expected =
        steps(
            Optimizer.sgd().optMomentum(0.9f).setLearningRateTracker(Tracker.fixed(0.1f)).build(),
            false);
    assertArrayEquals(
        expected, steps(AmpDjl.optimizer(new Sgd(0.9f), Tracker.fixed(0.1f)), false), 1e-5f);
    assertArrayEquals(
        expected, steps(AmpDjl.optimizer(new Sgd(0.9f), Tracker.fixed(0.1f)), true), 1e-5f);
  }

  @Test
  void theTrackerCountsStepsThatAreMade() {
    Tracker once = n -> n == 0 ? 0.1f : 1e-30f;
    try (Model model = Toy.model(1);
        AmpTrainer trainer =
            AmpDjl.trainer(
                model, Toy.config(AmpDjl.optimizer(new Sgd(0), once)), AmpPolicy.fp32())) {
      trainer.initialize(Toy.shape());
      float[] first = weights(model);
      Toy.train(trainer, 0, 1);
      float[] second = weights(model);
      Toy.train(trainer, 1, 2);
      assertNotEquals(Arrays.toString(first), Arrays.toString(second));
      assertArrayEquals(second, weights(model));
    }
  }

  @Test
  void lnsMadamTrainsInLns8WithParametersInThatFormat() throws Exception {
    AmpPolicy policy = AmpPolicy.lns8();
    try (Model model = Toy.model(1);
        AmpTrainer trainer =
            AmpDjl.trainer(model, Toy.config(AmpDjl.optimizer(new LnsMadam())), policy)) {
      trainer.initialize(Toy.shape());
      EasyTrain.fit(trainer, 12, Toy.data(model.getNDManager()), null);
      assertTrue(Toy.accuracy(trainer) > 0.9f, () -> "accuracy " + Toy.accuracy(trainer));
      Quantizer update = policy.quantizer(Role.UPDATE).orElseThrow();
      float[] values = weights(model);
      Tensor codes = Tensor.of(values.clone(), values.length);
      update.fakeQuantize(codes, update.scales(codes), new RandomBits(0, 0));
      float[] rounded = codes.toFloats();
      for (int i = 0; i < values.length; i++) {
        assertEquals(values[i], rounded[i], Math.abs(values[i]) * 1e-6f);
      }
    }
  }

  @Test
  void aParameterThatStartsAtZeroIsNamed() {
    var config = Toy.config(AmpDjl.optimizer(new LnsMadam()));
    config.optInitializer(Initializer.ZEROS, Parameter.Type.BIAS);
    try (Model model = Toy.model(1);
        AmpTrainer trainer = AmpDjl.trainer(model, config, AmpPolicy.lns8())) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> trainer.initialize(Toy.shape()));
      assertTrue(
          String.valueOf(e.getMessage()).startsWith("01Linear.bias is all zeros"), e::toString);
    }
  }

  @Test
  void leavesOf16BitsHaveMasterCopies() {
    try (Model model = Toy.model(1)) {
      model.setDataType(DataType.FLOAT16);
      NarrowOptimizer adam = AmpDjl.optimizer(new AdamW(0), Tracker.fixed(1e-2f));
      try (AmpTrainer trainer = AmpDjl.trainer(model, Toy.config(adam), AmpPolicy.fp16())) {
        trainer.initialize(Toy.shape());
        NDArray leaf = model.getBlock().getParameters().get(0).getValue().getArray();
        assertEquals(DataType.FLOAT16, leaf.getDataType());
        Toy.train(trainer, 0, 300);
        assertEquals(DataType.FLOAT16, leaf.getDataType());
        assertTrue(Toy.accuracy(trainer) > 0.9f, () -> "accuracy " + Toy.accuracy(trainer));
      }
    }
  }

  @Test
  void leavesOf16BitsNeedOne() {
    try (Model model = Toy.model(1)) {
      model.setDataType(DataType.FLOAT16);
      try (AmpTrainer trainer = AmpDjl.trainer(model, Toy.config(), AmpPolicy.fp16())) {
        AmpException e = assertThrows(AmpException.class, () -> trainer.initialize(Toy.shape()));
        assertTrue(
            String.valueOf(e.getMessage()).contains("01Linear.weight is float16"), e::toString);
      }
    }
  }

  @Test
  void anOptimizerIsOfOneTrainer() {
    NarrowOptimizer optimizer = AmpDjl.optimizer(new Sgd(0.9f));
    for (int i = 0; i < 2; i++) {
      boolean first = i == 0;
      try (Model model = Toy.model(1);
          AmpTrainer trainer = AmpDjl.trainer(model, Toy.config(optimizer), AmpPolicy.bf16())) {
        if (first) {
          trainer.initialize(Toy.shape());
        } else {
          assertThrows(IllegalStateException.class, () -> trainer.initialize(Toy.shape()));
        }
      }
    }
  }
}
