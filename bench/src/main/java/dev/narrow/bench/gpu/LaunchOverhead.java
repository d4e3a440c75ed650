package dev.narrow.bench.gpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.narrow.bench.gpu.Finding.Measurement;
import dev.narrow.kernels.cuda.CudaDevice;
import dev.narrow.kernels.cuda.CudaModule;
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
import java.util.List;
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
final class LaunchOverhead {
  static final int BATCH = 256; // a stream takes about a thousand before a launch waits

  /** Microseconds. */
  private static final Goal ADDED = Goal.atMost(0.2);

  /** Where a library of {@code launch_loop.c} is, for machines without a compiler. */
  private static final String LIBRARY = "dev.narrow.bench.launch-loop";

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
   * Medians, in microseconds for a launch.
   *
   * @param java from Java
   * @param javaInContext from Java, where the context is current already
   * @param c the same in C
   * @param added what the first has more than the last, turn by turn
   * @param addedInContext what the second has more
   */
  record Result(
      double java, double javaInContext, double c, Quartiles added, Quartiles addedInContext) {}

  private LaunchOverhead() {}

  static List<Task> tasks(Bench bench) {
    String where = "launch, context current";
    return List.of(
        new Task("launch", () -> finding("launch", bench, false)),
        new Task(where, () -> finding(where, bench, true)));
  }

  private static Finding finding(String name, Bench bench, boolean inContext) throws IOException {
    String given = System.getProperty(LIBRARY);
    Path library = given == null ? compile() : Path.of(given);
    Result result =
        bench.quick()
            ? measure(bench.device(), library, 1, 3)
            : measure(bench.device(), library, 200, 401);
    return new Measurement(
        name,
        "4 arguments",
        "µs",
        inContext ? result.javaInContext() : result.java(),
        "C",
        result.c(),
        inContext ? result.addedInContext() : result.added(),
        bench.quick() ? null : ADDED);
  }

  /**
   * Measures.
   *
   * @param device with nothing to do
   * @param library a shared library of {@code launch_loop.c}
   * @param warmUp batches before
   * @param measured batches, an odd number
   * @throws IllegalArgumentException if it cannot be loaded
   * @throws IllegalStateException if a launch fails
   */
  @SuppressWarnings("restricted")
  static Result measure(CudaDevice device, Path library, int warmUp, int measured) {
    try (Arena arena = Arena.ofConfined();
        CudaModule module = device.load(KERNEL, "an empty kernel")) {
      MethodHandle loop =
          Linker.nativeLinker()
              .downcallHandle(
                  SymbolLookup.libraryLookup(library.toAbsolutePath(), arena)
                      .findOrThrow("narrow_launch_loop"),
                  FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG));
      MemorySegment launch = CurrentContext.function("cuLaunchKernel");
      Kernel kernel = module.kernel("sample_scale");
      long stream = device.stream().handle();
      double[] java = new double[measured];
      double[] javaInContext = new double[measured];
      double[] c = new double[measured];
      for (int i = -warmUp; i < measured; i++) {
        double outside = javaLoop(kernel);
        device.synchronize();
        double inside;
        double inC;
        try (CurrentContext _ = new CurrentContext(device)) {
          inside = javaLoop(kernel);
          device.synchronize();
          inC = (long) loop.invokeExact(launch, kernel.handle(), stream, (long) BATCH);
        }
        if (inC < 0) {
          throw new IllegalStateException("a launch in C fails with CUDA error " + (long) -inC);
        }
        device.synchronize();
        if (i >= 0) {
          java[i] = outside * 1e-3 / BATCH;
          javaInContext[i] = inside * 1e-3 / BATCH;
          c[i] = inC * 1e-3 / BATCH;
        }
      }
      return new Result(
          Quartiles.of(java).median(),
          Quartiles.of(javaInContext).median(),
          Quartiles.of(c).median(),
          differences(java, c),
          differences(javaInContext, c));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static Quartiles differences(double[] more, double[] less) {
    double[] differences = new double[more.length];
    Arrays.setAll(differences, i -> more[i] - less[i]);
    return Quartiles.of(differences);
  }

  private static long javaLoop(Kernel kernel) {
    long begin = System.nanoTime();
    for (int i = 0; i < BATCH; i++) {
      kernel.launch(1, 64, 0, kernel.arguments().add(0L).add(0L).add(1f).add(0L));
    }
    return System.nanoTime() - begin;
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
