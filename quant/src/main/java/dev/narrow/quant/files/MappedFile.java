package dev.narrow.quant.files;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.util.function.Supplier;

/**
 * A whole file as memory, read-only; none of it is read before it is looked at.
 *
 * @param path the file
 * @param bytes all of it, for any thread
 * @param arena ends the mapping
 */
record MappedFile(Path path, MemorySegment bytes, Arena arena) implements Closeable {

  /**
   * Maps a file.
   *
   * @throws TensorFileException as {@link RegularFile#open}, and if the system does not map it
   */
  @SuppressWarnings("MustBeClosedChecker") // close() closes it
  static MappedFile open(Path file) {
    Arena arena = Arena.ofShared();
    try (FileChannel channel = RegularFile.open(file)) {
      MemorySegment bytes = channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
      return new MappedFile(file, bytes, arena);
    } catch (IOException e) {
      arena.close();
      throw RegularFile.unreadable(file, e);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /**
   * Does what reads the memory.
   *
   * @throws TensorFileException if a page of the file cannot be read: the JVM turns the fault into
   *     an error, where another program has cut the file off or its device fails
   */
  <T> T reading(Supplier<T> body) {
    return reading(path, body);
  }

  /** The same for memory of a file that is known by its path. */
  static <T> T reading(Path path, Supplier<T> body) {
    try {
      return body.get();
    } catch (InternalError fault) {
      throw new TensorFileException(
          path, "cannot be read: it has become shorter, or a device fails");
    }
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) { // closing twice does nothing more: Closeable
      arena.close();
    }
  }
}
