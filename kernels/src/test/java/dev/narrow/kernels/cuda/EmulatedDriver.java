package dev.narrow.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
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
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/**
 * A driver library whose device is this processor: it runs the kernels of src/main/cuda, compiled
 * by g++ (src/test/cuda). Where there is no g++, the tests that ask for it are skipped.
 *
 * <p>A process can load one driver: who uses CUDA in a test calls {@link #install} before.
 */
public final class EmulatedDriver {
  private static final String PROPERTY = "dev.narrow.cuda.library";

  /** In which order the threads of a block, and the blocks, take their turns. */
  public record Order(int kind, long seed) {
    /** From the first to the last. */
    public static final Order FORWARD = new Order(0, 0);

    /** From the last to the first. */
    public static final Order REVERSE = new Order(1, 0);

    /** In another order at each turn. */
    public static Order random(long seed) {
      return new Order(2, seed);
    }

    /** The three orders in which every kernel is tested. */
    public static List<Order> all() {
      return List.of(FORWARD, REVERSE, random(1));
    }
  }

  /** With which build.sh ends where there is no compiler. */
  private static final int NO_COMPILER = 3;

  private static @Nullable Path library;
  private static @Nullable String missing;

  private EmulatedDriver() {}

  /**
   * The library, built if it was not.
   *
   * @throws org.opentest4j.TestAbortedException if there is no g++
   * @throws AssertionError if the kernels do not compile
   */
  public static synchronized Path library() {
    if (library == null) {
      library = build("library");
    }
    return library;
  }

  /** Makes it the driver of this process, with all settings as they were at the start. */
  public static void install() {
    System.setProperty(PROPERTY, library().toString());
    reset();
  }

  /**
   * What src/test/cuda/build.sh builds.
   *
   * @throws org.opentest4j.TestAbortedException if there is no g++
   * @throws AssertionError if something does not compile
   */
  static synchronized Path build(String what) {
    if (missing != null) {
      return Assumptions.abort(missing);
    }
    Path kernels = kernels();
    Run run =
        attempt(
            List.of(
                "bash",
                kernels.resolve("src/test/cuda/build.sh").toString(),
                what,
                kernels.resolve("target/emulator").toString()));
    if (run.status() == NO_COMPILER) {
      missing = run.errors().strip();
      System.err.println("CUDA kernels are not tested: " + missing);
      return Assumptions.abort(missing);
    }
    if (run.status() != 0) {
      throw new AssertionError(run.toString());
    }
    return Path.of(run.output().strip());
  }

  /** What a command has printed, and its exit code. */
  record Run(int status, String output, String errors) {}

  /**
   * Runs a command and gives what it has printed to its standard output.
   *
   * @throws AssertionError with all that it has printed, if it fails
   */
  static String run(List<String> command) {
    Run run = attempt(command);
    if (run.status() != 0) {
      throw new AssertionError(String.join(" ", command) + ": " + run);
    }
    return run.output();
  }

