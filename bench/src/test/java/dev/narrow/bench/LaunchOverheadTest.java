package dev.narrow.bench;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.narrow.kernels.cuda.CudaDevice;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** What is timed is what is claimed: as many launches from Java as in C. */
class LaunchOverheadTest {
  private static boolean has(String program) {
    return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
  }

  /** A driver whose device is this processor; that its kernels run is the business of its tests. */
  private static String emulatedDriver() throws IOException, InterruptedException {
    Path kernels = Path.of("").toAbsolutePath().resolveSibling("kernels");
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

  @SuppressWarnings("restricted")
  private static long launches(String library) throws Throwable {
    try (Arena arena = Arena.ofConfined()) {
      return (long)
          Linker.nativeLinker()
              .downcallHandle(
                  SymbolLookup.libraryLookup(library, Arena.global())
                      .findOrThrow("narrow_emulator_calls"),
                  FunctionDescriptor.of(JAVA_LONG, ADDRESS))
              .invokeExact(arena.allocateFrom("cuLaunchKernel"));
    }
  }

  @Test
  void launchesAreTimedInTurns() throws Throwable {
    assumeTrue(has("g++") && has("cc"), "launches are not measured: there is no g++ or no cc");
    String driver = emulatedDriver();
    System.setProperty("dev.narrow.cuda.library", driver);
    try (CudaDevice device = CudaDevice.open()) {
      LaunchOverhead.Result result = LaunchOverhead.measure(device, LaunchOverhead.compile(), 1, 3);
      assertEquals(3L * 4 * LaunchOverhead.BATCH, launches(driver));
      for (double time : new double[] {result.java(), result.javaInContext(), result.c()}) {
        assertTrue(time > 0 && Double.isFinite(time), result.toString());
      }
    }
  }

  @Test
  void theLineHasMicroseconds() {
    assertEquals(
        "a launch takes 2.250 µs from Java, 2.125 µs where the context is current, 2.000 µs from C:"
            + " Java adds 0.250 µs",
        new LaunchOverhead.Result(2250, 2125, 2000).toString());
  }
}
