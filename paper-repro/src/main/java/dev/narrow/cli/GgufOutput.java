package dev.narrow.cli;

import dev.narrow.cli.QuantizeCommand.Change;
import dev.narrow.cli.QuantizeCommand.Outcome;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.GgufFile;
import dev.narrow.quant.files.GgufType;
import dev.narrow.quant.files.GgufWriter;
import dev.narrow.quant.files.TensorFile;
import dev.narrow.quant.files.TensorInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Quantizes into a GGUF file: matrices whose rows are whole blocks; what else is of a type that
 * GGUF has stays as it is, and the rest becomes F32.
 */
final class GgufOutput {
  private static final Map<String, GgufType> TYPES =
      Map.of(
          "q8_0",
          GgufType.Q8_0,
          "q4_0",
          GgufType.Q4_0,
          "f16",
          GgufType.F16,
          "fp16",
          GgufType.F16,
          "bf16",
          GgufType.BF16,
          "f32",
          GgufType.F32,
          "fp32",
          GgufType.F32);

  /** The numbers of {@code general.file_type} in llama.cpp. */
  private static final Map<GgufType, Long> FILE_TYPES =
      Map.of(
          GgufType.F32,
          0L,
          GgufType.F16,
          1L,
          GgufType.Q4_0,
          2L,
          GgufType.Q8_0,
          7L,
          GgufType.BF16,
          32L);

  private GgufOutput() {}

  /** Whether that is what a name asks for. */
  static boolean isAskedFor(Path out) {
    return out.toString().toLowerCase(Locale.ROOT).endsWith(".gguf");
  }

  /**
   * The type of this name.
   *
   * @throws UsageException if GGUF files are not written with it
   */
  static GgufType type(String name) {
    GgufType type = TYPES.get(name.strip().toLowerCase(Locale.ROOT));
    if (type == null) {
      throw new UsageException(
          "--format " + name + ", expected q8_0, q4_0, f16, bf16 or f32 for a .gguf file");
    }
    return type;
  }

  static List<Outcome> write(Path out, TensorFile source, GgufType type, FileProgress progress)
      throws IOException {
    GgufWriter writer = new GgufWriter();
    if (source instanceof GgufFile gguf) {
      writer.metadata(gguf);
    }
    writer.uint32("general.file_type", Objects.requireNonNull(FILE_TYPES.get(type)));
    List<Outcome> outcomes = new ArrayList<>();
    for (TensorInfo info : source.tensors()) {
      if (becomes(info, type)) {
        writer.tensor(
            info.name(), type, info.shape(), (from, dst) -> source.read(info.name(), from, dst));
        outcomes.add(outcome(source, info, type));
      } else if (source instanceof GgufFile gguf) {
        writer.copy(gguf, info.name());
        outcomes.add(new Outcome(info, Optional.empty()));
      } else {
        if (!info.hasFloats()) {
          throw new UsageException(
              info.name() + " is of " + info.dtype() + ", which becomes no type of a .gguf file");
        }
        writer.tensor(
            info.name(),
            GgufType.F32,
            info.shape(),
            (from, dst) -> source.read(info.name(), from, dst));
        outcomes.add(new Outcome(info, Optional.empty()));
      }
      progress.advance(info.elements());
    }
    writer.write(out);
    return outcomes;
  }

  private static boolean becomes(TensorInfo info, GgufType type) {
    List<Long> shape = info.shape();
    return info.hasFloats()
        && shape.size() >= 2
        && shape.getLast() % type.blockElements() == 0
        && info.elements() > 0;
  }

  private static Outcome outcome(TensorFile source, TensorInfo info, GgufType type) {
    Tensor values = TensorPieces.whole(source, info);
    Coding.Coded coded = new Coding.Blocks(type).code(values).orElseThrow();
    String name = type.name().toLowerCase(Locale.ROOT);
    return new Outcome(
        info,
        Optional.of(
            new Change(name, name, "nearest", coded.error(), coded.bytes(), Optional.empty())));
  }
}
