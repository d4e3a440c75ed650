package dev.narrow.amp.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.GradScaler;
import dev.narrow.amp.Optimizer;
import dev.narrow.amp.Role;
import dev.narrow.amp.Sgd;
import dev.narrow.amp.StepResult;
import dev.narrow.formats.Formats;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SavedStepTest {
  private static final Backend CPU = Backend.cpu(1);
  private static final int[] LABELS = {0, 1, 2, 3, 0, 1};

  /** fp16 with stochastic rounding of activations: a step is worth nothing without its bits. */
  private static final AmpPolicy POLICY =
      AmpPolicy.fp16()
          .with(Role.ACTIVATION, Quantizer.of(Formats.FP16).with(Rounding.stochastic(8)));

  @TempDir Path directory;

  private static Tensor x(int step) {
    float[] x = new float[6 * 2 * 6 * 6];
    RandomBits random = new RandomBits(5, step);
    for (int i = 0; i < x.length; i++) {
      x[i] = random.word(i) * 0x1p-31f;
    }
    return Tensor.of(x, 6, 2, 6, 6);
  }

  private static Layer body() {
    return Networks.residual(4, 2, 4, 3);
  }

  /** Trains until a step is skipped, and saves it; the gradients of that step. */
  private List<float[]> trainUntilSkipped(Path file) throws IOException {
    Network network = new Network(Autocast.with(POLICY).on(CPU).seed(11), body());
    Optimizer sgd =
        Optimizer.of(CPU, new Sgd(0.9f), 0.1f, network.parameters(), AmpPolicy.fp32(), 1);
    GradScaler scaler = GradScaler.of(POLICY);
    for (int step = 0; step < 100; step++) {
      float scale = step == 7 ? 0x1p40f : 1f; // a loss gone wrong
      network.backpropagate(x(step), LABELS, scaler.lossScale() * scale);
      List<float[]> gradients =
          network.parameters().stream().map(p -> p.gradient().toFloats()).toList();
      float used = scaler.lossScale() * scale;
      if (step >= 7 && scaler.step(network.gradients(), sgd::step) instanceof StepResult.Skipped) {
        network.forward(x(0)); // a region more, which is not the step
        SavedStep.of(network, x(step), LABELS, used).save(file, false);
        return gradients;
      } else if (step < 7) {
        scaler.step(network.gradients(), sgd::step);
      }
    }
    throw new AssertionError("no step was skipped");
  }

  @Test
  void aStepThatWentWrongComesOutAgainBitForBit() throws IOException {
    Path file = directory.resolve("step.safetensors");
    List<float[]> expected = trainUntilSkipped(file);
    SavedStep saved = SavedStep.load(file);
    assertEquals(7, saved.step());
    assertEquals(POLICY, saved.policy());
    TreeSet<String> seen = new TreeSet<>();
    SavedStep.Replayed replayed =
        saved.replay(body(), Backend.cpu(3), cast -> seen.add(cast.layer()));
    for (int p = 0; p < expected.size(); p++) {
      assertArrayEquals(
          expected.get(p), replayed.network().parameters().get(p).gradient().toFloats());
    }
    assertEquals("[logits, stage1.conv1, stage1.conv2, stage1.in]", seen.toString());
  }

  @Test
  void anotherNetworkOrFileIsRefused() throws IOException {
    Path file = directory.resolve("step.safetensors");
    trainUntilSkipped(file);
    SavedStep saved = SavedStep.load(file);
    var error =
        assertThrows(
            IllegalArgumentException.class, () -> saved.replay(Networks.mlp(1, 2, 2), CPU, null));
    assertTrue(error.toString().contains("body has the values [fc1.weight"), error.toString());
    assertThrows(IOException.class, () -> saved.save(file, false));
    Files.write(file, new byte[100]);
    assertThrows(RuntimeException.class, () -> SavedStep.load(file));
  }
}
