package dev.narrow.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * narrow.cuh as plain C++, compiled by g++: the functions of src/test/cuda/formats.cpp. Where there
 * is no g++, the tests that ask for it are skipped.
 */
final class HeaderLibrary {
  private static final Map<String, MethodHandle> FUNCTIONS = new ConcurrentHashMap<>();

  private HeaderLibrary() {}

  private static final class Holder {
    private static final SymbolLookup SYMBOLS = load();

    @SuppressWarnings("restricted") // it is our library
    private static SymbolLookup load() {
      Path kernels = EmulatedDriver.kernels();
      Path folder = kernels.resolve("target/header");
      try {
        Files.createDirectories(folder);
        Path library = Files.createTempFile(folder, "formats", ".so");
        EmulatedDriver.run(
            List.of(
                System.getenv().getOrDefault("CXX", "g++"),
                "-std=c++17",
                "-O2",
                "-march=native",
                "-ffp-contract=off",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-shared",
                "-fPIC",
                "-I",
                kernels.resolve("src/main/cuda").toString(),
                "-o",
                library.toString(),
                kernels.resolve("src/test/cuda/formats.cpp").toString()));
        SymbolLookup symbols = SymbolLookup.libraryLookup(library, Arena.global());
        Files.delete(library);
        return symbols;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Calls a function of memory and integers that returns nothing. */
  static void call(String name, Object... arguments) {
    EmulatedDriver.library(); // skips the test where there is no g++
    try {
      FUNCTIONS.computeIfAbsent(name, n -> find(n, arguments)).invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new AssertionError(name, e);
    }
  }

  @SuppressWarnings("restricted") // with the types of formats.cpp
  private static MethodHandle find(String name, Object[] arguments) {
    MemoryLayout[] layouts = new MemoryLayout[arguments.length];
    for (int i = 0; i < layouts.length; i++) {
      layouts[i] =
          switch (arguments[i]) {
            case Integer _ -> JAVA_INT;
            case Long _ -> JAVA_LONG;
            default -> ADDRESS;
          };
    }
    return Linker.nativeLinker()
        .downcallHandle(
            Holder.SYMBOLS.findOrThrow(name),
            FunctionDescriptor.ofVoid(layouts),
            Linker.Option.critical(true)); // arrays where they are
  }

  /** The codes that a function of the library writes for n numbers. */
  static int[] codes(int n, Consumer<MemorySegment> function) {
    short[] codes = new short[n];
    function.accept(MemorySegment.ofArray(codes));
    int[] ints = new int[n];
    for (int i = 0; i < n; i++) {
      ints[i] = Short.toUnsignedInt(codes[i]);
    }
    return ints;
  }
}
