package dev.narrow.bench;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.narrow.kernels.cuda.Cuda;
import dev.narrow.kernels.cuda.CudaDevice;
import dev.narrow.kernels.cuda.CudaModule;
import dev.narrow.kernels.cuda.CudaProbe;
import dev.narrow.kernels.cuda.Kernel;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;

/**
 * What a launch of a kernel costs from Java, beside the same launches in C: on one library of the
 * driver, in one stream, in turns.
 *
 * <p>Timed is what the processor does: the kernel does nothing, and the stream is waited for
 * between the batches, which are short enough not to fill its queue. Java's launches come from a
 * thread where no context is current, and so make it current and restore what was; C's do not. The
 * second figure of Java's is from a thread where it is current.
 */
public final class LaunchOverhead {
  static final int BATCH = 256; // a stream takes about a thousand before a launch waits
  private static final int WARM_UP = 200; // batches
  private static final int MEASURED = 401;

  /** As the emulated driver's kernel of this name, but on a GPU it does nothing. */
  private static final byte[] KERNEL =
      """
      .version 8.0
      .target sm_75
      .address_size 64
      .visible .entry sample_scale(
        .param .u64 sample_scale_param_0,
        .param .u64 sample_scale_param_1,
        .param .f32 sample_scale_param_2,
        .param .u64 sample_scale_param_3
      ) { ret; }
      """
          .getBytes(StandardCharsets.US_ASCII);

  /**
   * Medians, in nanoseconds for a launch.
   *
   * @param java from Java
   * @param javaInContext from Java, where the context is current already
   * @param c the same in C
   */
  public record Result(double java, double javaInContext, double c) {

    /** Nanoseconds that Java adds to a launch. */
    public double overhead() {
      return java - c;
    }

    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "a launch takes %.3f µs from Java, %.3f µs where the context is current, %.3f µs from C:"
              + " Java adds %.3f µs",
          java / 1e3,
          javaInContext / 1e3,
          c / 1e3,
          overhead() / 1e3);
    }
  }

  private LaunchOverhead() {}

  /**
   * Measures and prints one line.
   *
   * @param args a shared library of {@code launch_loop.c}; without one it is compiled by {@code cc}
   * @throws IOException if there is no compiler, or it fails
   */
  public static void main(String[] args) throws IOException {
    if (!(Cuda.probe() instanceof CudaProbe.Available)) {
      System.err.println("launches cannot be measured: " + Cuda.probe().describe());
      System.exit(1);
    }
    try (CudaDevice device = CudaDevice.open()) {
      System.out.println(measure(device, args.length > 0 ? Path.of(args[0]) : compile()));
    }
  }

  /**
   * Measures.
   *
   * @param device with nothing to do
   * @param library a shared library of {@code launch_loop.c}
   * @throws IllegalArgumentException if it cannot be loaded
   * @throws IllegalStateException if a launch fails
   */
  public static Result measure(CudaDevice device, Path library) {
    return measure(device, library, WARM_UP, MEASURED);
  }

  @SuppressWarnings("restricted")
  static Result measure(CudaDevice device, Path library, int warmUp, int measured) {
    String driver = System.getProperty("dev.narrow.cuda.library", "libcuda.so.1");
    try (Arena arena = Arena.ofConfined();
        CudaModule module = device.load(KERNEL, "an empty kernel")) {
      SymbolLookup symbols = SymbolLookup.libraryLookup(driver, Arena.global());
      Linker linker = Linker.nativeLinker();
      MethodHandle push =
          linker.downcallHandle(
              symbols.findOrThrow("cuCtxPushCurrent_v2"),
              FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
      MethodHandle pop =
          linker.downcallHandle(
              symbols.findOrThrow("cuCtxPopCurrent_v2"), FunctionDescriptor.of(JAVA_INT, ADDRESS));
      MethodHandle loop =
          linker.downcallHandle(
              SymbolLookup.libraryLookup(library.toAbsolutePath(), arena)
                  .findOrThrow("narrow_launch_loop"),
              FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG));
      MemorySegment launch = symbols.findOrThrow("cuLaunchKernel");
      MemorySegment previous = arena.allocate(ADDRESS);
      Kernel kernel = module.kernel("sample_scale");
      long context = device.contextHandle();
      long stream = device.stream().handle();
      double[] java = new double[measured];
      double[] javaInContext = new double[measured];
      double[] c = new double[measured];
      for (int i = -warmUp; i < measured; i++) {
        double outside = javaLoop(kernel);
        device.synchronize();
        check((int) push.invokeExact(context));
        double inside = javaLoop(kernel);
        device.synchronize();
        double inC = (long) loop.invokeExact(launch, kernel.handle(), stream, (long) BATCH);
        check((int) pop.invokeExact(previous));
        if (inC < 0) {
          throw new IllegalStateException("a launch in C fails with CUDA error " + (long) -inC);
        }
        device.synchronize();
        if (i >= 0) {
          java[i] = outside / BATCH;
          javaInContext[i] = inside / BATCH;
          c[i] = inC / BATCH;
        }
      }
      return new Result(median(java), median(javaInContext), median(c));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static long javaLoop(Kernel kernel) {
    long begin = System.nanoTime();
    for (int i = 0; i < BATCH; i++) {
      kernel.launch(1, 64, 0, kernel.arguments().add(0L).add(0L).add(1f).add(0L));
    }
    return System.nanoTime() - begin;
  }

  private static void check(int result) {
    if (result != 0) {
      throw new IllegalStateException("the context cannot be made current: CUDA error " + result);
    }
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }

  /**
   * Compiles {@code launch_loop.c} into a temporary file.
   *
   * @throws IOException if there is no {@code cc}, or it fails
   */
  static Path compile() throws IOException {
    Path directory = Files.createTempDirectory("narrow-launch");
    Path source = directory.resolve("launch_loop.c");
    Path library = directory.resolve("liblaunch_loop.so");
    try (InputStream in =
        Objects.requireNonNull(LaunchOverhead.class.getResourceAsStream("launch_loop.c"))) {
      Files.copy(in, source);
    }
    Process compiler =
        new ProcessBuilder(
                "cc", "-O2", "-shared", "-fPIC", "-o", library.toString(), source.toString())
            .inheritIO()
            .start();
    try {
      if (compiler.waitFor() != 0) {
        throw new IOException("cc cannot compile launch_loop.c");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
    Files.delete(source);
    directory.toFile().deleteOnExit(); // in the reverse order
    library.toFile().deleteOnExit();
    return library;
  }
}
