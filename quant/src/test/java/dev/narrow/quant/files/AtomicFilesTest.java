package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFilesTest {
  @TempDir Path directory;

  @Test
  void writesAndReplacesAndCreatesParents() throws IOException {
    Path file = directory.resolve("a/b/report.md");
    AtomicFiles.write(file, "old, and longer");
    AtomicFiles.write(file, "new ±");
    assertEquals("new ±", Files.readString(file));
    assertEquals(List.of(file), list(directory.resolve("a/b")));
  }

  @Test
  void aFailedWriteLeavesTheOldContentAndNoTrace() throws IOException {
    Path file = directory.resolve("report.md");
    AtomicFiles.write(file, "old");
    IOException e =
        assertThrows(
            IOException.class,
            () ->
                AtomicFiles.write(
                    file,
                    out -> {
                      out.write("half".getBytes(StandardCharsets.UTF_8));
                      throw new IOException("No space left on device");
                    }));
    assertEquals("cannot write " + file + ": No space left on device", e.getMessage());
    assertEquals("old", Files.readString(file));
    assertEquals(List.of(file), list(directory));
  }

  @Test
  void aFailureThatIsNoIoExceptionCleansUpToo() throws IOException {
    assertThrows(
        ArithmeticException.class,
        () ->
            AtomicFiles.write(
                directory.resolve("report.md"),
                _ -> {
                  throw new ArithmeticException("not a number");
                }));
    assertEquals(List.of(), list(directory));
  }

  /** A program that ends in the middle of writing, as on Ctrl-C. */
  static final class Interrupted {
    private Interrupted() {}

    public static void main(String[] args) throws IOException {
      AtomicFiles.write(
          Path.of(args[0]),
          out -> {
            out.write(1);
            try (Stream<Path> files = Files.list(Path.of(args[0]).getParent())) {
              System.out.print(files.count());
            }
            System.exit(3);
          });
    }
  }

  @Test
  void aProgramThatEndsMeanwhileLeavesNoTrace() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                String.join(File.pathSeparator, "target/classes", "target/test-classes"),
                Interrupted.class.getName(),
                directory.resolve("report.md").toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (InputStream out = process.getInputStream()) {
      assertEquals("1", new String(out.readAllBytes(), StandardCharsets.US_ASCII), "half a file");
    }
    assertEquals(3, process.waitFor());
    assertEquals(List.of(), list(directory));
  }

  @Test
  void aDirectoryIsNotOverwritten() throws IOException {
    Path file = Files.createDirectory(directory.resolve("report.md"));
    IOException e = assertThrows(IOException.class, () -> AtomicFiles.write(file, "text"));
    assertEquals("cannot write " + file + ": it is a directory", e.getMessage());
    assertTrue(Files.isDirectory(file));
    assertEquals(List.of(file), list(directory));
  }

  @Test
  void aFileInTheWayOfADirectoryIsNamed() throws IOException {
    Path obstacle = Files.writeString(directory.resolve("out"), "a file");
    Path file = obstacle.resolve("report.md");
    IOException e = assertThrows(IOException.class, () -> AtomicFiles.write(file, "text"));
    assertEquals("cannot write " + file + ": " + obstacle + " is not a directory", e.getMessage());
    assertEquals("a file", Files.readString(obstacle));
  }

  @Test
  void aSymbolicLinkStaysALink() throws IOException {
    Path target = Files.writeString(directory.resolve("latest-1.md"), "old");
    Path link = Files.createSymbolicLink(directory.resolve("latest.md"), target);
    AtomicFiles.write(link, "new");
    assertTrue(Files.isSymbolicLink(link));
    assertEquals("new", Files.readString(target));
  }

  private static List<Path> list(Path directory) throws IOException {
    try (var files = Files.list(directory)) {
      return files.sorted().toList();
    }
  }
}
