package dev.narrow.bench.gpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;

/**
 * Products in fp16 by the vendor's library, sums in fp32, through the foreign function API.
 *
 * <p>Its matrices lie in columns: what is [rows, columns] here is its transposition there, so that
 * out = x wᵀ in rows is outᵀ = (wᵀ)ᵀ xᵀ in columns, where wᵀ, x and out are what memory holds. Both
 * operands then lie along the sums, as the tensor cores have them fastest.
 *
 * <p>Whoever calls has the device's context current: see {@link CurrentContext}.
 */
final class Cublas implements AutoCloseable {
  // cublas_api.h, library_types.h
  private static final int OP_N = 0;
  private static final int OP_T = 1;
  private static final int FP16 = 2;
  private static final int COMPUTE_FP32 = 68;
  private static final int DEFAULT_ALGORITHM = -1;

  private final NativeFunctions functions;
  private final Arena arena = Arena.ofShared();
  private final long handle;
  private final int version;
  private final MemorySegment one;
  private final MemorySegment zero;

  /**
   * A handle whose work goes to a stream.
   *
   * @throws java.util.NoSuchElementException if the library is not cuBLAS
   * @throws IllegalStateException if it does not work with this driver
   */
  Cublas(SymbolLookup symbols, long stream) {
    functions =
        new NativeFunctions(symbols)
            .declare("cublasCreate_v2", ADDRESS)
            .declare("cublasDestroy_v2", JAVA_LONG)
            .declare("cublasGetVersion_v2", JAVA_LONG, ADDRESS)
            .declare("cublasSetStream_v2", JAVA_LONG, JAVA_LONG)
            .declare(
                "cublasGemmEx",
                JAVA_LONG, // handle
                JAVA_INT, // transposition of a
                JAVA_INT, // transposition of b
                JAVA_INT, // rows of c
                JAVA_INT, // columns of c
                JAVA_INT, // terms
                ADDRESS, // alpha, of the host
                JAVA_LONG, // a
                JAVA_INT, // its type
                JAVA_INT, // from a column to the next
                JAVA_LONG, // b
                JAVA_INT,
                JAVA_INT,
                ADDRESS, // beta, of the host
                JAVA_LONG, // c
                JAVA_INT,
                JAVA_INT,
                JAVA_INT, // what sums are computed in
                JAVA_INT); // algorithm
    one = arena.allocateFrom(JAVA_FLOAT, 1f);
    zero = arena.allocateFrom(JAVA_FLOAT, 0f);
    MemorySegment place = arena.allocate(JAVA_LONG);
    functions.call("cublasCreate_v2", place);
    handle = place.get(JAVA_LONG, 0);
    functions.call("cublasGetVersion_v2", handle, place);
    version = place.get(JAVA_INT, 0);
    functions.call("cublasSetStream_v2", handle, stream);
  }

  /**
   * out = x wᵀ, all fp16 in rows without gaps, in device memory.
   *
   * @param x [m, k]
   * @param w [n, k]
   * @param out [m, n]
   */
  void multiply(long x, long w, long out, int m, int n, int k) {
    functions.call(
        "cublasGemmEx",
        handle,
        OP_T,
        OP_N,
        n,
        m,
        k,
        one,
        w,
        FP16,
        k,
        x,
        FP16,
        k,
        zero,
        out,
        FP16,
        n,
        COMPUTE_FP32,
        DEFAULT_ALGORITHM);
  }

  /** For example {@code 120805} for 12.8.5; {@code 12.8.5} in words. */
  String version() {
    int major = version / 10000; // from version 10 on
    return major + "." + version / 100 % 100 + "." + version % 100;
  }

  @Override
  public void close() {
    try (arena) {
      functions.call("cublasDestroy_v2", handle);
    }
  }
}
