package dev.narrow.quant;

import dev.narrow.formats.VectorApi;
import org.jspecify.annotations.Nullable;

/**
 * The loops over all elements: in rows whose element i has the scale i / block. The results are the
 * same bits in every implementation.
 */
interface BlockKernels {
  /** The system property that forces {@code scalar} or {@code vector}. */
  String PROPERTY = "dev.narrow.quant.provider";

  /** Those of this process. */
  static BlockKernels get() {
    return Chosen.KERNELS;
  }

  /** Those that the word asks for; the best ones if it is null. */
  static BlockKernels choose(@Nullable String forced) {
    return VectorApi.choose(
        PROPERTY, forced, new ScalarBlockKernels(), () -> new VectorBlockKernels());
  }

  /** Decided once. */
  final class Chosen {
    private static final BlockKernels KERNELS = choose(System.getProperty(PROPERTY));

    private Chosen() {}
  }

  /** For example {@code vector 512 bits}. */
  String name();

  /** The loops of the error report. */
  ErrorKernels errors();

  /** amax[first + i / block] = the larger of itself and the finite |x[from + i]|, for i < n. */
  void amax(float[] x, int from, int n, int block, float[] amax, int first);

  /** to[at + i] = fl(x[from + i] / divisor[first + i / block]) for i < n. */
  void divide(
      float[] x, int from, int n, int block, float[] divisors, int first, float[] to, int at);

  /** x[from + i] = fl(x[from + i] * factor[first + i / block]) for i < n. */
  void multiply(float[] x, int from, int n, int block, float[] factors, int first);
}
