package dev.narrow.repro;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.repro.data.DataLocator;
import dev.narrow.repro.data.Dataset;
import dev.narrow.repro.data.Datasets;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

/** The committed figures are those that this code gives, here and now. */
class CommittedResultsTest {

  /** Every figure of a run, of each epoch and each role, to the last bit. */
  @ParameterizedTest
  @CsvSource({"'LNS8, LNS-Madam', 0", "'FP8 E4M3/E5M2, SGD', 3"})
  void aRunComesOutAgain(String arm, int seed) throws IOException {
    Results committed =
        JsonMapper.shared()
            .readValue(
                Files.readString(Path.of("results", "first-table", "results.json")), Results.class);
    Results.OnDataset table = committed.datasets().getFirst();
    Dataset glyphs = Datasets.load("glyphs", DataLocator.of(null, _ -> {}));
    assertEquals(table.digest(), glyphs.digest());
    TrainingConfig config = FirstTable.config("glyphs", Scale.SMALL);
    assertEquals(table.config(), config);
    Cell cell =
        FirstTable.cells(glyphs, config).stream()
            .filter(c -> c.arm().name().equals(arm) && c.seed() == seed)
            .findFirst()
            .orElseThrow();
    assertEquals(table.arm(arm).arm(), ArmDescription.of(cell.arm()));
    assertEquals(table.arm(arm).runs().get(seed), Trainer.train(cell));
  }
}
