package dev.narrow.bench.gpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * One product in E4M3 by the vendor's library, sums in fp32, to fp16, without scales: out = x wᵀ as
 * {@link Cublas} has it, which is the only arrangement of FP8 that every version takes.
 *
 * <p>FP8 has to be on the device's tensor cores: from compute capability 8.9 on.
 */
final class CublasFp8 implements AutoCloseable {
  // cublas_api.h, library_types.h, cublasLt.h
  private static final int OP_T = 1;
  private static final int FP32 = 0;
  private static final int FP16 = 2;
  private static final int E4M3 = 28;
  private static final int COMPUTE_FP32 = 68;
  private static final int TRANSPOSITION_OF_A = 3;
  private static final int MOST_WORKSPACE = 1;

  /** cublasLtMatmulHeuristicResult_t: 64 bytes of the algorithm come first. */
  private static final long HEURISTIC_BYTES = 96;

  private final NativeFunctions functions;
  private final Arena arena = Arena.ofShared();
  private final Deque<Runnable> release = new ArrayDeque<>();
  private final long stream;
  private final long workspace;
  private final long workspaceBytes;
  private final long handle;
  private final long operation;
  private final long layoutW;
  private final long layoutX;
  private final long layoutOut;
  private final MemorySegment algorithm;
  private final MemorySegment one;
  private final MemorySegment zero;
  private final MemorySegment place;

  /** Whether the library, or what it is linked with, has such products. */
  static boolean isIn(SymbolLookup symbols) {
    return new NativeFunctions(symbols).has("cublasLtMatmul");
  }

  /**
   * A product of these extents.
   *
   * @param stream that its work goes to
   * @param workspace device memory for it
   * @param workspaceBytes how much
   * @throws IllegalStateException if there is no algorithm for it, as where the GPU has no FP8
   */
  CublasFp8(
      SymbolLookup symbols, long stream, long workspace, long workspaceBytes, int m, int n, int k) {
    this.stream = stream;
    this.workspace = workspace;
    this.workspaceBytes = workspaceBytes;
    functions =
        new NativeFunctions(symbols)
            .declare("cublasLtCreate", ADDRESS)
            .declare("cublasLtDestroy", JAVA_LONG)
            .declare("cublasLtMatmulDescCreate", ADDRESS, JAVA_INT, JAVA_INT)
            .declare("cublasLtMatmulDescSetAttribute", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG)
            .declare("cublasLtMatmulDescDestroy", JAVA_LONG)
            .declare(
                "cublasLtMatrixLayoutCreate", ADDRESS, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG)
            .declare("cublasLtMatrixLayoutDestroy", JAVA_LONG)
            .declare("cublasLtMatmulPreferenceCreate", ADDRESS)
            .declare(
                "cublasLtMatmulPreferenceSetAttribute", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG)
            .declare("cublasLtMatmulPreferenceDestroy", JAVA_LONG)
            .declare(
                "cublasLtMatmulAlgoGetHeuristic",
                JAVA_LONG, // handle
                JAVA_LONG, // operation
                JAVA_LONG, // layouts of a, b, c and the result
                JAVA_LONG,
                JAVA_LONG,
                JAVA_LONG,
                JAVA_LONG, // preference
                JAVA_INT, // how many are asked for
                ADDRESS,
                ADDRESS) // how many there are
            .declare(
                "cublasLtMatmul",
                JAVA_LONG, // handle
                JAVA_LONG, // operation
                ADDRESS, // alpha, of the host
                JAVA_LONG, // a
                JAVA_LONG,
                JAVA_LONG, // b
                JAVA_LONG,
                ADDRESS, // beta, of the host
                JAVA_LONG, // c
                JAVA_LONG,
                JAVA_LONG, // result
                JAVA_LONG,
                ADDRESS, // algorithm
                JAVA_LONG, // workspace
                JAVA_LONG, // its bytes
                JAVA_LONG); // stream
    one = arena.allocateFrom(JAVA_FLOAT, 1f);
    zero = arena.allocateFrom(JAVA_FLOAT, 0f);
    place = arena.allocate(JAVA_LONG);
    algorithm = arena.allocate(HEURISTIC_BYTES, Long.BYTES);
    handle = make("cublasLtCreate", "cublasLtDestroy", place);
    operation =
        make("cublasLtMatmulDescCreate", "cublasLtMatmulDescDestroy", place, COMPUTE_FP32, FP32);
    functions.call(
        "cublasLtMatmulDescSetAttribute",
        operation,
        TRANSPOSITION_OF_A,
        arena.allocateFrom(JAVA_INT, OP_T),
        (long) Integer.BYTES);
    layoutW = layout(E4M3, k, n);
    layoutX = layout(E4M3, k, m);
    layoutOut = layout(FP16, n, m);
    findAlgorithm();
  }

  /** A matrix in columns without gaps. */
  private long layout(int type, long rows, long columns) {
    return make(
        "cublasLtMatrixLayoutCreate",
        "cublasLtMatrixLayoutDestroy",
        place,
        type,
        rows,
        columns,
        rows);
  }

  private long make(String create, String destroy, Object... arguments) {
    functions.call(create, arguments);
    long made = place.get(JAVA_LONG, 0);
    release.push(() -> functions.call(destroy, made));
    return made;
  }

  /** The first that the library proposes. */
  private void findAlgorithm() {
    long preference =
        make("cublasLtMatmulPreferenceCreate", "cublasLtMatmulPreferenceDestroy", place);
    functions.call(
        "cublasLtMatmulPreferenceSetAttribute",
        preference,
        MOST_WORKSPACE,
        arena.allocateFrom(JAVA_LONG, workspaceBytes),
        (long) Long.BYTES);
    MemorySegment found = arena.allocate(JAVA_INT);
    functions.call(
        "cublasLtMatmulAlgoGetHeuristic",
        handle,
        operation,
        layoutW,
        layoutX,
        layoutOut,
        layoutOut,
        preference,
        1,
        algorithm,
        found);
    if (found.get(JAVA_INT, 0) == 0) {
      throw new IllegalStateException("cublasLt has no algorithm for this product");
    }
  }

  /**
   * out = x wᵀ.
   *
   * @param x [m, k], E4M3
   * @param w [n, k], E4M3
   * @param out [m, n], fp16
   */
  void multiply(long x, long w, long out) {
    functions.call(
        "cublasLtMatmul",
        handle,
        operation,
        one,
        w,
        layoutW,
        x,
        layoutX,
        zero,
        out,
        layoutOut,
        out,
        layoutOut,
        algorithm,
        workspace,
        workspaceBytes,
        stream);
  }

  @Override
  public void close() {
    try (arena) {
      release.forEach(Runnable::run);
    }
  }
}
