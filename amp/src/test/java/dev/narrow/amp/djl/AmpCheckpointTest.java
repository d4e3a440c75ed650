package dev.narrow.amp.djl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Model;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.nn.norm.Dropout;
import ai.djl.training.tracker.Tracker;
import ai.djl.util.Pair;
import dev.narrow.amp.AdamW;
import dev.narrow.amp.AmpException;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.LossScaling;
import dev.narrow.amp.Role;
import dev.narrow.formats.Formats;
import dev.narrow.formats.Rounding;
import dev.narrow.quant.Quantizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("djl")
class AmpCheckpointTest {
  private static final int STEPS = 12;
  private static final int CUT = 7;

  @TempDir Path directory;

  /** Dropout, running means, stochastic rounding and moments: all that a run could forget. */
  private static Model model() {
    return Toy.model(
        1,
        new SequentialBlock()
            .add(Linear.builder().setUnits(32).build())
            .add(BatchNorm.builder().build())
            .add(Dropout.builder().optRate(0.3f).build())
            .add(Linear.builder().setUnits(Toy.CLASSES).build()));
  }

  private static AmpTrainer trainer(Model model, long seed) {
    Quantizer random = Quantizer.of(Formats.FP16).with(Rounding.stochastic(8));
    AmpTrainer trainer =
        AmpDjl.trainer(
            model,
            Toy.config(AmpDjl.optimizer(new AdamW(0), Tracker.fixed(1e-2f))),
            AmpPolicy.fp16()
                .with(Role.ACTIVATION, random)
                .with(Role.UPDATE, random)
                .with(
                    new LossScaling(1024, 2, 0.5, 3, 1, 0x1p24f)), // it grows at steps 3, 6, 9, 12
            DjlOptions.defaults().seed(seed));
    trainer.initialize(Toy.shape());
    return trainer;
  }

  private static List<float[]> parameters(Model model) {
    List<float[]> all = new ArrayList<>();
    for (Pair<String, ai.djl.nn.Parameter> one : model.getBlock().getParameters()) {
      all.add(one.getValue().getArray().toFloatArray());
    }
    return all;
  }

  @Test
  void aResumedRunEqualsOneThatWasNotInterrupted() throws IOException {
    Path file = directory.resolve("run.safetensors");
    List<float[]> expected;
    float scale;
    try (Model model = model();
        AmpTrainer trainer = trainer(model, 5)) {
      Toy.train(trainer, 0, CUT);
      trainer.save(file, false);
      Toy.train(trainer, CUT, STEPS);
      expected = parameters(model);
      scale = trainer.scaler().lossScale();
      assertEquals(16 * 1024, scale);
    }
    try (Model model = model();
        AmpTrainer trainer = trainer(model, 5)) {
      Toy.train(trainer, 3, 5); // something else
      trainer.load(file);
      assertEquals(CUT, trainer.scaler().appliedSteps());
      Toy.train(trainer, CUT, STEPS);
      assertEquals(scale, trainer.scaler().lossScale());
      List<float[]> resumed = parameters(model);
      for (int i = 0; i < expected.size(); i++) {
        assertArrayEquals(expected.get(i), resumed.get(i), "parameter " + i);
      }
    }
  }

  @Test
  void aFileOfAnotherSeedIsRefusedAndNothingHasChanged() throws IOException {
    Path file = directory.resolve("run.safetensors");
    try (Model model = model();
        AmpTrainer trainer = trainer(model, 5)) {
      trainer.save(file, false);
      assertThrows(IOException.class, () -> trainer.save(file, false));
      trainer.save(file, true);
    }
    try (Model model = model();
        AmpTrainer trainer = trainer(model, 6)) {
      Toy.train(trainer, 0, 1);
      List<float[]> before = parameters(model);
      AmpException e = assertThrows(AmpException.class, () -> trainer.load(file));
      assertTrue(String.valueOf(e.getMessage()).contains("seed = 5, expected 6"), e::toString);
      assertArrayEquals(before.getFirst(), parameters(model).getFirst());
      Files.write(file, new byte[] {1, 2, 3});
      assertThrows(RuntimeException.class, () -> trainer.load(file));
    }
  }

  @Test
  void itIsBetweenSteps() {
    try (Model model = model();
        AmpTrainer trainer = trainer(model, 5)) {
      Toy.backward(trainer, 0);
      Path file = directory.resolve("half.safetensors");
      assertThrows(IllegalStateException.class, () -> trainer.save(file, false));
    }
  }

  @Test
  void momentsOfDjlsOwnOptimizersCannotBeSeen() {
    try (Model model = Toy.model(1);
        AmpTrainer trainer = AmpDjl.trainer(model, Toy.config(), AmpPolicy.bf16())) {
      trainer.initialize(Toy.shape());
      Path file = directory.resolve("none.safetensors");
      AmpException e = assertThrows(AmpException.class, () -> trainer.save(file, false));
      assertTrue(String.valueOf(e.getMessage()).contains("AmpDjl.optimizer"), e::toString);
    }
  }
}
