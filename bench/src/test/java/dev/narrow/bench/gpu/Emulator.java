package dev.narrow.bench.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Objects;

/** A driver whose device is this processor; that its kernels run is the business of its tests. */
final class Emulator {
  private Emulator() {}

  static boolean has(String program) {
    return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
  }

  /** Of a module beside this one. */
  static Path module(String name) {
    return Path.of("").toAbsolutePath().resolveSibling(name);
  }

  /**
   * The library, built if it was not.
   *
   * @throws org.opentest4j.TestAbortedException if there is no compiler
   */
  static String library() throws IOException, InterruptedException {
    if (!has("g++") || !has("cc")) {
      String missing = "the GPU check is not tested: there is no g++ or no cc";
      System.err.println(missing);
      return abort(missing);
    }
    Path kernels = module("kernels");
    Process build =
        new ProcessBuilder(
                "bash",
                kernels.resolve("src/test/cuda/build.sh").toString(),
                "library",
                kernels.resolve("target/emulator").toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String library = new String(build.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, build.waitFor(), library);
    return library.strip();
  }

  /** Makes it the driver of this process. */
  static String install() throws IOException, InterruptedException {
    String library = library();
    System.setProperty("dev.narrow.cuda.library", library);
    return library;
  }

  /** A libcublas whose device is this processor, in a folder. */
  static Path cublas(Path folder) throws IOException, InterruptedException {
    Path source = folder.resolve("fake_cublas.c");
    try (InputStream in =
        Objects.requireNonNull(Emulator.class.getResourceAsStream("fake_cublas.c"))) {
      Files.copy(in, source, StandardCopyOption.REPLACE_EXISTING);
    }
    Path library = folder.resolve("libcublas.so.12");
    Process compiler =
        new ProcessBuilder(
                "cc", "-O2", "-shared", "-fPIC", "-o", library.toString(), source.toString(), "-lm")
            .inheritIO()
            .start();
    assertEquals(0, compiler.waitFor());
    return library;
  }
}
