package dev.narrow.quant.files;

import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;

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

  @Override
  public void close() {
    arena.close();
  }
}
