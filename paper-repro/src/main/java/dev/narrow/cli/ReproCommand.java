package dev.narrow.cli;

import dev.narrow.formats.Names;
import dev.narrow.repro.Experiments;
import dev.narrow.repro.Reproduction;
import dev.narrow.repro.Scale;
import dev.narrow.repro.data.DataLocator;
import dev.narrow.repro.data.Dataset;
import dev.narrow.repro.data.Datasets;
import dev.narrow.repro.report.Table;
import dev.narrow.repro.report.TerminalTable;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
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
      description = "Data sets, separated by commas: glyphs, optdigits, mnist. Default: glyphs.")
  List<String> datasets = new ArrayList<>(List.of("glyphs"));

  @Option(
      names = "--scale",
      description = "${COMPLETION-CANDIDATES}: seconds, about a minute, hours. Default: small.")
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
    checkExperiments();
    if (seeds != null && (seeds < 2 || seeds > 1000)) {
      throw new UsageException("--seeds = " + seeds + ", expected 2 to 1000");
    }
    requireName("--out", out);
    requireName("--data", data);
    if (Files.exists(out) && !Files.isDirectory(out)) {
      throw new UsageException("--out " + out + " is a file, expected a directory");
    }
    DataLocator locator = DataLocator.of(data, stderr::println);
    List<Dataset> loaded = new ArrayList<>();
    for (String name : datasets.stream().distinct().toList()) {
      loaded.add(Datasets.load(name, locator));
    }
    Reproduction reproduction =
        Reproduction.run(
            loaded, scale, seeds, out, total -> RunProgress.of(total, stderr), commandLine());
    stdout.print(json ? reproduction.json() : reproduction.terminal(Terminal.hasColour()));
    stdout.flush();
    if (!json) {
      stderr.println("Wrote " + out.resolve("report.html"));
    }
    return strict && !reproduction.holds() ? 1 : 0;
  }

  private void checkExperiments() {
    List<String> names = Experiments.all().stream().map(Experiments.Entry::name).toList();
    for (String name : experiments) {
      if (!name.equals("all") && !names.contains(name)) {
        List<String> valid = new ArrayList<>(names);
        valid.add("all");
        throw new UsageException(
            "unknown experiment '" + name + "', expected " + Names.nearest(name, valid));
      }
    }
  }

  private static void requireName(String option, @Nullable Path path) {
    if (path != null && path.toString().isEmpty()) {
      throw new UsageException(option + " is empty, expected a directory");
    }
  }

  /** The arguments, quoted for a shell. */
  private String commandLine() {
    return spec.commandLine().getParseResult().originalArgs().stream()
        .map(arg -> arg.matches("[\\w@%+=:,./-]+") ? arg : "'" + arg.replace("'", "'\\''") + "'")
        .collect(Collectors.joining(" ", "repro ", ""));
  }
}
