package dev.narrow.amp;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/**
 * A GPU that is this processor: the module kernels builds a driver library for its own tests, from
 * src/test/cuda, which runs its kernels. Where there is no g++, the tests that ask for it are
 * skipped.
 */
public final class EmulatedGpu {
  /** With which build.sh ends where there is no compiler. */
  private static final int NO_COMPILER = 3;

  private static @Nullable SymbolLookup symbols;

  private EmulatedGpu() {}

  /**
   * Makes it the driver of this process.
   *
   * @throws org.opentest4j.TestAbortedException if there is no g++
   */
  public static synchronized void install() {
    if (symbols == null) {
      String library = build();
      System.setProperty("dev.narrow.cuda.library", library);
      symbols = load(library);
    }
  }

  @SuppressWarnings("restricted")
  private static SymbolLookup load(String library) {
    return SymbolLookup.libraryLookup(library, Arena.global());
  }

  private static String build() {
    Path kernels = Path.of("../kernels").toAbsolutePath().normalize();
    try {
      Path errors = Files.createTempFile("narrow", ".txt");
      Process process =
          new ProcessBuilder(
                  List.of(
                      "bash",
                      kernels.resolve("src/test/cuda/build.sh").toString(),
                      "library",
                      kernels.resolve("target/emulator").toString()))
              .redirectError(errors.toFile())
              .start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int status = process.waitFor();
      String said = Files.readString(errors).strip();
      Files.delete(errors);
      if (status == NO_COMPILER) {
        System.err.println("training on a GPU is not tested: " + said);
        return Assumptions.abort(said);
      }
      if (status != 0) {
        throw new AssertionError(said);
      }
      return output.strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** How often a function of the driver was called. */
  public static long calls(String function) {
    return count("calls", function);
  }

  /** How many kernels have run. */
  public static long launches() {
    return count("launches", null);
  }

  /**
   * How many there are that were not freed.
   *
   * @param what allocations, contexts, streams, events, modules, graphs, or host memory
   */
  public static long live(String what) {
    return count("live", what);
  }

  /** Copies between the host and the device since the start, in either direction. */
  public static long copies() {
    return calls("cuMemcpyHtoDAsync") + calls("cuMemcpyDtoHAsync");
  }

  @SuppressWarnings({"NullAway", "restricted"}) // install comes first
  private static long count(String function, @Nullable String name) {
    MemorySegment symbol = symbols.findOrThrow("narrow_emulator_" + function);
    FunctionDescriptor type =
        name == null ? FunctionDescriptor.of(JAVA_LONG) : FunctionDescriptor.of(JAVA_LONG, ADDRESS);
    MethodHandle handle = Linker.nativeLinker().downcallHandle(symbol, type);
    try (Arena arena = Arena.ofConfined()) {
      return name == null
          ? (long) handle.invokeExact()
          : (long) handle.invokeExact(arena.allocateFrom(name));
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }
}
