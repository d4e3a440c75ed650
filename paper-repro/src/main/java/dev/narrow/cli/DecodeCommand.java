package dev.narrow.cli;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.files.AtomicFiles;
import dev.narrow.quant.files.NpyReader;
import dev.narrow.quant.files.NpyType;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code narrow decode}: the codes of an .npy file become float32. */
@Command(
    name = "decode",
    description = {
      "Decode an .npy file of codes (u1, u2, u4) to float32, correctly rounded.",
      "A file may be larger than memory."
    },
    mixinStandardHelpOptions = true)
final class DecodeCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Mixin ArrayFiles files = new ArrayFiles();

  @Option(
      names = "--from",
      paramLabel = "FORMAT",
      required = true,
      description = "The format of the codes: narrow formats lists them.")
  String from = "";

  DecodeCommand() {}

  @Override
  public Integer call() throws IOException {
    NumericFormat format = Arguments.parse(from, Formats::parse);
    files.check();
    PrintWriter stdout = spec.commandLine().getOut();
    try (NpyReader reader = NpyReader.open(files.in);
        FileProgress progress =
            new FileProgress("decoding", reader.header().elements(), spec.commandLine().getErr())) {
      requireCodes(reader.header().type(), format);
      NpyDecoder decoder = new NpyDecoder(files.in, reader, format, progress);
      AtomicFiles.write(files.out, decoder::writeTo);
      stdout.println(
          files.out + ": " + reader.header().elements() + " float32 of codes of " + format.name());
    }
    stdout.flush();
    return 0;
  }

  private void requireCodes(NpyType type, NumericFormat format) {
    NpyType least = NpyType.ofCodes(format.width());
    if (type.kind().isFloat() || type.kind().bytes() < least.kind().bytes()) {
      throw new UsageException(
          files.in
              + ": descr is "
              + type
              + ", expected "
              + least.kind()
              + (least.kind() == NpyType.Kind.U4 ? "" : " or wider")
              + ": codes of "
              + format.name()
              + " have "
              + format.width()
              + " bits");
    }
  }
}
