package dev.narrow.kernels;

/**
 * Kernels on {@code float[]}, in ORDERED summation: {@link ScalarKernels} is the definition, and
 * every implementation returns its bits. Where an argument pair is written {@code x, xOffset}, the
 * kernel works on {@code n} consecutive elements from there.
 *
 * <p>A NaN that is the result of arithmetic is the canonical one, 0x7fc00000, since processors
 * differ in which NaN they return.
 *
 * <p>Arguments are not checked beyond the bounds of their arrays: {@link CpuBackend} does that.
 */
interface Kernels extends RowKernels, OptimizerKernels {
  /** The number of lanes that a reduction along a contiguous axis has on every machine. */
  int LANES = 16;

  /** For example {@code scalar} or {@code vector 512 bits}. */
  String name();

  /** The width of a vector in bits; 32 where there is none. */
  int bits();

  /**
   * c = a b with an epilogue.
   *
   * <p>Each element of the product has one accumulator, which starts at +0 and takes the terms by
   * fused multiply-add, k ascending.
   *
   * @param a m × k
   * @param b k × n
   * @param c m × n, columnStride 1, memory apart from a, b and bias
   */
  void matmul(Operand a, Operand b, Matrix c, Epilogue epilogue);

  /**
   * Products in an accumulator, with the bits of its {@link RunningSum}.
   *
   * @throws IllegalArgumentException if the accumulator takes codes
   */
  AccumulatorMatmul matmulIn(Accumulator accumulator);

  /** y = exp(x). */
  void exp(float[] x, int xOffset, float[] y, int yOffset, int n);

  /** y = exp2(x). */
  void exp2(float[] x, int xOffset, float[] y, int yOffset, int n);

  /** y = log(x). */
  void log(float[] x, int xOffset, float[] y, int yOffset, int n);

  /** y = tanh(x). */
  void tanh(float[] x, int xOffset, float[] y, int yOffset, int n);

  /** y = erf(x). */
  void erf(float[] x, int xOffset, float[] y, int yOffset, int n);

  /** y = 1 / √x. */
  void reciprocalSqrt(float[] x, int xOffset, float[] y, int yOffset, int n);

  /** y = 1 / (1 + exp(-x)). */
  void sigmoid(float[] x, int xOffset, float[] y, int yOffset, int n);

  /** y = gelu(x). */
  void gelu(float[] x, int xOffset, float[] y, int yOffset, int n);

  /** y = geluTanh(x). */
  void geluTanh(float[] x, int xOffset, float[] y, int yOffset, int n);

  /** dx = geluGradient(x) dy. */
  void geluGradient(
      float[] x, int xOffset, float[] dy, int dyOffset, float[] dx, int dxOffset, int n);

  /** dx = geluTanhGradient(x) dy. */
  void geluTanhGradient(
      float[] x, int xOffset, float[] dy, int dyOffset, float[] dx, int dxOffset, int n);

  /** y = +0 where x is at most 0, else x: NaN passes. */
  void relu(float[] x, int xOffset, float[] y, int yOffset, int n);

  /** dx = dy where y is above 0, else +0. */
  void reluGradient(
      float[] y, int yOffset, float[] dy, int dyOffset, float[] dx, int dxOffset, int n);

  /** z = x + y. */
  void add(float[] x, int xOffset, float[] y, int yOffset, float[] z, int zOffset, int n);

  /** y = factor x. */
  void scale(float factor, float[] x, int xOffset, float[] y, int yOffset, int n);

  /** y = factor x + y, rounded once. */
  void addScaled(float factor, float[] x, int xOffset, float[] y, int yOffset, int n);

  /** y = x / divisor. */
  void divide(float[] x, int xOffset, float divisor, float[] y, int yOffset, int n);

  /**
   * y[i] = the sum over t below terms of w[t] x[i + offsets[t]], and then + addend, each rounded
   * once: one accumulator from +0, which takes the terms by fused multiply-add, t ascending. An
   * addend of -0 changes nothing. The memory of y is apart from that of x.
   */
  void correlate(
      float[] w,
      int wOffset,
      int[] offsets,
      int terms,
      float[] x,
      int xOffset,
      float addend,
      float[] y,
      int yOffset,
      int n);

  /**
   * The sum of dy × (x - mean) factor in sixteen lanes: the difference and its multiple rounded,
   * then fused multiply-add.
   */
  float sumOfNormalized(
      float[] dy, int dyOffset, float[] x, int xOffset, float mean, float factor, int n);

  /** y = ((x - mean) factor) gamma + beta, the last two rounded as one. */
  void normalize(
      float[] x,
      int xOffset,
      float mean,
      float factor,
      float gamma,
      float beta,
      float[] y,
      int yOffset,
      int n);

  /**
   * dx = scale ((dy - a) - ((x - mean) factor) b), the outer difference as one with its product.
   */
  void normalizeGradient(
      float[] dy,
      int dyOffset,
      float a,
      float[] x,
      int xOffset,
      float mean,
      float factor,
      float b,
      float scale,
      float[] dx,
      int dxOffset,
      int n);

  /** The sum in sixteen lanes: see {@link ScalarKernels#tree}. */
  float sum(float[] x, int xOffset, int n);

  /** y = a x, each row as {@link #dot}; the columns of a are contiguous. */
  default void matvec(Operand a, float[] x, int xOffset, float[] y, int yOffset) {
    float[] line = Scratch.take(a.array() == null ? a.columns() : 0);
    for (int i = 0; i < a.rows(); i++) {
      float[] row = a.array();
      int at = a.offset() + i * a.rowStride();
      if (row == null) {
        a.read(at, a.columns(), line, 0);
        row = line;
        at = 0;
      }
      y[yOffset + i] = dot(row, at, x, xOffset, a.columns());
    }
    Scratch.give(line);
  }

  /** The sum of squares in sixteen lanes, each a chain of fused multiply-adds. */
  float sumOfSquares(float[] x, int xOffset, int n);

  /** y[j] = the sum of column j: one accumulator from +0, rows ascending. */
  void sumRows(Matrix x, float[] y, int yOffset);

  /** y = exp(x - shift); the result is the sum of y in sixteen lanes. */
  float expShifted(float[] x, int xOffset, float shift, float[] y, int yOffset, int n);

  /** Largest finite magnitude, and what is not finite. */
  Scan scan(float[] x, int xOffset, int n);
}
