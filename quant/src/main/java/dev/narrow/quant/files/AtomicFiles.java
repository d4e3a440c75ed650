package dev.narrow.quant.files;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * Files that are there whole or not at all: the bytes go to a temporary file in the same directory,
 * which then takes the name in one step. Who reads meanwhile sees the old file or the new one. If
 * the program is told to end meanwhile, the temporary file goes too.
 */
public final class AtomicFiles {

  private AtomicFiles() {}

  /** What writes a file's bytes. */
  @FunctionalInterface
  public interface Body {
    /**
     * Writes all bytes; need not close or flush the stream.
     *
     * @param out takes the bytes
     * @throws IOException if it cannot, which leaves the old file as it was
     */
    void writeTo(OutputStream out) throws IOException;
  }

  /**
   * Writes a text in UTF-8.
   *
   * @param file the file
   * @param text its whole content
   * @throws IOException as {@link #write(Path, Body)} does
   */
  public static void write(Path file, String text) throws IOException {
    write(file, out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
  }

  /**
   * Writes or replaces a file, and creates the directories above it. A symbolic link is followed.
   *
   * @param file the file
   * @param body what writes its whole content
   * @throws IOException if the file cannot be written, or something that is not a regular file has
   *     its name; the message names the file and the cause, and no temporary file stays behind
   */
  public static void write(Path file, Body body) throws IOException {
    try {
      Path target = Files.isSymbolicLink(file) ? file.toRealPath() : file.toAbsolutePath();
      if (Files.exists(target) && !Files.isRegularFile(target)) {
        String what = Files.isDirectory(target) ? "a directory" : "not a regular file";
        throw new FileSystemException(target.toString(), null, "it is " + what);
      }
      Path directory = target.getParent();
      if (directory == null) {
        throw new FileSystemException(target.toString(), null, "it is a root directory");
      }
      Files.createDirectories(directory);
      replace(target, directory.resolve(".narrow-" + UUID.randomUUID() + ".tmp"), body);
    } catch (IOException e) {
      throw cannotWrite(file, e);
    }
  }

  /** The exception with the file and the cause in plain words. */
  static IOException cannotWrite(Path file, IOException e) {
    return new IOException("cannot write " + file + ": " + cause(e), e);
  }

  private static void replace(Path target, Path temporary, Body body) throws IOException {
    Thread atExit = deleteAtExit(temporary);
    try {
      // Not createTempFile, whose files only their owner may read.
      try (OutputStream out = Files.newOutputStream(temporary, StandardOpenOption.CREATE_NEW)) {
        body.writeTo(out);
      }
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException | RuntimeException | Error e) {
      try {
        Files.deleteIfExists(temporary);
      } catch (IOException leftBehind) {
        e.addSuppressed(leftBehind);
      }
      throw e;
    } finally {
      forget(atExit);
    }
  }

  private static Thread deleteAtExit(Path temporary) throws IOException {
    Thread delete = new Thread(() -> temporary.toFile().delete());
    try {
      Runtime.getRuntime().addShutdownHook(delete);
    } catch (IllegalStateException exiting) {
      throw new IOException("the program is about to end", exiting);
    }
    return delete;
  }

  private static void forget(Thread atExit) {
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException exiting) {
      // then it runs, and finds nothing or what is left
    }
  }

  /** The JDK's messages are often the bare path. */
  private static String cause(IOException e) {
    return switch (e) {
      case AccessDeniedException _ -> "permission denied";
      case FileAlreadyExistsException f -> f.getFile() + " is not a directory";
      case FileSystemException f when f.getReason() != null -> f.getReason();
      default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    };
  }
}
