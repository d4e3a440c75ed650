package dev.narrow.quant.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Files on their way in: opened, or refused with the reason. */
final class RegularFile {
  private RegularFile() {}

  /**
   * Opens a file for reading.
   *
   * @throws TensorFileException if there is no such file, it may not be read, or it is a directory,
   *     a pipe or a device, which have no length
   */
  static FileChannel open(Path file) {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new TensorFileException(
          file, "is " + (Files.isDirectory(file) ? "a directory" : "no regular file"));
    }
    try {
      return FileChannel.open(file);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** The reason in plain words: the JDK's messages are often the bare path. */
  static TensorFileException unreadable(Path file, IOException e) {
    return new TensorFileException(
        file,
        switch (e) {
          case NoSuchFileException _ -> "there is no such file";
          case AccessDeniedException _ -> "permission denied";
          default -> "cannot be read: " + e.getMessage();
        });
  }
}
