package dev.narrow.cli;

import dev.narrow.quant.OutputError;
import dev.narrow.quant.QuantizationError;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.WeightRounding;
import dev.narrow.quant.files.GgufType;
import dev.narrow.quant.files.Layout;
import dev.narrow.quant.files.QuantizedWriter;
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

/** {@code narrow quantize}: a file of tensors in few bits. */
@Command(
    name = "quantize",
    description = {
      "Write the tensors of a file in few bits, and print what that did to them.",
      "Tensors with fewer than two axes, and integers, stay as they are unless a rule says otherwise."
    },
    mixinStandardHelpOptions = true)
final class QuantizeCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "FILE",
      description = ".safetensors, .safetensors.index.json, .npy or .gguf, or a directory.")
  Path file = Path.of("");

  @Option(
      names = {"-o", "--output"},
      paramLabel = "OUT",
      required = true,
      description = "The .safetensors or .gguf file to write. It is there whole or not at all.")
  Path out = Path.of("");

  @Option(
      names = "--format",
      paramLabel = "F",
      required = true,
      description = {
        "A format or recipe, as narrow compare has them: mxfp8, nvfp4, lns8-block...",
        "For a .gguf file q8_0, q4_0, f16, bf16 or f32."
      })
  String format = "";

  @Option(
      names = "--rule",
      paramLabel = "GLOB=F",
      description = "Another format for tensors with such names, or keep; the last that fits.")
  List<String> rules = List.of();

  @Option(
      names = "--layout",
      paramLabel = "L",
      defaultValue = "narrow",
      description = "narrow, or compressed-tensors (FP8 and NVFP4). Default: ${DEFAULT-VALUE}.")
  String layout = "";

  @Option(
      names = "--method",
      paramLabel = "M",
      defaultValue = "nearest",
      description = {
        "nearest, stochastic[:SEED], gptq[:DAMPING][:act-order] (for matrices, with --calibration),"
            + " hadamard[:SIZE[:SEED]][+METHOD].",
        "Default: ${DEFAULT-VALUE}."
      })
  String method = "";

  @Option(
      names = "--calibration",
      paramLabel = "ACTS",
      description =
          "A file with the inputs [samples, in] of layers; those of L.weight are named L.")
  @Nullable Path calibration;

  @Option(names = "--force", description = "Replace OUT if it exists.")
  boolean force;

  @Option(names = "--json", description = "Print JSON.")
  boolean json;

  QuantizeCommand() {}

  /** What became of a tensor; nothing but bytes if it stayed as it was. */
  record Outcome(TensorInfo info, Optional<Change> change) {}

  /** How a tensor was quantized, and what that did. */
  record Change(
      String format,
      String quantizer,
      String method,
      QuantizationError error,
      long bytes,
      Optional<OutputError> outputs) {}

  @Override
  public Integer call() throws IOException {
    check();
    return GgufOutput.isAskedFor(out) ? toGguf() : toSafetensors();
  }

  private int toGguf() throws IOException {
    if (!rules.isEmpty()
        || !method.equals("nearest")
        || calibration != null
        || !layout.equals("narrow")) {
      throw new UsageException(
          out
              + ": --rule, --layout, --method or --calibration with a .gguf file, expected --format"
              + " alone");
    }
    GgufType type = GgufOutput.type(format);
    try (TensorFile tensors = TensorFiles.open(file);
        FileProgress progress = progress(tensors.tensors())) {
      checkSource(tensors);
      print(GgufOutput.write(out, tensors, type, progress));
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
    return 0;
  }

  private int toSafetensors() throws IOException {
    Plan plan = new Plan(format, rules);
    Layout as = Arguments.parse(layout, Layout::parse);
    WeightRounding rounding = Arguments.parse(method, WeightRounding::parse);
    if (rounding.needsActivations() && calibration == null) {
      throw new UsageException("--method " + method + " without --calibration, expected both");
    }
    try (TensorFile tensors = TensorFiles.open(file);
        Activations activations = new Activations(calibration)) {
      checkSource(tensors);
      activations.check(tensors.tensors());
      List<String> unused = plan.unused(tensors.tensors());
      if (!unused.isEmpty()) {
        throw new UsageException("--rule " + unused.getFirst() + "=... fits no tensor of " + file);
      }
      print(quantize(tensors, activations, plan, as, rounding));
    }
    return 0;
  }

  private void print(List<Outcome> outcomes) {
    QuantizeReport report = new QuantizeReport(out, outcomes);
    PrintWriter stdout = spec.commandLine().getOut();
    stdout.print(
        json
            ? report.json()
            : TerminalTable.render(report.table(), Terminal.hasColour()) + report.summary());
    stdout.flush();
  }

  private FileProgress progress(List<TensorInfo> tensors) {
    long total = tensors.stream().mapToLong(TensorInfo::elements).sum();
    return new FileProgress("quantizing", total, spec.commandLine().getErr());
  }

  private void check() throws IOException {
    if (!Files.exists(out, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    for (Path in : calibration == null ? List.of(file) : List.of(file, calibration)) {
      if (Files.exists(in) && Files.exists(out) && Files.isSameFile(in, out)) {
        throw new UsageException(out + " is the input, expected another file for the output");
      }
    }
    if (!force) {
      throw new UsageException(out + " exists; --force replaces it");
    }
  }

  /** Nothing beside a checkpoint of many files is replaced, nor its config.json. */
  private void checkSource(TensorFile tensors) throws IOException {
    Path directory = out.toAbsolutePath().getParent();
    Path source = tensors.path().toAbsolutePath().getParent();
    boolean isBeside =
        directory != null
            && source != null
            && Files.isDirectory(directory)
            && Files.isSameFile(directory, source);
    boolean isOne = Files.exists(out) && Files.isSameFile(out, tensors.path());
    boolean isMany = tensors.path().toString().endsWith(".json");
    boolean hasConfig = isBeside && Files.exists(tensors.path().resolveSibling("config.json"));
    if (isOne || (isBeside && isMany && Files.exists(out))) {
      throw new UsageException(out + " is the input, expected another file for the output");
    }
    if (hasConfig && layout.equals("compressed-tensors")) {
      throw new UsageException(
          out + " is beside the config.json of the input, expected another directory");
    }
  }

  private List<Outcome> quantize(
      TensorFile tensors, Activations activations, Plan plan, Layout as, WeightRounding rounding)
      throws IOException {
    List<Outcome> outcomes = new ArrayList<>();
    List<TensorInfo> planned =
        tensors.tensors().stream().filter(info -> plan.quantizer(info).isPresent()).toList();
    try (FileProgress progress = progress(planned)) {
      QuantizedWriter.write(
          out,
          force,
          as,
          tensors,
          plan::quantizer,
          (info, values, quantizer) -> {
            Optional<Tensor> inputs = activations.of(info);
            WeightRounding used = rounding.fallback(values.shape(), inputs.isPresent());
            Tensor quantized = quantized(info, values, quantizer, used, inputs.orElse(null));
            Change change =
                new Change(
                    quantized.format().name() + "/" + quantized.scales().granularity().spec(),
                    quantizer.toString(),
                    used.toString(),
                    QuantizationError.measure(values, quantized),
                    quantized.packedBytes(),
                    inputs.map(x -> OutputError.measure(values, quantized, x)));
            outcomes.add(new Outcome(info, Optional.of(change)));
            progress.advance(info.elements());
            return quantized;
          });
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
    for (TensorInfo info : tensors.tensors()) {
      if (plan.quantizer(info).isEmpty()) {
        outcomes.add(new Outcome(info, Optional.empty()));
      }
    }
    return outcomes;
  }

  private static Tensor quantized(
      TensorInfo info,
      Tensor values,
      Quantizer quantizer,
      WeightRounding rounding,
      @Nullable Tensor inputs) {
    try {
      return rounding.quantize(values, quantizer, inputs);
    } catch (IllegalArgumentException e) {
      throw new UsageException(info.name() + " by " + rounding + ": " + e.getMessage());
    }
  }
}
