package dev.narrow.amp.djl;

import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.narrow.amp.AmpException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.function.Supplier;

/**
 * The switches of PyTorch's autocast (at::autocast in ATen/autocast_mode.h), which no binding for
 * Java offers, called by their C++ names. They belong to the thread of the system that calls them,
 * so that a virtual thread, which may go on in another one, must not.
 */
@SuppressWarnings("restricted") // foreign functions are all that it is about
final class LibtorchAutocast {
  /** The numbers that c10/core/ScalarType.h gives the types. */
  static final byte HALF = 5;

  static final byte BFLOAT16 = 15;

  private static final byte CPU = 0; // c10/core/DeviceType.h
  private static final String NAMESPACE = "_ZN2at8autocast";

  private final MethodHandle setEnabled;
  private final MethodHandle setType;
  private final MethodHandle isEnabled;
  private final MethodHandle clearCache;

  private LibtorchAutocast(SymbolLookup symbols) {
    // Both enumerations of C++ are of 8 bits, DeviceType and ScalarType.
    setEnabled =
        function(
            symbols,
            "20set_autocast_enabledEN3c1010DeviceTypeEb",
            void.class,
            JAVA_BYTE,
            JAVA_BOOLEAN);
    setType =
        function(
            symbols,
            "18set_autocast_dtypeEN3c1010DeviceTypeENS1_10ScalarTypeE",
            void.class,
            JAVA_BYTE,
            JAVA_BYTE);
    isEnabled =
        function(symbols, "19is_autocast_enabledEN3c1010DeviceTypeE", boolean.class, JAVA_BYTE);
    clearCache = function(symbols, "11clear_cacheEv", void.class);
  }

  /**
   * Finds the switches.
   *
   * @param library libtorch_cpu, as the engine has loaded it
   * @throws IllegalArgumentException if it is not there, or lacks one; the message says which
   */
  static LibtorchAutocast probe(Path library) {
    LibtorchAutocast found =
        new LibtorchAutocast(SymbolLookup.libraryLookup(library, Arena.global()));
    if (found.isEnabled()) {
      throw new IllegalArgumentException(
          library.getFileName() + " says that autocast is on already, expected it to be off");
    }
    return found;
  }

  private static MethodHandle function(
      SymbolLookup symbols, String name, Class<?> result, MemoryLayout... arguments) {
    FunctionDescriptor descriptor =
        result == void.class
            ? FunctionDescriptor.ofVoid(arguments)
            : FunctionDescriptor.of(JAVA_BOOLEAN, arguments);
    return Linker.nativeLinker()
        .downcallHandle(
            symbols
                .find(NAMESPACE + name)
                .orElseThrow(() ->
                    new IllegalArgumentException("the library has no symbol " + NAMESPACE + name)),
            descriptor);
  }

  /**
   * Runs an operation with autocast on, on this thread and until it ends.
   *
   * @param type {@link #HALF} or {@link #BFLOAT16}
   * @throws AmpException if the thread is a virtual one
   */
  <T> T call(byte type, Supplier<T> operation) {
    requirePlatformThread();
    try {
      setType.invokeExact(CPU, type);
      setEnabled.invokeExact(CPU, true);
      try {
        return operation.get();
      } finally {
        setEnabled.invokeExact(CPU, false);
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e); // the switches throw nothing
    }
  }

  /**
   * Checks the thread.
   *
   * @throws AmpException if it is a virtual one
   */
  static void requirePlatformThread() {
    if (Thread.currentThread().isVirtual()) {
      throw new AmpException(
          "autocast of PyTorch on the virtual thread "
              + Thread.currentThread()
              + ", expected a platform thread: its state would stay with the carrier");
    }
  }

  /** Forgets the weights that were cast: they change in the step. */
  void clearCache() {
    try {
      clearCache.invokeExact();
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Whether autocast is on, on this thread. */
  boolean isEnabled() {
    try {
      return (boolean) isEnabled.invokeExact(CPU);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
