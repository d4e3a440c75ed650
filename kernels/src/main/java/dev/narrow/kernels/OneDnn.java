package dev.narrow.kernels;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Products by oneDNN: fp32 times fp32, and bf16 times bf16, whose dot-product instructions Java
 * cannot reach; the result is fp32. Arrays and native memory are worked on where they are.
 */
final class OneDnn {
  /**
   * Multiply-adds of one call, some 40 ms on a core with AVX-512: so long may other threads wait
   * that want to collect garbage. Larger products are made of several calls.
   */
  private static final long LARGEST_CALL = 1L << 31;

  private static final Logger LOG = System.getLogger(OneDnn.class.getName());

  private final MethodHandle setThreads;
  private final MethodHandle fp32;
  private final MethodHandle bf16;
  private final String build;

  /** Links the functions and tries them: the processor may lack what one of them needs. */
  OneDnn(OneDnnLibrary library) throws Throwable {
    setThreads = library.setThreads();
    fp32 = library.gemm("dnnl_sgemm");
    // Exported, not documented. The documented way, a primitive, needs memory that does not move.
    bf16 = library.gemm("dnnl_gemm_bf16bf16f32");
    build = library.version() + " " + library.isa();
    float[] sum = new float[1];
    Matrices out = Matrices.of(Tensor.of(sum, 1, 1));
    Tensor one = Tensor.of(new float[] {1}, 1, 1);
    for (Tensor factor : List.of(one, Quantizer.of(Formats.BF16).quantize(one))) {
      multiply(1f, Matrices.of(factor), Matrices.of(factor), 1f, out, 1);
    }
    if (sum[0] != 2) {
      throw new IllegalStateException("1 × 1 in fp32 and in bf16 add up to " + sum[0]);
    }
  }

  /** What came of loading: a library, or the reason why there is none. */
  record Attempt(@Nullable OneDnn library, String detail) {}

  /** Decided once, when somebody asks. */
  private static final class Loaded {
    private static final Attempt ATTEMPT =
        load(
            Objects.requireNonNullElseGet(
                OneDnn.class.getClassLoader(), ClassLoader::getSystemClassLoader));
    private static final AtomicBoolean WARNED = new AtomicBoolean();

    private Loaded() {}
  }

  /** The library of this process, or why there is none. */
  static Attempt attempt() {
    return Loaded.ATTEMPT;
  }

  /** As {@link #attempt}, for somebody who wants to use it: a line in the log if there is none. */
  static Attempt wanted() {
    Attempt attempt = attempt();
    if (attempt.library() == null && Loaded.WARNED.compareAndSet(false, true)) {
      LOG.log(Level.WARNING, "products in Java, without oneDNN: {0}", attempt.detail());
    }
    return attempt;
  }

  static Attempt load(ClassLoader loader) {
    try {
      OneDnn library = new OneDnn(OneDnnLibrary.load(loader));
      return new Attempt(library, library.build + ": products of fp32 and of bf16");
    } catch (IOException e) {
      return new Attempt(null, String.valueOf(e.getMessage()));
    } catch (Throwable e) { // whatever a library does to the linker, Java can go on without it
      if (e instanceof OutOfMemoryError memory) {
        throw memory;
      }
      return new Attempt(null, e.toString());
    }
  }

  /** Version and instructions, for example {@code 3.11.0 AVX512_CORE_BF16}. */
  String build() {
    return build;
  }

  /** Whether it multiplies such matrices; their extents are not looked at, but for being empty. */
  boolean takes(Matrices a, Matrices b, Matrices out) {
    boolean isFp32 = isPlain(a, Formats.FP32) && isPlain(b, Formats.FP32);
    boolean isBf16 = isPlain(a, Formats.BF16) && isPlain(b, Formats.BF16);
    return (isFp32 || isBf16) && isPlain(out, Formats.FP32);
  }

