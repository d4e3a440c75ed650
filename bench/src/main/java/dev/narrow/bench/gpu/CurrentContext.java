package dev.narrow.bench.gpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.narrow.kernels.cuda.CudaDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/**
 * A device's context, current in this thread until it is closed: for libraries that work in the one
 * that is.
 */
final class CurrentContext implements AutoCloseable {
  private final MethodHandle pop;

  CurrentContext(CudaDevice device) {
    pop = find("cuCtxPopCurrent_v2", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    MethodHandle push = find("cuCtxPushCurrent_v2", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    int result;
    try {
      result = (int) push.invokeExact(device.contextHandle());
    } catch (Throwable e) {
      throw new LinkageError("cuCtxPushCurrent", e);
    }
    require("cuCtxPushCurrent", result);
  }

  @Override
  public void close() {
    int result;
    try (Arena arena = Arena.ofConfined()) {
      result = (int) pop.invokeExact(arena.allocate(ADDRESS));
    } catch (Throwable e) {
      throw new LinkageError("cuCtxPopCurrent", e);
    }
    require("cuCtxPopCurrent", result);
  }

  private static void require(String function, int result) {
    if (result != 0) {
      throw new IllegalStateException(function + " fails with CUDA error " + result);
    }
  }

  /** A function of the library of the driver in use. */
  static MemorySegment function(String name) {
    return Driver.SYMBOLS.findOrThrow(name);
  }

  @SuppressWarnings("restricted")
  private static MethodHandle find(String name, FunctionDescriptor type) {
    return Linker.nativeLinker().downcallHandle(function(name), type);
  }

  @SuppressWarnings("restricted")
  private static final class Driver {
    static final SymbolLookup SYMBOLS =
        SymbolLookup.libraryLookup(
            System.getProperty("dev.narrow.cuda.library", "libcuda.so.1"), Arena.global());
  }
}
