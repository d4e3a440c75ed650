package dev.narrow.repro.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.function.Executable;

/** Tiny files in the published layouts. */
final class Fixtures {
  static final URI NOWHERE = URI.create("https://data.invalid/");

  private Fixtures() {}

  /** A file whose published content is this. */
  static PublishedFile published(String folder, String name, URI base, byte[] content) {
    boolean gzip = name.endsWith(".gz");
    return new PublishedFile(
        folder, name, base.resolve(name), gzip, content.length, Sha256.of(content));
  }

  /** The line of an 8 × 8 image of one level. */
  static String line(int level, int label) {
    return (level + ",").repeat(64) + label + "\n";
  }

  static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  static byte[] idxImages(int count, int side, int level) {
    ByteBuffer idx = ByteBuffer.allocate(16 + count * side * side);
    idx.putInt(0x0803).putInt(count).putInt(side).putInt(side);
    while (idx.hasRemaining()) {
      idx.put((byte) level);
    }
    return idx.array();
  }

  static byte[] idxLabels(int... labels) {
    ByteBuffer idx = ByteBuffer.allocate(8 + labels.length).putInt(0x0801).putInt(labels.length);
    for (int label : labels) {
      idx.put((byte) label);
    }
    return idx.array();
  }

  static byte[] gzip(byte[] content) {
    var bytes = new ByteArrayOutputStream();
    try (var out = new GZIPOutputStream(bytes)) {
      out.write(content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /** Puts a file in its place under a data directory. */
  static Path put(Path root, PublishedFile file, byte[] bytes) throws IOException {
    Path path = root.resolve(file.folder()).resolve(file.name());
    Files.createDirectories(root.resolve(file.folder()));
    return Files.write(path, bytes);
  }

  /** Runs what must fail with one plain line that has all of these parts; returns the line. */
  static String failure(Executable action, String... parts) {
    String message = String.valueOf(assertThrows(DataException.class, action).getMessage());
    assertEquals(1, message.lines().count(), message);
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "no '" + part + "' in: " + message);
    }
    return message;
  }
}