  /** Codes that are the values, rows or columns of them, at an address that C allows. */
  private static boolean isPlain(Matrices matrices, NumericFormat format) {
    Tensor tensor = matrices.tensor();
    return tensor.format().equals(format)
        && tensor.scales().isOne()
        && tensor.rotation().isEmpty()
        && matrices.size() > 0
        && (hasRows(matrices) || hasRows(matrices.transposed()))
        && tensor.storage().segment().address() % Tensor.bytesPerCode(format) == 0;
  }

  /** Whether elements of a row follow one another, and rows do not overlap. */
  private static boolean hasRows(Matrices matrices) {
    return (matrices.columnStride() == 1 || matrices.columns() == 1)
        && (matrices.rowStride() >= matrices.columns() || matrices.rows() == 1);
  }

  /**
   * out = alpha a b + beta out for each matrix of out, for matrices that it {@link #takes} and that
   * fit. Where beta is 0, out is not read.
   *
   * @param threads how many may work
   * @throws IllegalStateException if the library reports a failure; out is lost then
   */
  void multiply(float alpha, Matrices a, Matrices b, float beta, Matrices out, int threads) {
    try {
      setThreads.invokeExact(threads);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    MethodHandle gemm = a.tensor().format().equals(Formats.FP32) ? fp32 : bf16;
    for (int i = 0; i < out.count(); i++) {
      multiply(
          gemm,
          alpha,
          a.get(a.count() == 1 ? 0 : i),
          b.get(b.count() == 1 ? 0 : i),
          beta,
          out.get(i));
    }
  }

  private static void multiply(
      MethodHandle gemm, float alpha, Matrices a, Matrices b, float beta, Matrices out) {
    int m = out.rows();
    int n = out.columns();
    if ((long) m * n * a.columns() <= LARGEST_CALL || out.size() == 1) {
      call(gemm, alpha, a, b, beta, out);
    } else if (m >= n) {
      multiply(gemm, alpha, rows(a, 0, m / 2), b, beta, rows(out, 0, m / 2));
      multiply(gemm, alpha, rows(a, m / 2, m), b, beta, rows(out, m / 2, m));
    } else {
      multiply(gemm, alpha, a, columns(b, 0, n / 2), beta, columns(out, 0, n / 2));
      multiply(gemm, alpha, a, columns(b, n / 2, n), beta, columns(out, n / 2, n));
    }
  }

  private static Matrices rows(Matrices of, int from, int to) {
    return new Matrices(
        of.tensor(),
        of.offset() + from * of.rowStride(),
        1,
        0,
        to - from,
        of.columns(),
        of.rowStride(),
        of.columnStride());
  }

  private static Matrices columns(Matrices of, int from, int to) {
    return rows(of.transposed(), from, to).transposed();
  }

  /** Matrices lie within their memory; what is left to see to is that their extents agree. */
  private static void call(
      MethodHandle gemm, float alpha, Matrices a, Matrices b, float beta, Matrices out) {
    if (a.rows() != out.rows() || a.columns() != b.rows() || b.columns() != out.columns()) {
      throw new IllegalArgumentException("out = %s, a = %s, b = %s".formatted(out, a, b));
    }
    int status;
    try {
      status =
          (int)
              gemm.invokeExact(
                  (byte) (hasRows(a) ? 'N' : 'T'),
                  (byte) (hasRows(b) ? 'N' : 'T'),
                  (long) out.rows(),
                  (long) out.columns(),
                  (long) a.columns(),
                  alpha,
                  memory(a),
                  stride(a),
                  memory(b),
                  stride(b),
                  beta,
                  memory(out),
                  stride(out));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    if (status != 0) { // dnnl_status_t
      throw new IllegalStateException("oneDNN failed with status " + status);
    }
  }

  private static MemorySegment memory(Matrices matrix) {
    Tensor tensor = matrix.tensor();
    long bytes = (long) matrix.offset() * Tensor.bytesPerCode(tensor.format());
    return tensor.storage().segment().asSlice(bytes);
  }

  /** From a row as it is stored to the next: at least its length, even if there is only one. */
  private static long stride(Matrices matrix) {
    Matrices stored = hasRows(matrix) ? matrix : matrix.transposed();
    return Math.max(stored.rowStride(), stored.columns());
  }
}
