package dev.narrow.repro;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.formats.NumericFormat;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import dev.narrow.repro.data.Sha256;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Which code made a figure: a digest over the class files that take part in it, so that a changed
 * working copy never passes for the commit that it started from.
 */
public final class CodeVersion {
  private static final List<Class<?>> ONE_OF_EACH_MODULE =
      List.of(NumericFormat.class, Tensor.class, Backend.class, AmpPolicy.class, CodeVersion.class);

  private CodeVersion() {}

  /** The first 16 hexadecimal digits of the SHA-256 over all class files, in the order of names. */
  public static String current() {
    MessageDigest digest = Sha256.start();
    for (Class<?> type : ONE_OF_EACH_MODULE) {
      try {
        add(digest, type.getProtectionDomain().getCodeSource().getLocation().toURI());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (URISyntaxException e) {
        throw new IllegalStateException(e);
      }
    }
    return HexFormat.of().formatHex(digest.digest(), 0, 8);
  }

  private static void add(MessageDigest digest, URI location) throws IOException {
    Path path = Path.of(location);
    if (Files.isDirectory(path)) {
      addTree(digest, path);
    } else {
      try (FileSystem jar = FileSystems.newFileSystem(path, Map.of())) {
        addTree(digest, jar.getPath("/"));
      }
    }
  }

  private static void addTree(MessageDigest digest, Path root) throws IOException {
    List<Path> classes;
    try (Stream<Path> files = Files.walk(root)) {
      classes =
          files
              .filter(file -> file.toString().endsWith(".class"))
              .sorted((a, b) -> a.toString().compareTo(b.toString()))
              .toList();
    }
    for (Path file : classes) {
      digest.update(Files.readAllBytes(file));
    }
  }
}
