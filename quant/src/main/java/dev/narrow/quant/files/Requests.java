package dev.narrow.quant.files;

import dev.narrow.formats.Names;
import dev.narrow.quant.Shape;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;

/** What a file of tensors is asked for and cannot give. */
final class Requests {
  /** Names to compare with, and by how much their lengths may differ: a file can have millions. */
  private static final int CANDIDATES = 1000;

  private static final int LENGTHS = 8;

  private Requests() {}

  /** The exception for a tensor that is not there, with the names nearest to its own. */
  static IllegalArgumentException unknown(Path file, String name, Collection<String> there) {
    return new IllegalArgumentException(
        file + " has no tensor '" + JsonCursor.shown(name) + "'" + nearest(name, there));
  }

  /** "; the nearest: a, b, c", or nothing where none is near. */
  static String nearest(String name, Collection<String> there) {
    List<String> candidates =
        there.stream()
            .filter(other -> Math.abs(other.length() - name.length()) <= LENGTHS)
            .limit(CANDIDATES)
            .toList();
    return candidates.isEmpty() ? "" : "; the nearest: " + Names.nearest(name, candidates);
  }

  /**
   * The shape of a tensor in memory.
   *
   * @throws TensorFileException if a {@link Shape} cannot hold it
   */
  static Shape shape(Path file, TensorInfo tensor) {
    try {
      return Shape.of(tensor.shape().stream().mapToInt(Math::toIntExact).toArray());
    } catch (ArithmeticException | IllegalArgumentException e) {
      throw new TensorFileException(
          file,
          "tensor '"
              + JsonCursor.shown(tensor.name())
              + "' has shape "
              + tensor.shape()
              + ", expected fewer than 2^31 elements");
    }
  }
}
