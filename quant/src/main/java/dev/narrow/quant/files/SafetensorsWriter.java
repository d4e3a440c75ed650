package dev.narrow.quant.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * Writes .safetensors files, whole or not at all, one tensor after the other: what they hold is
 * known before, and no more of it is in memory than the caller has there. The bytes are those that
 * the Python package writes for the same tensors; metadata, which it writes in any order, is
 * sorted.
 */
public final class SafetensorsWriter {
  private SafetensorsWriter() {}

  /** What has the tensors. */
  @FunctionalInterface
  public interface Bodies {
    /**
     * Writes all elements of one tensor.
     *
     * @param tensor one of those that were announced
     * @param sink takes them in row-major order, in one part or many
     * @throws IOException if it cannot, which leaves the old file as it was
     */
    void write(TensorInfo tensor, TensorSink sink) throws IOException;
  }

  /**
   * Writes a file.
   *
   * @param file the file; directories above it are created
   * @param replace whether a file that exists is replaced; otherwise it is left as it is
   * @param metadata texts that the file has under {@code __metadata__}; none at all if empty
   * @param tensors what the file will hold, in any order, as {@link SafetensorsType#info} makes it
   * @param bodies is asked for each of them in the order in which they lie in the file: wide dtypes
   *     first, then by name
   * @throws IllegalArgumentException if two tensors have one name, a name is none, the header
   *     exceeds 100 MB, or a tensor is not as its dtype wants it; nothing is written
   * @throws IllegalStateException if the bodies of a tensor are not as long as was announced
   * @throws IOException if the file exists and is not to be replaced, or cannot be written; the
   *     message names the file and the cause, and the old file is as it was
   */
  public static void write(
      Path file,
      boolean replace,
      Map<String, String> metadata,
      Collection<TensorInfo> tensors,
      Bodies bodies)
      throws IOException {
    List<TensorInfo> sorted = SafetensorsLayout.sorted(tensors);
    byte[] header = SafetensorsLayout.header(sorted, metadata);
    requireAbsent(file, replace);
    AtomicFiles.write(
        file,
        out -> {
          out.write(header);
          for (TensorInfo tensor : sorted) {
            TensorSink sink = new TensorSink(out, tensor);
            bodies.write(tensor, sink);
            sink.finish();
          }
          if (!replace && Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException("it has appeared meanwhile");
          }
        });
  }

  /** Refuses to replace a file without leave. */
  static void requireAbsent(Path file, boolean replace) throws IOException {
    if (!replace && Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      throw new IOException("cannot write " + file + ": it exists");
    }
  }
}
