package dev.narrow.cli;

import dev.narrow.quant.OutputError;
import dev.narrow.quant.QuantizationError;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.TensorFile;
import dev.narrow.quant.files.TensorFiles;
import dev.narrow.quant.files.TensorInfo;
import dev.narrow.repro.report.CsvTable;
import dev.narrow.repro.report.TerminalTable;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code narrow compare}: which format each tensor of a file can live in. */
@Command(
    name = "compare",
    description = {
      "Print the quantization error of each tensor in each format, as SQNR in dB,",
      "and the cheapest format that meets a target."
    },
    mixinStandardHelpOptions = true)
final class CompareCommand implements Callable<Integer> {
  private static final Pattern DECIBELS = Pattern.compile("(\\d{1,3}(\\.\\d{1,3})?)\\s*(db)?");

  @Spec CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "FILE",
      description = ".safetensors, .safetensors.index.json, .npy or .gguf, or a directory.")
  Path file = Path.of("");

  @Option(
      names = "--formats",
      paramLabel = "A,B,C",
      split = ",",
      defaultValue = "bf16,mxfp8-e4m3,fp8,lns8,mxfp6-e2m3,nvfp4,mxfp4",
      description = {
        "Formats or recipes, with changes after slashes: mxfp8, nvfp4, lns4/block=32, int8/axis=0.",
        "Default: ${DEFAULT-VALUE}."
      })
  List<String> formats = List.of();

  @Option(
      names = "--target",
      paramLabel = "30dB",
      description = "The least SQNR that a tensor shall have.")
  @Nullable String target;

  @Option(
      names = "--calibration",
      paramLabel = "ACTS",
      description = {
        "A file with the inputs [samples, in] of layers; those of L.weight are named L.",
        "Prints what quantizing does to the outputs of these layers."
      })
  @Nullable Path calibration;

  @ArgGroup Machine machine = new Machine();

  /** Output for machines, at most one of them. */
  static final class Machine {
    @Option(names = "--csv", description = "Print comma-separated values.")
    boolean csv;

    @Option(names = "--json", description = "Print JSON, with all figures of the error.")
    boolean json;

    Machine() {}
  }

  CompareCommand() {}

  /** A format that was asked for. */
  record Candidate(String name, Coding coding) {}

  /** What a tensor becomes in one format; nothing where the format cannot be had for its shape. */
  record Fit(QuantizationError error, long bytes, Optional<OutputError> outputs) {}

  /** A tensor in all formats, in their order. */
  record Compared(TensorInfo info, List<Optional<Fit>> fits) {}

  @Override
  public Integer call() {
    List<Candidate> candidates = new ArrayList<>();
    for (String format : formats) {
      candidates.add(new Candidate(format, Arguments.parse(format, Coding::parse)));
    }
    OptionalDouble decibels =
        target == null ? OptionalDouble.empty() : OptionalDouble.of(decibels(target));
    PrintWriter out = spec.commandLine().getOut();
    try (TensorFile tensors = TensorFiles.open(file);
        Activations activations = new Activations(calibration)) {
      List<TensorInfo> floats =
          tensors.tensors().stream()
              .filter(info -> info.hasFloats() && info.elements() > 0)
              .toList();
      activations.check(floats);
      CompareReport report =
          new CompareReport(
              tensors.path(),
              candidates,
              decibels,
              compare(tensors, activations, floats, candidates));
      out.print(
          machine.json
              ? report.json()
              : machine.csv
                  ? CsvTable.render(report.table())
                  : TerminalTable.render(report.table(), Terminal.hasColour()) + report.summary());
    }
    out.flush();
    return 0;
  }

  private static double decibels(String text) {
    Matcher matcher = DECIBELS.matcher(text.strip().toLowerCase(Locale.ROOT));
    if (!matcher.matches()) {
      throw new UsageException("--target " + text + ", expected decibels from 0 to 999: 30dB");
    }
    return Double.parseDouble(matcher.group(1));
  }

  private List<Compared> compare(
      TensorFile tensors,
      Activations activations,
      List<TensorInfo> floats,
      List<Candidate> candidates) {
    long total = floats.stream().mapToLong(TensorInfo::elements).sum() * candidates.size();
    List<Compared> compared = new ArrayList<>();
    try (FileProgress progress =
        new FileProgress("comparing", total, spec.commandLine().getErr())) {
      for (TensorInfo info : floats) {
        Tensor values = TensorPieces.whole(tensors, info);
        Optional<Tensor> inputs = activations.of(info);
        List<Optional<Fit>> fits =
            TensorPieces.each(
                candidates,
                candidate -> {
                  Optional<Fit> fit = fit(info, values, candidate, inputs);
                  progress.advance(info.elements());
                  return fit;
                });
        compared.add(new Compared(info, fits));
      }
    }
    return compared;
  }

  private static Optional<Fit> fit(
      TensorInfo info, Tensor values, Candidate candidate, Optional<Tensor> inputs) {
    try {
      return candidate
          .coding()
          .code(values)
          .map(coded ->
              new Fit(
                  coded.error(),
                  coded.bytes(),
                  inputs.map(x -> OutputError.measure(values, coded.whole(), x))));
    } catch (IllegalArgumentException e) {
      throw new UsageException(info.name() + " as " + candidate.name() + ": " + e.getMessage());
    }
  }
}
