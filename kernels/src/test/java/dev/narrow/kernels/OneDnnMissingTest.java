package dev.narrow.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.narrow.quant.Tensor;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Without oneDNN the work is done by Java, and one line says why. */
@Tag("scalar")
class OneDnnMissingTest {
  private static OneDnn.Attempt load(Path... directories) throws IOException {
    URL[] urls = new URL[directories.length];
    for (int i = 0; i < urls.length; i++) {
      urls[i] = directories[i].toUri().toURL();
    }
    try (var loader = new URLClassLoader(urls, ClassLoader.getPlatformClassLoader())) {
      return OneDnn.load(loader);
    }
  }

  private static void assertMissing(String reason, OneDnn.Attempt attempt) {
    assertNull(attempt.library());
    boolean isLinux =
        System.getProperty("os.name").equals("Linux")
            && System.getProperty("os.arch").equals("amd64");
    String expected = isLinux ? reason : "it is there for Linux on amd64";
    assertTrue(attempt.detail().contains(expected), attempt.detail());
    assertEquals(1, attempt.detail().lines().count(), attempt.detail());
  }

  @Test
  void aMissingJarIsNamed() throws IOException {
    assertMissing("there is no org.bytedeco:dnnl (linux-x86_64) on the class path", load());
  }

  @Test
  void aLibraryForAnotherProcessorIsNoException(@TempDir Path classes) throws IOException {
    byte[] other = otherLibrary();
    other[18] ^= 1; // e_machine of the ELF header
    Files.write(library(classes), other);
    assertMissing("Cannot open library", load(classes));
  }

  @Test
  void whatIsNotOneDnnIsNoException(@TempDir Path classes) throws IOException {
    Files.write(library(classes), otherLibrary());
    assertMissing("Symbol not found: omp_set_num_threads", load(classes));
  }

  private static Path library(Path classes) throws IOException {
    return Files.createDirectories(classes.resolve("org/bytedeco/dnnl/linux-x86_64"))
        .resolve("libdnnl.so.3");
  }

  /** One that every JDK for Linux has. */
  private static byte[] otherLibrary() throws IOException {
    Path zip = Path.of(System.getProperty("java.home"), "lib", "libzip.so");
    assumeTrue(Files.exists(zip), "no " + zip);
    return Files.readAllBytes(zip);
  }

  @Test
  void javaComputesAndTheLogHasOneLine(@TempDir Path directory) throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Ddev.narrow.kernels.provider=scalar",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                classPathWithoutOneDnn(),
                Child.class.getName())
            .redirectErrorStream(true)
            .directory(directory.toFile())
            .start();
    List<String> lines =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
            .lines()
            .toList();
    assertEquals(0, process.waitFor(), lines.toString());
    List<String> printed = lines.stream().filter(line -> line.startsWith("> ")).toList();
    assertEquals(
        List.of("> ORDERED", "> [19.0, 22.0, 43.0, 50.0]"), printed.subList(0, 2), lines::toString);
    assertTrue(
        printed.get(2).startsWith("> cpu, ORDERED, scalar, 2 threads; no oneDNN: "),
        lines::toString);
    assertEquals(
        1,
        lines.stream().filter(line -> line.contains("products in Java, without oneDNN: ")).count(),
        lines::toString);
  }

  private static String classPathWithoutOneDnn() {
    return Stream.of("java.class.path", "jdk.module.path")
        .map(property -> System.getProperty(property, ""))
        .flatMap(path -> Arrays.stream(path.split(File.pathSeparator, -1)))
        .filter(entry -> !entry.isEmpty() && !entry.contains("dnnl"))
        .collect(Collectors.joining(File.pathSeparator));
  }

  /** What runs without the jar. */
  static final class Child {
    private Child() {}

    public static void main(String[] args) {
      Tensor a = Tensor.of(new float[] {1, 2, 3, 4}, 2, 2);
      Tensor b = Tensor.of(new float[] {5, 6, 7, 8}, 2, 2);
      float[] out = new float[4];
      Backend.oneDnn(1).matmul(a, b, Tensor.of(out, 2, 2));
      System.out.println("> " + Backend.oneDnn(1).summation());
      System.out.println("> " + Arrays.toString(out));
      System.out.println("> " + Backend.oneDnn(2).describe());
    }
  }
}
