package dev.narrow.cli;

import dev.narrow.quant.TensorStatistics;
import dev.narrow.quant.files.AtomicFiles;
import dev.narrow.quant.files.TensorFile;
import dev.narrow.quant.files.TensorFiles;
import dev.narrow.quant.files.TensorInfo;
import dev.narrow.repro.report.TerminalTable;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code narrow inspect}: what the tensors of a file are like. */
@Command(
    name = "inspect",
    description = {
      "Print shape, type, range and exponents of each tensor in a file.",
      "A file may be larger than memory."
    },
    mixinStandardHelpOptions = true)
final class InspectCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "FILE",
      description = ".safetensors, .safetensors.index.json, .npy or .gguf, or a directory.")
  Path file = Path.of("");

  @Option(
      names = "--html",
      paramLabel = "PAGE",
      arity = "0..1",
      fallbackValue = "",
      description = "Write a page with plots too. Default: FILE.html in this directory.")
  @Nullable Path html;

  @Option(names = "--force", description = "Replace PAGE if it exists.")
  boolean force;

  @Option(names = "--json", description = "Print JSON.")
  boolean json;

  InspectCommand() {}

  /** A tensor and what its elements are like, if they are numbers. */
  record Inspected(TensorInfo info, Optional<TensorStatistics> statistics) {}

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    try (TensorFile tensors = TensorFiles.open(file)) {
      Path page = html == null ? null : page(tensors, html);
      List<Inspected> inspected = inspect(tensors);
      InspectReport report = new InspectReport(tensors, inspected);
      if (page != null) {
        AtomicFiles.write(page, report.page().html());
      }
      out.print(
          json
              ? report.json()
              : TerminalTable.render(report.table(), Terminal.hasColour())
                  + "exponents: the octaves from the smallest to amax, the height of a bar the"
                  + " logarithm of its share.\n"
                  + report.summary()
                  + "\n");
      if (page != null && !json) {
        out.println("Plots: " + page);
      }
    }
    out.flush();
    return 0;
  }

  private Path page(TensorFile tensors, Path asked) {
    Path page =
        asked.toString().isEmpty()
            ? Path.of(tensors.path().toAbsolutePath().getFileName() + ".html")
            : asked;
    if (!page.toString().matches("(?i).*\\.html?")) {
      throw new UsageException(page + ", expected a page whose name ends in .html");
    }
    if (!force && Files.exists(page, LinkOption.NOFOLLOW_LINKS)) {
      throw new UsageException(page + " exists; --force replaces it");
    }
    return page;
  }

  private List<Inspected> inspect(TensorFile tensors) {
    long total = tensors.tensors().stream().mapToLong(TensorInfo::elements).sum();
    List<Inspected> inspected = new ArrayList<>();
    try (FileProgress progress =
        new FileProgress("inspecting", total, spec.commandLine().getErr())) {
      for (TensorInfo info : tensors.tensors()) {
        inspected.add(
            new Inspected(
                info,
                TensorPieces.isReadable(info)
                    ? Optional.of(statistics(tensors, info, progress))
                    : Optional.empty()));
      }
    }
    return inspected;
  }

  private static TensorStatistics statistics(
      TensorFile tensors, TensorInfo info, FileProgress progress) {
    TensorStatistics whole = new TensorStatistics();
    TensorPieces.map(
            tensors,
            info,
            piece -> {
              TensorStatistics part = new TensorStatistics();
              part.add(piece, 0, piece.length);
              return part;
            },
            progress)
        .forEach(whole::merge);
    return whole;
  }
}
