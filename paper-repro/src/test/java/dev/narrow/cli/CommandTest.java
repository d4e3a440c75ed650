package dev.narrow.cli;

import static dev.narrow.cli.Narrow.assertRefused;
import static dev.narrow.cli.Narrow.narrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.cli.Narrow.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command as its user sees it: output, messages, exit codes. */
class CommandTest {
  @Test
  void mistakesAreNamedInOneLineWithTheNearestNames() {
    assertRefused("unknown experiment 'first-tabel', expected first-table", "repro", "first-tabel");
    assertRefused(
        "unknown data set 'glyph', expected one of glyphs", "repro", "--dataset", "glyph");
    assertRefused("--out is empty", "repro", "--out", "");
    assertRefused("--data is empty", "repro", "--data", "");
    assertRefused("--seeds = 1, expected 2 to 1000", "repro", "--seeds", "1");
    assertRefused("--seeds", "repro", "--sedes", "3");
    assertRefused("--scale", "repro", "--scale", "huge");
    assertRefused("Unmatched argument", "fromats", "x");
  }

  @Test
  void dataThatIsNotThereIsNamed(@TempDir Path empty) {
    assertRefused("optdigits.tra", "repro", "--dataset", "optdigits", "--data", empty.toString());
    assertRefused(
        "directory", "repro", "--dataset", "mnist", "--data", empty.resolve("no").toString());
  }

  @Test
  void aFileInTheWayOfTheOutputIsNamed(@TempDir Path directory) throws Exception {
    Path file = Files.writeString(directory.resolve("taken"), "");
    assertRefused("taken is a file, expected a directory", "repro", "--out", file.toString());
  }

  @Test
  void experimentsAreListed() {
    String list = narrow("repro", "--list").out();
    for (String name : new String[] {"first-table", "djl-mlp", "djl-lenet", "djl-bert"}) {
      assertTrue(list.contains(name), name);
    }
  }

  /** The library of PyTorch is on the class path of no test but those that need it. */
  @Test
  void whatAnExperimentNeedsIsSaid() {
    assertRefused(
        "djl-bert needs Deep Java Library with PyTorch, which is not on the class path: mvn -Pdjl",
        "repro",
        "djl-bert");
  }

  /** The whole main job at smoke scale: what it writes, that it resumes, and that it repeats. */
  @Test
  void theMainJobRunsResumesAndRepeats(@TempDir Path directory) throws Exception {
    Path first = directory.resolve("first");
    Outcome outcome = narrow("repro", "--scale", "smoke", "--out", first.toString());
    assertEquals(0, outcome.exit(), outcome.err());
    assertTrue(outcome.out().contains("LNS8, LNS-Madam"), outcome.out());
    assertTrue(outcome.err().contains("16/16 "), outcome.err());
    for (String file : new String[] {"report.md", "report.html", "results.json", "run.json"}) {
      assertTrue(Files.size(first.resolve(file)) > 500, file);
    }
    String page = Files.readString(first.resolve("report.html"));
    assertTrue(page.contains("<svg"), "plots are inline");
    assertTrue(page.contains("./narrow repro --scale smoke --out "), "the command is there");
    assertFalse(page.contains("src=\"http"), "nothing is fetched");
    String results = Files.readString(first.resolve("results.json"));

    // Interrupted after one cell: half a file of another is no obstacle.
    Path second = directory.resolve("second");
    try (var cells = Files.list(first.resolve("cells"))) {
      var some = cells.sorted().limit(2).toList();
      Files.createDirectories(second.resolve("cells"));
      Files.copy(some.get(0), second.resolve("cells").resolve(some.get(0).getFileName()));
      Files.writeString(
          second.resolve("cells").resolve(some.get(1).getFileName()), "{\"name\": \"");
    }
    Outcome resumed = narrow("repro", "--scale", "smoke", "--json", "--out", second.toString());
    assertEquals(0, resumed.exit(), resumed.err());
    assertTrue(resumed.err().contains("1 of 16 runs were finished before"), resumed.err());
    assertEquals(results, Files.readString(second.resolve("results.json")));
    assertEquals(results, resumed.out());
    assertFalse(results.contains("seconds"), "time is no part of the results");
  }
}
