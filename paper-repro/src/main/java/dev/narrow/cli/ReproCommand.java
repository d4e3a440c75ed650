package dev.narrow.cli;

import dev.narrow.formats.Names;
import dev.narrow.repro.Experiments;
import dev.narrow.repro.Finding;
import dev.narrow.repro.Reproduction;
import dev.narrow.repro.RunListener;
import dev.narrow.repro.Scale;
import dev.narrow.repro.data.DataLocator;
import dev.narrow.repro.data.Dataset;
import dev.narrow.repro.data.Datasets;
import dev.narrow.repro.djl.DjlPresence;
import dev.narrow.repro.djl.DjlReproduction;
import dev.narrow.repro.report.Table;
import dev.narrow.repro.report.TerminalTable;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code narrow repro}: re-runs experiments and reports what they show. */
@Command(
    name = "repro",
    description = "Re-run an experiment and report what it shows.",
    mixinStandardHelpOptions = true)
final class ReproCommand implements Callable<Integer> {
  private static final String ALL = "all";

  @Spec CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "EXPERIMENT",
      description = "Which (narrow repro --list names them), or all. Default: first-table.")
  List<String> experiments = new ArrayList<>(List.of("first-table"));

  @Option(names = "--list", description = "List the experiments and the claims they test.")
  boolean list;

  @Option(
      names = "--dataset",
      split = ",",
      paramLabel = "NAME",
      description =
          "Data sets, separated by commas: glyphs, optdigits, mnist; for djl-bert tinyshakespeare. "
              + "Default: the first of them.")
  List<String> datasets = new ArrayList<>();

  @Option(
      names = "--scale",
      description = "${COMPLETION-CANDIDATES}: seconds, minutes, hours. Default: small.")
  Scale scale = Scale.SMALL;

  @Option(names = "--seeds", paramLabel = "N", description = "Runs of each arm, 2 to 1000.")
  @Nullable Integer seeds;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Where the published data sets lie. Default: $NARROW_DATA, then the cache, then a download.")
  @Nullable Path data;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "Where the report goes; finished runs found there are used. Default: narrow-out.")
  Path out = Path.of("narrow-out");

  @Option(names = "--strict", description = "Exit with 1 if a claim does not hold.")
  boolean strict;

  @Option(names = "--json", description = "Print results.json instead of the table.")
  boolean json;

  ReproCommand() {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    PrintWriter stdout = spec.commandLine().getOut();
    PrintWriter stderr = spec.commandLine().getErr();
    if (list) {
      Table table = Table.of(Table.left("experiment"), Table.left("claim"));
      for (Experiments.Entry entry : Experiments.all()) {
        table = table.row(entry.name(), entry.claim());
      }
      stdout.print(TerminalTable.render(table, Terminal.hasColour()));
      stdout.flush();
      return 0;
    }
    if (seeds != null && (seeds < 2 || seeds > 1000)) {
      throw new UsageException("--seeds = " + seeds + ", expected 2 to 1000");
    }
    requireName("--out", out);
    requireName("--data", data);
    if (Files.exists(out) && !Files.isDirectory(out)) {
      throw new UsageException("--out " + out + " is a file, expected a directory");
    }
    DataLocator locator = DataLocator.of(data, stderr::println);
    List<Experiments.Entry> chosen = chosen(stderr);
    boolean holds = true;
    for (Experiments.Entry entry : chosen) {
      Path directory = chosen.size() == 1 ? out : out.resolve(entry.name());
      Finding finding = run(entry, locator, directory, stderr);
      holds &= finding.holds();
      stdout.print(json ? finding.json() : finding.terminal(Terminal.hasColour()));
      stdout.flush();
      if (!json) {
        stderr.println("Wrote " + directory.resolve("report.html"));
      }
    }
    return strict && !holds ? 1 : 0;
  }

  private Finding run(
      Experiments.Entry entry, DataLocator locator, Path directory, PrintWriter stderr)
      throws IOException, InterruptedException {
    IntFunction<RunListener> progress = total -> RunProgress.of(total, stderr);
    List<String> names = datasets(entry);
    if (entry.name().startsWith(Experiments.DJL)) {
      return DjlReproduction.run(
          entry.name(), names, locator, scale, seeds, directory, progress, commandLine());
    }
    List<Dataset> loaded = new ArrayList<>();
    for (String name : names) {
      loaded.add(Datasets.load(name, locator));
    }
    return Reproduction.run(loaded, scale, seeds, directory, progress, commandLine());
  }

  /** The experiments, checked before any runs; of all of them those that can run here. */
  private List<Experiments.Entry> chosen(PrintWriter stderr) {
    List<Experiments.Entry> all = Experiments.all();
    List<String> valid = new ArrayList<>(all.stream().map(Experiments.Entry::name).toList());
    valid.add(ALL);
    for (String name : experiments) {
      if (!valid.contains(name)) {
        throw new UsageException(
            "unknown experiment '" + name + "', expected " + Names.nearest(name, valid));
      }
    }
    List<Experiments.Entry> chosen = new ArrayList<>();
    for (Experiments.Entry entry : all) {
      boolean named = experiments.contains(entry.name());
      if (!named && !experiments.contains(ALL)) {
        continue;
      }
      Optional<String> missing =
          entry.name().startsWith(Experiments.DJL) ? DjlPresence.missing() : Optional.empty();
      if (missing.isPresent() && named) {
        throw new UsageException(entry.name() + " needs " + missing.get());
      } else if (missing.isPresent()) {
        stderr.println("left out: " + entry.name() + " needs " + missing.get());
      } else {
        checkDatasets(entry, named);
        chosen.add(entry);
      }
    }
    return chosen;
  }

  private void checkDatasets(Experiments.Entry entry, boolean named) {
    for (String name : datasets) {
      boolean known =
          named
              ? entry.datasets().contains(name)
              : Experiments.all().stream().anyMatch(any -> any.datasets().contains(name));
      if (!known) {
        throw new UsageException(
            "unknown data set '"
                + name
                + "', expected one of "
                + Names.nearest(name, entry.datasets())
                + " for "
                + entry.name());
      }
    }
  }

  /** Those of the command line that an experiment can be run on, or else its first. */
  private List<String> datasets(Experiments.Entry entry) {
    List<String> wanted = datasets.stream().distinct().filter(entry.datasets()::contains).toList();
    return wanted.isEmpty() ? entry.datasets().subList(0, 1) : wanted;
  }

  private static void requireName(String option, @Nullable Path path) {
    if (path != null && path.toString().isEmpty()) {
      throw new UsageException(option + " is empty, expected a directory");
    }
  }

  /** The arguments, {@code repro} among them, quoted for a shell. */
  private String commandLine() {
    return spec.commandLine().getParseResult().originalArgs().stream()
        .map(arg -> arg.matches("[\\w@%+=:,./-]+") ? arg : "'" + arg.replace("'", "'\\''") + "'")
        .collect(Collectors.joining(" "));
  }
}