  /** Runs a command that may fail. */
  static Run attempt(List<String> command) {
    try {
      Path errors = Files.createTempFile("narrow", ".txt");
      try {
        Process process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Run(process.waitFor(), output, Files.readString(errors));
      } finally {
        Files.delete(errors);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** The folder of the module kernels. */
  static Path kernels() {
    Path here = Path.of("").toAbsolutePath();
    for (Path candidate : List.of(here, here.resolve("kernels"), here.resolveSibling("kernels"))) {
      if (Files.exists(candidate.resolve("src/test/cuda/build.sh"))) {
        return candidate;
      }
    }
    throw new AssertionError("there is no src/test/cuda in or beside " + here);
  }

  /** Of all launches from now on. */
  public static void order(Order order) {
    Native.call(Native.ORDER, order.kind(), order.seed());
  }

  /**
   * Changes the driver or its devices.
   *
   * @param name devices, driver (its version), capability (times 10), memory (bytes), or lazy (1:
   *     streams run only when somebody waits, 0: at once)
   */
  public static void set(String name, long value) {
    try (Arena arena = Arena.ofConfined()) {
      if ((int) Native.call(Native.SET, arena.allocateFrom(name), value) == 0) {
        throw new IllegalArgumentException(
            "the emulated driver has no setting " + name + " = " + value);
      }
    }
  }

  /** Lets a call of a function fail with a CUresult, after so many that do not. */
  public static void fail(String function, int error, long callsBefore) {
    try (Arena arena = Arena.ofConfined()) {
      Native.call(Native.FAIL, arena.allocateFrom(function), error, callsBefore);
    }
  }

  /**
   * Writes down what the kernels are given, from which {@code build.sh replay} runs them again.
   *
   * @param file empty for none, or for that of the environment
   */
  static void trace(String file) {
    try (Arena arena = Arena.ofConfined()) {
      Native.call(Native.TRACE, arena.allocateFrom(file));
    }
  }

  /** All settings and counts as they were at the start. */
  public static void reset() {
    Native.call(Native.RESET);
  }

  /** How often a function of the driver was called. */
  public static long calls(String function) {
    return count(Native.CALLS, function);
  }

  /** How often a call waited for a stream or for the device, or would have done so. */
  public static long synchronizations() {
    return (long) Native.call(Native.SYNCHRONIZATIONS);
  }

  /** How many kernels have run. */
  public static long launches() {
    return (long) Native.call(Native.LAUNCHES);
  }

  /** What was wrong with the last call or kernel that failed. */
  public static String message() {
    return ((MemorySegment) Native.call(Native.MESSAGE)).getString(0);
  }

  /**
   * How many there are that were not freed.
   *
   * @param what allocations, contexts, streams, events, modules, graphs, or host memory
   */
  public static long live(String what) {
    return count(Native.LIVE, what);
  }

  private static long count(MethodHandle function, String name) {
    try (Arena arena = Arena.ofConfined()) {
      return (long) Native.call(function, arena.allocateFrom(name));
    }
  }

  /** The functions of src/test/cuda/control.h. */
  @SuppressWarnings("restricted")
  private static final class Native {
    private static final SymbolLookup SYMBOLS =
        SymbolLookup.libraryLookup(library(), Arena.global());
    static final MethodHandle ORDER = find("order", null, JAVA_INT, JAVA_LONG);
    static final MethodHandle SET = find("set", JAVA_INT, ADDRESS, JAVA_LONG);
    static final MethodHandle FAIL = find("fail", null, ADDRESS, JAVA_INT, JAVA_LONG);
    static final MethodHandle TRACE = find("trace", null, ADDRESS);
    static final MethodHandle RESET = find("reset", null);
    static final MethodHandle CALLS = find("calls", JAVA_LONG, ADDRESS);
    static final MethodHandle SYNCHRONIZATIONS = find("synchronizations", JAVA_LONG);
    static final MethodHandle LAUNCHES = find("launches", JAVA_LONG);
    static final MethodHandle MESSAGE =
        find(
            "message",
            ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(Integer.MAX_VALUE, JAVA_BYTE)));
    static final MethodHandle LIVE = find("live", JAVA_LONG, ADDRESS);

    private static MethodHandle find(
        String name, @Nullable MemoryLayout result, MemoryLayout... arguments) {
      FunctionDescriptor type =
          result == null
              ? FunctionDescriptor.ofVoid(arguments)
              : FunctionDescriptor.of(result, arguments);
      return Linker.nativeLinker()
          .downcallHandle(SYMBOLS.findOrThrow("narrow_emulator_" + name), type);
    }

    static Object call(MethodHandle function, Object... arguments) {
      try {
        return function.invokeWithArguments(arguments);
      } catch (Throwable e) {
        throw new AssertionError(e);
      }
    }
  }
}
