package dev.narrow.amp.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.training.GradientCollector;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Role;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("djl")
class NativeMemoryTest {
  private static final int WARM = 1000;
  private static final int STEPS = 2000;
  // One array of 32 x 64 floats that is left behind in each step would be 16 MiB.
  private static final long SLACK_KIB = 4 << 10;

  /** Trains, and prints by how many KiB the process has grown after the warm-up. */
  static final class Train {
    public static void main(String[] arguments) throws Exception {
      AmpPolicy policy =
          arguments[0].equals("bf16")
              ? AmpPolicy.torchCpu()
              : AmpPolicy.lns8().without(Role.UPDATE);
      try (Model model = Toy.model(1);
          AmpTrainer trainer = AmpDjl.trainer(model, Toy.config(), policy)) {
        trainer.initialize(Toy.shape());
        NDArray x = Toy.samples(model.getNDManager()).get("0:" + Toy.BATCH).duplicate();
        NDArray labels = Toy.labels(x);
        train(trainer, x, labels, WARM);
        long warm = residentKib();
        train(trainer, x, labels, STEPS);
        System.out.println(residentKib() - warm);
      }
    }

    private static void train(AmpTrainer trainer, NDArray x, NDArray labels, int steps) {
      for (int i = 0; i < steps; i++) {
        try (NDManager batch = trainer.getManager().newSubManager();
            GradientCollector collector = trainer.newGradientCollector()) {
          NDArray input = x.duplicate();
          input.attach(batch);
          NDArray target = labels.duplicate();
          target.attach(batch);
          NDArray y = trainer.forward(new NDList(input)).singletonOrThrow();
          NDArray loss = trainer.getLoss().evaluate(new NDList(target), new NDList(y));
          collector.backward(loss);
        }
        trainer.step();
      }
    }

    private static long residentKib() throws Exception {
      System.gc();
      return Files.readAllLines(Path.of("/proc/self/status")).stream()
          .filter(line -> line.startsWith("RssAnon:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
          .findFirst()
          .orElseThrow();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"bf16", "lns8"})
  void twoThousandStepsDoNotGrow(String policy) throws Exception {
    ChildJvm.Result result = ChildJvm.run(Train.class, policy);
    assertEquals(0, result.exitCode(), result::output);
    long grown = Long.parseLong(result.lastLine());
    System.out.println("growth over 2000 steps under " + policy + ": " + grown + " KiB");
    assertTrue(grown < SLACK_KIB, () -> grown + " KiB");
  }
}
