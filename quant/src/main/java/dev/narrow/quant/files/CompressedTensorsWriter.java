package dev.narrow.quant.files;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.CompressedTensors.Scheme;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Writes {@link Layout#COMPRESSED_TENSORS}. */
final class CompressedTensorsWriter implements LayoutWriter {
  private final CompressedTensorsConfig config;
  private final Map<Scheme, List<String>> modules = new EnumMap<>(Scheme.class);
  private final List<String> kept = new ArrayList<>();

  private CompressedTensorsWriter(CompressedTensorsConfig config) {
    this.config = config;
  }

  /**
   * A writer of a file and of the config.json beside it.
   *
   * @param source whose own config.json is taken over, where it has one beside it
   * @throws IOException if there is a config.json already that is not to be replaced, or that of
   *     the source is none
   */
  static CompressedTensorsWriter of(Path out, boolean replace, Path source) throws IOException {
    return new CompressedTensorsWriter(CompressedTensorsConfig.of(out, replace, source));
  }

  @Override
  public List<String> names(TensorInfo tensor, QuantizedType type) {
    Scheme scheme = CompressedTensors.scheme(tensor, type);
    String module = CompressedTensors.module(tensor.name(), CompressedTensors.WEIGHT);
    return scheme == Scheme.NVFP4
        ? List.of(
            tensor.name(), // which readers would take for the same
            module + CompressedTensors.PACKED,
            module + CompressedTensors.SCALE,
            module + CompressedTensors.GLOBAL_SCALE)
        : List.of(tensor.name(), module + CompressedTensors.SCALE);
  }

  @Override
  public void put(TensorInfo info, Tensor tensor, String made, Spool spool) throws IOException {
    Scheme scheme = CompressedTensors.scheme(info, QuantizedType.of(tensor));
    String module = CompressedTensors.module(info.name(), CompressedTensors.WEIGHT);
    Scales scales = tensor.scales();
    long rows = tensor.shape().dim(0);
    long columns = tensor.shape().dim(1);
    if (scheme == Scheme.NVFP4) {
      spool.putCodes(
          SafetensorsType.U8.info(module + CompressedTensors.PACKED, List.of(rows, columns / 2)),
          tensor);
      spool.putScales(
          SafetensorsType.F8_E4M3.info(
              module + CompressedTensors.SCALE, List.of(rows, columns / CompressedTensors.GROUP)),
          Formats.E4M3FN,
          scales);
      spool.putScales(
          SafetensorsType.F32.info(module + CompressedTensors.GLOBAL_SCALE, List.of(1L)),
          Formats.FP32,
          Scales.of(1 / scales.outer().orElse(Scales.one()).scale(0)));
    } else {
      List<Long> grid =
          switch (scheme) {
            case FP8_TENSOR -> List.of(1L);
            case FP8_CHANNEL -> List.of(rows, 1L);
            default -> CodePlace.extents(scheme.granularity().grid(tensor.shape()));
          };
      spool.putCodes(
          SafetensorsType.F8_E4M3.info(info.name(), CodePlace.extents(tensor.shape())), tensor);
      spool.putScales(
          SafetensorsType.F32.info(module + CompressedTensors.SCALE, grid), Formats.FP32, scales);
    }
    modules.computeIfAbsent(scheme, _ -> new ArrayList<>()).add(module);
  }

  @Override
  public void keep(TensorInfo info) {
    if (info.name().endsWith(CompressedTensors.WEIGHT) && info.shape().size() == 2) {
      kept.add(CompressedTensors.module(info.name(), CompressedTensors.WEIGHT));
    }
  }

  /** What the loaders of that library's users ask for. */
  @Override
  public Map<String, String> metadata() {
    return Map.of("format", "pt");
  }

  @Override
  public void finish() throws IOException {
    config.write(modules, kept);
  }
}
