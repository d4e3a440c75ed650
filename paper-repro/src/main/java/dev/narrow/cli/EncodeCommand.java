package dev.narrow.cli;

import dev.narrow.formats.Codec;
import dev.narrow.formats.EncodeCounter;
import dev.narrow.formats.EncodeCounts;
import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import dev.narrow.quant.files.AtomicFiles;
import dev.narrow.quant.files.NpyReader;
import dev.narrow.quant.files.NpyType;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code narrow encode}: the floats of an .npy file become codes. */
@Command(
    name = "encode",
    description = {
      "Encode an .npy file of floats (f2, f4, f8) to codes of a format (u1, u2 or u4).",
      "A file may be larger than memory. float64 is rounded once."
    },
    mixinStandardHelpOptions = true)
final class EncodeCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Mixin ArrayFiles files = new ArrayFiles();

  @Option(
      names = "--to",
      paramLabel = "FORMAT",
      required = true,
      description = "The format of the codes: narrow formats lists them.")
  String to = "";

  @Option(
      names = "--rounding",
      paramLabel = "R",
      description = {
        "nearest-even, nearest-away, toward-zero, toward-positive, toward-negative, to-odd,"
            + " stochastic:N with N random bits, stochastic-a:N, stochastic-b:N; in logarithmic"
            + " formats with /linear behind it, distance is that of values, not of logarithms.",
        "Default: the format's own, nearest-even nearly always."
      })
  @Nullable String rounding;

  @Option(
      names = "--saturation",
      paramLabel = "S",
      description = {
        "ieee, ocp-sat, ocp-nonsat, onnx-sat, onnx-nonsat, torch, ml-dtypes, ml-dtypes-sat,"
            + " p3109-finite, p3109-propagate, p3109-none.",
        "Default: the format's own: narrow formats FORMAT tells."
      })
  @Nullable String saturation;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Of stochastic rounding. Default: ${DEFAULT-VALUE}.")
  long seed = 0;

  @Option(names = "--json", description = "Print the counts as JSON.")
  boolean json;

  EncodeCommand() {}

  @Override
  public Integer call() throws IOException {
    NumericFormat format = Arguments.parse(to, Formats::parse);
    Projection projection = format.defaultProjection();
    if (rounding != null) {
      projection = projection.with(Arguments.parse(rounding, Rounding::parse));
    }
    if (saturation != null) {
      projection = projection.with(Arguments.parse(saturation, Saturation::parse));
    }
    files.check();
    PrintWriter stdout = spec.commandLine().getOut();
    try (NpyReader reader = NpyReader.open(files.in);
        FileProgress progress =
            new FileProgress("encoding", reader.header().elements(), spec.commandLine().getErr())) {
      if (!reader.header().type().kind().isFloat()) {
        throw new UsageException(
            files.in
                + ": descr is "
                + reader.header().type()
                + ", expected floats: f2, f4 or f8; narrow decode reads codes");
      }
      EncodeCounter counter = new EncodeCounter();
      Codec codec = Codec.of(format, projection).with(counter);
      NpyEncoder encoder = new NpyEncoder(reader, codec, new RandomBits(seed, 0), progress);
      AtomicFiles.write(files.out, encoder::writeTo);
      stdout.print(
          json
              ? json(reader.header().elements(), codec, counter.counts())
              : report(reader.header().elements(), format, counter.counts()));
    }
    stdout.flush();
    return 0;
  }

  /** For example {@code codes.npy: 6 codes of e4m3fn in u1; 1 overflowed, 1 became zero}. */
  private String report(long elements, NumericFormat format, EncodeCounts counts) {
    List<String> parts = new ArrayList<>();
    add(parts, counts.overflowed(), "overflowed");
    add(parts, counts.infinite(), "infinite");
    add(parts, counts.nan(), "NaN");
    add(parts, counts.flushed(), "became zero");
    return files.out
        + ": "
        + elements
        + " codes of "
        + format.name()
        + " in "
        + NpyType.ofCodes(format.width()).kind()
        + (parts.isEmpty() ? "" : "; " + String.join(", ", parts))
        + "\n";
  }

  private static void add(List<String> parts, long count, String what) {
    if (count > 0) {
      parts.add(count + " " + what);
    }
  }

  private String json(long elements, Codec codec, EncodeCounts counts) {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("output", files.out.toString());
    report.put("format", codec.format().name());
    report.put("rounding", codec.projection().rounding().toString());
    report.put("saturation", codec.projection().saturation().toString());
    report.put("elements", elements);
    report.put("overflowed", counts.overflowed());
    report.put("infinite", counts.infinite());
    report.put("nan", counts.nan());
    report.put("flushed", counts.flushed());
    return JsonMapper.shared().writeValueAsString(report) + "\n";
  }
}
