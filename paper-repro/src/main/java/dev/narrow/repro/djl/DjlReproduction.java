package dev.narrow.repro.djl;

import dev.narrow.amp.djl.AmpDjl;
import dev.narrow.formats.Names;
import dev.narrow.quant.files.AtomicFiles;
import dev.narrow.repro.CodeVersion;
import dev.narrow.repro.Experiments;
import dev.narrow.repro.Finding;
import dev.narrow.repro.Processor;
import dev.narrow.repro.RunListener;
import dev.narrow.repro.Scale;
import dev.narrow.repro.data.DataLocator;
import dev.narrow.repro.data.Datasets;
import dev.narrow.repro.data.Sha256;
import dev.narrow.repro.data.TinyShakespeare;
import dev.narrow.repro.report.TerminalTable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** An example of DJL's, trained by its own trainer and under policies: the figures, and the run. */
public final class DjlReproduction implements Finding {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .disable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  private final DjlResults results;
  private final DjlRecord record;

  private DjlReproduction(DjlResults results, DjlRecord record) {
    this.results = results;
    this.record = record;
  }

  /** A training run to be made. */
  private record Cell(DjlExample example, DjlArm arm, DjlConfig config, int seed) {
    String key(String code) {
      String all =
          String.join(
              "\n",
              code,
              example.source().digest(),
              example.network(),
              arm.toString(),
              config.epochs() + " epochs of " + config.samples(),
              Integer.toString(seed));
      return Sha256.of(all.getBytes(StandardCharsets.UTF_8)).substring(0, 32);
    }

    @Override
    public String toString() {
      return example.source().dataset() + " / " + arm.name() + " / seed " + seed;
    }
  }

  /** One that was made. */
  private record Finished(String name, DjlRun run, double seconds) {}

  /**
   * Runs one of the experiments whose names begin with {@link Experiments#DJL} and writes {@code
   * results.json}, {@code run.json}, {@code report.md}, {@code report.html} and the plots into a
   * directory. Training runs that the directory has already are not run again. {@link
   * DjlPresence#missing} is to be asked first.
   *
   * @param experiment its name
   * @param datasets names of those to run it on
   * @param locator where they are
   * @param scale how much of it
   * @param seeds runs of each row; null for what the scale has
   * @param out the directory
   * @param listener makes, from the number of training runs, who hears of them
   * @param command the arguments, for the record
   * @throws IOException if a file cannot be read or written
   * @throws IllegalArgumentException if there is no such experiment
   */
  public static DjlReproduction run(
      String experiment,
      List<String> datasets,
      DataLocator locator,
      Scale scale,
      @Nullable Integer seeds,
      Path out,
      IntFunction<RunListener> listener,
      String command)
      throws IOException {
    Instant start = Instant.now();
    String code = CodeVersion.current();
    Map<DjlExample, DjlConfig> configs = new LinkedHashMap<>();
    int runs = 0;
    for (String dataset : datasets) {
      DjlConfig config = DjlConfig.of(experiment, dataset, scale, seeds);
      configs.put(example(experiment, dataset, locator, config), config);
      runs += config.seeds() * DjlArm.all().size();
    }
    Map<String, List<Double>> seconds = new LinkedHashMap<>();
    List<DjlResults.OnDataset> tables = new ArrayList<>();
    try (RunListener hears = listener.apply(runs)) {
      for (Map.Entry<DjlExample, DjlConfig> of : configs.entrySet()) {
        tables.add(train(of.getKey(), of.getValue(), code, out.resolve("cells"), hears, seconds));
      }
    }
    String engine = AmpDjl.capabilities().engine();
    DjlResults results =
        new DjlResults(experiment, scale.name().toLowerCase(Locale.ROOT), code, engine, tables);
    DjlRecord record =
        new DjlRecord(
            command,
            start.truncatedTo(ChronoUnit.SECONDS).toString(),
            start.until(Instant.now(), ChronoUnit.MILLIS) / 1e3,
            code,
            Processor.model(),
            Runtime.getRuntime().availableProcessors(),
            Integer.getInteger("ai.djl.pytorch.num_threads", 0),
            System.getProperty("os.name") + " " + System.getProperty("os.arch"),
            System.getProperty("java.vm.name") + " " + Runtime.version(),
            AmpDjl.capabilities().toString().lines().toList(),
            seconds);
    DjlReproduction reproduction = new DjlReproduction(results, record);
    reproduction.write(out);
    return reproduction;
  }

