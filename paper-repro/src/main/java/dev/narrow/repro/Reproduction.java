package dev.narrow.repro;

import dev.narrow.quant.files.AtomicFiles;
import dev.narrow.repro.data.Dataset;
import dev.narrow.repro.report.Report;
import dev.narrow.repro.report.TerminalTable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * A finished experiment: its figures, which the same code, data and seeds give again anywhere, and
 * the record of this run of it.
 */
public final class Reproduction implements Finding {
  /** Properties in the order of their declaration, which is the order to read them in. */
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .disable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  private final Results results;
  private final RunRecord record;

  private Reproduction(Results results, RunRecord record) {
    this.results = results;
    this.record = record;
  }

  /**
   * Runs {@code first-table} on data sets and writes {@code results.json}, {@code run.json}, {@code
   * report.md}, {@code report.html} and the plots into a directory. Training runs that the
   * directory has already are not run again; each that finishes is kept there at once.
   *
   * @param datasets to run it on
   * @param scale how much of it
   * @param seeds runs of each arm; null for what the scale has
   * @param out the directory
   * @param listener makes, from the number of training runs, who hears of them
   * @param command the arguments, for the record
   * @throws IOException if a file cannot be read or written
   * @throws InterruptedException if the thread was interrupted; finished runs are kept
   */
  public static Reproduction run(
      List<Dataset> datasets,
      Scale scale,
      @Nullable Integer seeds,
      Path out,
      IntFunction<RunListener> listener,
      String command)
      throws IOException, InterruptedException {
    Instant start = Instant.now();
    String code = CodeVersion.current();
    Map<Dataset, TrainingConfig> configs = new LinkedHashMap<>();
    List<Cell> cells = new ArrayList<>();
    for (Dataset dataset : datasets) {
      TrainingConfig preset = FirstTable.config(dataset.name(), scale);
      TrainingConfig config = seeds == null ? preset : preset.withSeeds(seeds);
      configs.put(dataset, config);
      cells.addAll(FirstTable.cells(dataset, config));
    }
    Map<Cell, CellStore.Finished> finished;
    try (RunListener hears = listener.apply(cells.size())) {
      finished = Runner.run(cells, new CellStore(out.resolve("cells"), code), hears);
    }
    List<Results.OnDataset> tables = new ArrayList<>();
    configs.forEach((dataset, config) -> tables.add(Results.gather(dataset, config, finished)));
    Results results =
        new Results(FirstTable.NAME, scale.name().toLowerCase(Locale.ROOT), code, tables);
    double seconds = start.until(Instant.now(), ChronoUnit.MILLIS) / 1e3;
    RunRecord record =
        RunRecord.of(
            command, start.truncatedTo(ChronoUnit.SECONDS).toString(), seconds, code, finished);
    Reproduction reproduction = new Reproduction(results, record);
    reproduction.write(out);
    return reproduction;
  }

  private void write(Path out) throws IOException {
    Report report = FirstTableReport.of(results, record); // before anything is written
    AtomicFiles.write(out.resolve("results.json"), json());
    AtomicFiles.write(out.resolve("run.json"), JSON.writeValueAsString(record) + "\n");
    report.write(out);
  }

  @Override
  public String json() {
    return JSON.writeValueAsString(results) + "\n";
  }

  @Override
  public String terminal(boolean colour) {
    StringBuilder text = new StringBuilder();
    for (Results.OnDataset table : results.datasets()) {
      text.append(FirstTableReport.heading(table)).append('\n');
      text.append(TerminalTable.render(FirstTableReport.table(table, record), colour));
      text.append(FirstTableReport.verdict(table)).append("\n\n");
    }
    if (results.scale().equals("smoke")) {
      text.append(FirstTableReport.SMOKE).append('\n');
    }
    return text.toString();
  }

  @Override
  public boolean holds() {
    return results.holds();
  }
}
