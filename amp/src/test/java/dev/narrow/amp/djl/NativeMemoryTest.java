package dev.narrow.amp.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Model;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Role;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("djl")
class NativeMemoryTest {
  private static final int WARM = 500;
  private static final int STEPS = 2000;
  // One array of 32 x 64 floats that is left behind in each step would be 12 MiB.
  private static final long SLACK_KIB = 6 << 10;

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
        Toy.train(trainer, 0, WARM);
        long warm = residentKib();
        Toy.train(trainer, WARM, STEPS);
        System.out.println(residentKib() - warm);
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
    System.out.println("growth over 1500 steps under " + policy + ": " + grown + " KiB");
    assertTrue(grown < SLACK_KIB, () -> grown + " KiB");
  }
}