  private static DjlExample example(
      String experiment, String dataset, DataLocator locator, DjlConfig config) {
    return switch (experiment) {
      case Experiments.DJL + "mlp" ->
          DigitsExample.of(Datasets.load(dataset, locator), false, config.samples());
      case Experiments.DJL + "lenet" ->
          DigitsExample.of(Datasets.load(dataset, locator), true, config.samples());
      case Experiments.DJL + "bert" -> BertExample.of(TinyShakespeare.load(locator), config);
      default ->
          throw new IllegalArgumentException(
              "experiment = \""
                  + experiment
                  + "\", expected "
                  + Names.nearest(
                      experiment,
                      Experiments.all().stream().map(Experiments.Entry::name).toList()));
    };
  }

  /** Seed by seed, so that what else the machine does slows no row more than others. */
  private static DjlResults.OnDataset train(
      DjlExample example,
      DjlConfig config,
      String code,
      Path cells,
      RunListener hears,
      Map<String, List<Double>> seconds)
      throws IOException {
    List<List<DjlRun>> runs = new ArrayList<>();
    for (DjlArm arm : DjlArm.all()) {
      runs.add(new ArrayList<>());
      seconds.put(DjlRecord.label(example.source().dataset(), arm.name()), new ArrayList<>());
    }
    for (int seed = 0; seed < config.seeds(); seed++) {
      for (int a = 0; a < runs.size(); a++) {
        Cell cell = new Cell(example, DjlArm.all().get(a), config, seed);
        Path file = cells.resolve(cell.key(code) + ".json");
        Optional<Finished> stored = find(file, cell);
        Finished finished = stored.isPresent() ? stored.get() : train(cell);
        if (stored.isEmpty()) {
          AtomicFiles.write(file, JSON.writeValueAsString(finished));
        }
        runs.get(a).add(finished.run);
        String label = DjlRecord.label(example.source().dataset(), cell.arm.name());
        seconds.computeIfAbsent(label, _ -> new ArrayList<>()).add(finished.seconds);
        hears.finished(
            cell.toString(), finished.run.accuracy(), finished.seconds, stored.isPresent());
      }
    }
    return DjlResults.gather(example, config, runs);
  }

  private static Finished train(Cell cell) throws IOException {
    long start = System.nanoTime();
    DjlRun run = DjlRun.train(cell.example, cell.arm, cell.config.epochs(), cell.seed);
    return new Finished(cell.toString(), run, (System.nanoTime() - start) * 1e-9);
  }

  /** A file that cannot be read counts as absent, and is replaced. */
  private static Optional<Finished> find(Path file, Cell cell) throws IOException {
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      return Optional.ofNullable(JSON.readValue(Files.readAllBytes(file), Finished.class))
          .filter(finished ->
              cell.toString().equals(finished.name)
                  && finished.run != null
                  && finished.run.isPlausible()
                  && finished.seconds >= 0);
    } catch (JacksonException e) {
      return Optional.empty();
    }
  }

  private void write(Path out) throws IOException {
    var report = DjlReport.of(results, record); // before anything is written
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
    for (DjlResults.OnDataset table : results.datasets()) {
      text.append(DjlReport.heading(table)).append('\n');
      text.append(TerminalTable.render(DjlReport.table(table, record), colour));
      for (DjlResults.Claim claim : table.claims()) {
        text.append(DjlReport.sentence(claim)).append('\n');
      }
      text.append('\n');
    }
    return text.append(DjlReport.smoke(results)).toString();
  }

  @Override
  public boolean holds() {
    return results.holds();
  }
}
