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
interface Kernels {
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
   * Products in an accumulator, with the bits of its {@link Sum}.
   *
   * @throws IllegalArgumentException if the accumulator takes codes
   */
  Accumulation accumulation(Accumulator accumulator);

  /** y = exp(x). */
  void exp(float[] x, int xOffset, float[] y, int yOffset, int n);

  /** y = exp2(x). */
  void exp2(float[] x, int xOffset, float[] y, int yOffset, int n);

  /** y = log(x). */
  void log(float[] x, int xOffset, float[] y, int yOffset, int n);

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

  /** The sum in sixteen lanes: see {@link ScalarKernels#tree}. */
  float sum(float[] x, int xOffset, int n);

  /** The sum of products in sixteen lanes, each a chain of fused multiply-adds. */
  float dot(float[] x, int xOffset, float[] y, int yOffset, int n);

  /** The sum of squares in sixteen lanes, each a chain of fused multiply-adds. */
  float sumOfSquares(float[] x, int xOffset, int n);

  /** y[j] = the sum of column j: one accumulator from +0, rows ascending. */
  void sumRows(Matrix x, float[] y, int yOffset);

  /**
   * The largest value, NaN being passed over; -∞ if there is none. Which zero comes out of a
   * mixture of both is not fixed.
   */
  float max(float[] x, int xOffset, int n);

  /** y = exp(x - shift); the result is the sum of y in sixteen lanes. */
  float expShifted(float[] x, int xOffset, float shift, float[] y, int yOffset, int n);

  /** Largest finite magnitude, and what is not finite. */
  Scan scan(float[] x, int xOffset, int n);
}
