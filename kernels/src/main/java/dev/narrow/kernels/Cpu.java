package dev.narrow.kernels;

import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What the operations of the processor share: kernels and threads. Each group of operations is an
 * interface of default methods over one of these, and {@link CpuBackend} is all of them together.
 *
 * @param threads how many share large work, 1 or more
 */
record Cpu(int threads, Kernels kernels) {
  /** Multiply-adds below which a product takes less time than sharing it out. */
  private static final long PARALLEL_FROM = 1L << 21;

  Cpu {
    if (threads < 1) {
      throw new IllegalArgumentException("threads = " + threads + ", expected 1 or more");
    }
  }

  /** A part of some work. */
  @FunctionalInterface
  interface Part {
    /** Does what belongs to the indices from, up to but without to. */
    void run(int from, int to);
  }

  /**
   * Does work for indices 0 to n - 1 in up to {@link #threads} parts, each a multiple of the unit
   * except the last. No result may depend on how the work is divided.
   *
   * @param cost about how many operations an index takes; little work is not shared out
   */
  void share(int n, int unit, long cost, Part part) {
    int parts = cost * n < PARALLEL_FROM ? 1 : threads;
    int size = Math.ceilDiv(Math.ceilDiv(n, parts), unit) * unit;
    if (n <= size) {
      part.run(0, n);
      return;
    }
    IntStream.range(0, Math.ceilDiv(n, size))
        .parallel()
        .forEach(i -> part.run(i * size, Math.min(n, (i + 1) * size)));
  }

  /**
   * What each of so many parts has for itself: one thread, unless some would have nothing to do.
   */
  Cpu within(int parts) {
    return parts < threads || threads == 1 ? this : new Cpu(1, kernels);
  }

  /** c = a b, or with accumulate a b + c, shared among the threads. */
  void multiply(Matrix a, Matrix b, Matrix c, boolean accumulate) {
    multiply(a, b, c, null, 0, accumulate);
  }

  /** See {@link Kernels#matmul}. */
  void multiply(
      Matrix a, Matrix b, Matrix c, float @Nullable [] bias, int biasOffset, boolean accumulate) {
    long work = (long) a.rows() * a.columns() * b.columns();
    ParallelMatmul.matmul(
        kernels, work < PARALLEL_FROM ? 1 : threads, a, b, c, bias, biasOffset, accumulate);
  }
}
