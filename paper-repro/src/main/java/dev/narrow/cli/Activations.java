package dev.narrow.cli;

import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.TensorFile;
import dev.narrow.quant.files.TensorFiles;
import dev.narrow.quant.files.TensorInfo;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
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

  /**
   * Checks that at least one of these tensors is the weight of a layer whose inputs are here.
   *
   * @throws UsageException if not
   */
  void check(List<TensorInfo> weights) {
    if (file != null && weights.stream().noneMatch(w -> find(w).isPresent())) {
      throw new UsageException(
          file.path()
              + " has inputs of no layer, expected tensors named as layers: L for L.weight");
    }
  }

  private Optional<TensorInfo> find(TensorInfo weight) {
    String layer =
        weight.name().endsWith(WEIGHT)
            ? weight.name().substring(0, weight.name().length() - WEIGHT.length())
            : weight.name();
    return Stream.of(layer, layer + ".input", weight.name())
        .map(tensors::get)
        .filter(Objects::nonNull)
        .findFirst();
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
    TensorInfo info = find(weight).orElse(null);
    if (info == null) {
      return Optional.empty();
    }
    if (info.shape().size() != 2
        || !info.shape().get(1).equals(weight.shape().get(1))
        || info.elements() == 0) {
      throw new UsageException(
          file.path()
              + ": "
              + info.name()
              + " has shape "
              + info.shape()
              + ", expected [samples, "
              + weight.shape().get(1)
              + "], the inputs of "
              + weight.name());
    }
    return Optional.of(TensorPieces.whole(file, info));
  }

  @Override
  public void close() {
    if (file != null) {
      file.close();
    }
  }
}
