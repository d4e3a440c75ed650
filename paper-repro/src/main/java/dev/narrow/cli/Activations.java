package dev.narrow.cli;

import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.TensorFile;
import dev.narrow.quant.files.TensorFiles;
import dev.narrow.quant.files.TensorInfo;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Calibration activations: a file with the inputs X[samples, in] of layers. Those of the weight
 * {@code L.weight} are named {@code L}, {@code L.input} or {@code L.weight}.
 */
final class Activations implements AutoCloseable {
  private static final String WEIGHT = ".weight";

  private final @Nullable TensorFile file;
  private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

  /** Opens a file, if there is one. */
  Activations(@Nullable Path path) {
    file = path == null ? null : TensorFiles.open(path);
    if (file != null) {
      file.tensors().forEach(info -> tensors.put(info.name(), info));
    }
  }

  /** Whether there is a file. */
  boolean isThere() {
    return file != null;
  }

  /**
   * The inputs of the layer of this weight, if the file has some; read anew each time.
   *
   * @throws UsageException if they do not fit the weight
   */
  Optional<Tensor> of(TensorInfo weight) {
    if (file == null || weight.shape().size() != 2) {
      return Optional.empty();
    }
    String layer =
        weight.name().endsWith(WEIGHT)
            ? weight.name().substring(0, weight.name().length() - WEIGHT.length())
            : weight.name();
    for (String name : List.of(layer, layer + ".input", weight.name())) {
      TensorInfo info = tensors.get(name);
      if (info == null) {
        continue;
      }
      if (info.shape().size() != 2 || !info.shape().get(1).equals(weight.shape().get(1))) {
        throw new UsageException(
            file.path()
                + ": "
                + name
                + " has shape "
                + info.shape()
                + ", expected [samples, "
                + weight.shape().get(1)
                + "], the inputs of "
                + weight.name());
      }
      return Optional.of(TensorPieces.whole(file, info));
    }
    return Optional.empty();
  }

  @Override
  public void close() {
    if (file != null) {
      file.close();
    }
  }
}
