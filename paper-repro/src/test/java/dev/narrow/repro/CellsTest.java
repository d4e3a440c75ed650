package dev.narrow.repro;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.LossScaling;
import dev.narrow.amp.Sgd;
import dev.narrow.repro.data.Dataset;
import dev.narrow.repro.data.Glyphs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training runs one by one: what they come to, how they are kept, how failed ones are reported. */
class CellsTest {
  private static final Dataset DATA = Glyphs.generate(7, 100, 50);
  private static final TrainingConfig CONFIG = new TrainingConfig(8, 3, 10, 2);

  private static Cell cell(Arm arm, int seed) {
    return new Cell(DATA, DATA.digest(), arm, CONFIG, seed);
  }

  private static Arm arm(AmpPolicy policy) {
    return new Arm("test", policy, new Sgd(0.9f), 0.05f, "test");
  }

  @Test
  void aRunDependsOnItsSeedAndNothingElse() {
    CellResult first = Trainer.train(cell(arm(AmpPolicy.lns8()), 1));
    assertEquals(first, Trainer.train(cell(arm(AmpPolicy.lns8()), 1)));
    assertNotEquals(first, Trainer.train(cell(arm(AmpPolicy.lns8()), 2)));
    assertTrue(first.isPlausible(3));
    assertTrue(first.finalAccuracy() > 0.2, "it learns");
  }

  /** So large a loss scale that every gradient overflows, and no smaller one allowed. */
  private static final LossScaling HOPELESS =
      new LossScaling(0x1p40f, 2, 0.5, 2000, 0x1p40f, 0x1p41f);

  @Test
  void aCollapsedRunEndsAndIsReported(@TempDir Path out) throws Exception {
    CellResult collapsed = Trainer.train(cell(arm(AmpPolicy.fp16().with(HOPELESS)), 0));
    assertTrue(collapsed.collapsed());
    assertTrue(collapsed.isPlausible(3), "as long as any other");

    Map<String, CellResult.RoleError> errors = Map.of("W", new CellResult.RoleError(0, 0, 30.0));
    Map<Cell, CellStore.Finished> finished = new LinkedHashMap<>();
    for (Cell cell : FirstTable.cells(DATA, CONFIG)) {
      boolean fails = cell.arm().name().startsWith("fp16") && cell.seed() == 1;
      CellResult good =
          new CellResult(List.of(0.5, 0.7, 0.9), List.of(2.0, 1.0, 0.5), 0, false, errors);
      finished.put(cell, new CellStore.Finished(cell.toString(), fails ? collapsed : good, 1));
    }
    Results results =
        new Results(
            "first-table", "smoke", "code", List.of(Results.gather(DATA, CONFIG, finished)));
    RunRecord record = RunRecord.of("repro", "now", 1, "code", finished);
    String text = FirstTableReport.of(results, record).markdown();
    assertTrue(text.contains("1 collapsed"), text);
    FirstTableReport.of(results, record).write(out);
    assertTrue(Files.exists(out.resolve("report.html")));
  }

  @Test
  void howManySeedsThereAreDoesNotMatterToARun() {
    Arm arm = arm(AmpPolicy.bf16());
    Cell more = new Cell(DATA, DATA.digest(), arm, CONFIG.withSeeds(9), 1);
    assertEquals(cell(arm, 1).key("v"), more.key("v"));
    assertNotEquals(cell(arm, 1).key("v"), cell(arm, 2).key("v"));
    assertNotEquals(cell(arm, 1).key("v"), cell(arm, 1).key("w"));
    assertNotEquals(cell(arm, 1).key("v"), cell(arm(AmpPolicy.fp16()), 1).key("v"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[]",
        "{}",
        "{\"name\":\"NAME\",\"result\":null,\"seconds\":1}",
        "{\"name\":\"NAME\",\"result\":{},\"seconds\":1}",
        "{\"name\":\"NAME\",\"result\":{\"accuracy\":[0.1],\"loss\":[1],\"skippedSteps\":0,"
            + "\"collapsed\":false,\"quantization\":{}},\"seconds\":1}",
        "{\"name\":\"NAME\",\"result\":{\"accuracy\":[0.1,77,0.1],\"loss\":[1,1,1],\"skippedSteps\":0,"
            + "\"collapsed\":false,\"quantization\":{}},\"seconds\":1}",
        "{\"name\":\"another\",\"result\":{\"accuracy\":[0.1,0.1,0.1],\"loss\":[1,1,1],\"skippedSteps\":0,"
            + "\"collapsed\":false,\"quantization\":{}},\"seconds\":1}"
      })
  void aStoredRunThatCannotBeIsNotBelieved(String content, @TempDir Path directory)
      throws Exception {
    Cell cell = cell(arm(AmpPolicy.fp32()), 0);
    CellStore store = new CellStore(directory, "v");
    CellResult result =
        new CellResult(List.of(0.1, 0.2, 0.3), List.of(1.0, 0.9, 0.8), 0, false, Map.of());
    var finished = new CellStore.Finished(cell.toString(), result, 1);
    store.save(cell, finished);
    assertEquals(finished, store.find(cell).orElseThrow());

    Path file = directory.resolve(cell.key("v") + ".json");
    Files.writeString(file, content.replace("NAME", cell.toString()));
    assertFalse(store.find(cell).isPresent(), content);
  }
}
