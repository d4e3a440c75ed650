package dev.narrow.bench.gpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.kernels.cuda.CudaDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import org.junit.jupiter.api.Test;

/** What is timed is what is claimed: as many launches from Java as in C. */
class LaunchOverheadTest {
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
    String driver = Emulator.install();
    try (CudaDevice device = CudaDevice.open()) {
      long before = launches(driver);
      LaunchOverhead.Result result = LaunchOverhead.measure(device, LaunchOverhead.compile(), 1, 3);
      assertEquals(3L * 4 * LaunchOverhead.BATCH, launches(driver) - before);
      for (double time : new double[] {result.java(), result.javaInContext(), result.c()}) {
        assertTrue(time > 0 && Double.isFinite(time), result.toString());
      }
    }
  }
}
