package dev.narrow.quant.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Opens files of tensors of any kind. */
public final class TensorFiles {
  private static final String INDEX = ".safetensors.index.json";
  private static final String SAFETENSORS = ".safetensors";
  private static final int SHOWN = 3;

  private TensorFiles() {}

  /**
   * Opens a file of the kind that its first bytes or else its name say. In .safetensors files of a
   * {@link Layout}, codes and scales are one tensor, whose {@link TensorFile#bytes} are its codes.
   *
   * @param path .safetensors, .safetensors.index.json, .npy or .gguf; or a directory with a
   *     model.safetensors.index.json or else with one .safetensors file
   * @return the file, to be closed
   * @throws TensorFileException if there is no such file, it is of another kind, or anything is
   *     wrong with it
   */
  public static TensorFile open(Path path) {
    Path file = Files.isDirectory(path) ? inDirectory(path) : path;
    String name = String.valueOf(file.getFileName());
    String first = first(file);
    if (first.startsWith("\u0093NUMPY") || name.endsWith(".npy")) {
      return NpyTensorFile.open(file);
    }
    if (first.startsWith("GGUF") || name.endsWith(".gguf")) {
      return GgufFile.open(file);
    }
    if (name.endsWith(INDEX)) {
      return QuantizedFile.of(ShardedSafetensors.open(file));
    }
    if (name.endsWith(SAFETENSORS) || first.startsWith("{", SafetensorsHeader.LENGTH_BYTES)) {
      return QuantizedFile.of(SafetensorsFile.open(file));
    }
    throw new TensorFileException(
        file,
        "is of no known kind"
            + (first.startsWith("PK") ? " (a ZIP archive, as .npz and .pt are)" : "")
            + ", expected .safetensors, .safetensors.index.json, .npy or .gguf");
  }

  /** The first bytes, one character for each. */
  private static String first(Path file) {
    ByteBuffer bytes = ByteBuffer.allocate(SafetensorsHeader.LENGTH_BYTES + 1);
    try (FileChannel channel = RegularFile.open(file)) {
      channel.read(bytes, 0);
    } catch (IOException e) {
      throw RegularFile.unreadable(file, e);
    }
    return new String(bytes.array(), 0, bytes.position(), StandardCharsets.ISO_8859_1);
  }

  private static Path inDirectory(Path directory) {
    Path index = directory.resolve("model" + INDEX);
    if (Files.exists(index)) {
      return index;
    }
    List<String> names;
    try (Stream<Path> files = Files.list(directory)) {
      names =
          files
              .map(file -> String.valueOf(file.getFileName()))
              .filter(name -> name.endsWith(SAFETENSORS))
              .sorted()
              .toList();
    } catch (IOException e) {
      throw RegularFile.unreadable(directory, e);
    }
    if (names.size() != 1) {
      throw new TensorFileException(
          directory,
          "is a directory with neither a model"
              + INDEX
              + " nor a single .safetensors file, but "
              + (names.isEmpty() ? "none" : names.size() + ": " + shown(names)));
    }
    return directory.resolve(names.getFirst());
  }

  private static String shown(List<String> names) {
    String listed = String.join(", ", names.subList(0, Math.min(SHOWN, names.size())));
    return names.size() > SHOWN ? listed + ", ..." : listed;
  }
}
