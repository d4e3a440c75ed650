package dev.narrow.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * oneDNN's library, linked: its C functions as method handles. It comes in a jar of Bytedeco's,
 * from which it is unpacked; none of the Java classes of that project are needed.
 */
@SuppressWarnings("restricted")
final class OneDnnLibrary {
  private static final String DIRECTORY = "org/bytedeco/dnnl/linux-x86_64/";
  private static final String LIBRARY = "libdnnl.so.3";
  private static final String OPENMP = "libgomp.so.1"; // looked for beside the library

  /** (transa, transb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc), rows one after another. */
  private static final FunctionDescriptor GEMM =
      FunctionDescriptor.of(
          JAVA_INT,
          JAVA_BYTE,
          JAVA_BYTE,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_FLOAT,
          ADDRESS,
          JAVA_LONG,
          ADDRESS,
          JAVA_LONG,
          JAVA_FLOAT,
          ADDRESS,
          JAVA_LONG);

  private final SymbolLookup symbols;

  private OneDnnLibrary(SymbolLookup symbols) {
    this.symbols = symbols;
  }

  /**
   * Unpacks the library, loads it for good, and deletes what was unpacked.
   *
   * @throws FileNotFoundException if the jar is not there, or not for this machine
   * @throws IOException if it cannot be unpacked
   * @throws IllegalArgumentException if the system cannot load it
   */
  static OneDnnLibrary load(ClassLoader loader) throws IOException {
    String system = System.getProperty("os.name") + " on " + System.getProperty("os.arch");
    if (!system.equals("Linux on amd64")) {
      throw new FileNotFoundException("it is there for Linux on amd64, and this is " + system);
    }
    if (loader.getResource(DIRECTORY + LIBRARY) == null) {
      throw new FileNotFoundException(
          "there is no org.bytedeco:dnnl (linux-x86_64) on the class path");
    }
    Path directory = Files.createTempDirectory("narrow-onednn"); // readable by its owner alone
    try {
      for (String file : List.of(OPENMP, LIBRARY)) {
        try (InputStream in = loader.getResourceAsStream(DIRECTORY + file)) {
          if (in != null) { // OpenMP may be the system's
            Files.copy(in, directory.resolve(file));
          }
        }
      }
      return new OneDnnLibrary(
          SymbolLookup.libraryLookup(directory.resolve(LIBRARY), Arena.global()));
    } finally {
      Files.deleteIfExists(directory.resolve(OPENMP));
      Files.deleteIfExists(directory.resolve(LIBRARY));
      Files.deleteIfExists(directory);
    }
  }

  /** Major, minor and patch level, for example {@code 3.11.0}. */
  String version() throws Throwable {
    // The structure begins with three ints.
    MemorySegment version =
        (MemorySegment) function("dnnl_version", FunctionDescriptor.of(ADDRESS)).invokeExact();
    MemorySegment levels = version.reinterpret(3 * JAVA_INT.byteSize());
    return levels.getAtIndex(JAVA_INT, 0)
        + "."
        + levels.getAtIndex(JAVA_INT, 1)
        + "."
        + levels.getAtIndex(JAVA_INT, 2);
  }

  /** The instructions that it uses here, by the names of its variable ONEDNN_MAX_CPU_ISA. */
  String isa() throws Throwable {
    int isa =
        (int) function("dnnl_get_effective_cpu_isa", FunctionDescriptor.of(JAVA_INT)).invokeExact();
    return switch (isa) { // dnnl_cpu_isa_t
      case 0x1 -> "SSE41";
      case 0x3 -> "AVX";
      case 0x7 -> "AVX2";
      case 0xf -> "AVX2_VNNI";
      case 0x1f -> "AVX2_VNNI_2";
      case 0x27 -> "AVX512_CORE";
      case 0x67 -> "AVX512_CORE_VNNI";
      case 0xe7 -> "AVX512_CORE_BF16";
      case 0x1ef -> "AVX512_CORE_FP16";
      case 0xfef -> "AVX512_CORE_AMX";
      case 0x1fef -> "AVX512_CORE_AMX_FP16";
      default -> "ISA 0x" + Integer.toHexString(isa);
    };
  }

  /**
   * A product by its name. While it runs no thread of the virtual machine can reach a safepoint,
   * which is what lets it work on Java's own arrays: calls must be short.
   */
  MethodHandle gemm(String name) {
    return function(name, GEMM, Linker.Option.critical(true));
  }

  /** Sets how many threads the products called from this thread have: of OpenMP's. */
  MethodHandle setThreads() {
    // Found through the library: another OpenMP may be in the process, with counts of its own.
    return function("omp_set_num_threads", FunctionDescriptor.ofVoid(JAVA_INT));
  }

  private MethodHandle function(
      String name, FunctionDescriptor descriptor, Linker.Option... options) {
    return Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), descriptor, options);
  }
}
