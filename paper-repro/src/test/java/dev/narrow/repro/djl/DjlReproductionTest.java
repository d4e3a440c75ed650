package dev.narrow.repro.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.repro.Experiments;
import dev.narrow.repro.RunListener;
import dev.narrow.repro.Scale;
import dev.narrow.repro.data.DataLocator;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The examples of DJL at smoke scale, on data that need no file. */
@Tag("djl")
class DjlReproductionTest {
  @TempDir Path directory;

  private static final class Heard implements RunListener {
    private final List<String> fresh = new ArrayList<>();
    private int stored;

    @Override
    public void finished(String run, double accuracy, double seconds, boolean wasStored) {
      if (wasStored) {
        stored++;
      } else {
        fresh.add(run);
      }
    }

    @Override
    public void close() {}
  }

  private DjlReproduction run(String experiment, Heard heard) throws Exception {
    assertEquals(Optional.empty(), DjlPresence.missing());
    return DjlReproduction.run(
        experiment,
        List.of("glyphs"),
        DataLocator.of(null, notice -> {}),
        Scale.SMOKE,
        null,
        directory,
        total -> heard,
        "repro " + experiment);
  }

  @ParameterizedTest
  @ValueSource(strings = {"mlp", "lenet"})
  void anExampleIsTrainedAndReported(String example) throws Exception {
    String experiment = Experiments.DJL + example;
    Heard heard = new Heard();
    String first = run(experiment, heard).json();
    int cells = 2 * DjlArm.all().size();
    assertEquals(cells, heard.fresh.size());
    String report = Files.readString(directory.resolve("report.md"));
    for (DjlArm arm : DjlArm.all()) {
      assertTrue(report.contains(arm.name()), arm.name());
    }
    assertTrue(report.contains("Holds: fp32, wrapped gives the same accuracy and loss"), report);
    assertTrue(report.contains("a skip: "), "fp16 names what was to blame");

    Heard again = new Heard();
    assertEquals(first, run(experiment, again).json());
    assertEquals(cells, again.stored, "finished runs are used again");
  }

  @Test
  void bertIsTrained() throws Exception {
    assertEquals(Optional.empty(), DjlPresence.missing());
    String text = "to be or not to be, that is the question: ".repeat(100);
    BertExample example = BertExample.of(text, new DjlConfig(1, 1, 160));
    DjlRun own = DjlRun.train(example, DjlArm.all().getFirst(), 1, 0);
    for (DjlArm arm : DjlArm.all()) {
      DjlRun run = DjlRun.train(example, arm, 1, 0);
      assertTrue(Double.isFinite(run.loss()), arm.name());
      if (arm.most() == 0) {
        assertEquals(own, run);
      }
      assertEquals(arm.name().equals(DjlArm.FP16), run.skippedSteps() > 0, arm.name());
    }
  }
}
