package dev.narrow.quant;

/**
 * The loops of the error report over the elements of a chunk. The results are the same bits in
 * every implementation.
 */
interface ErrorKernels {
  // How y lies to x: zero, in the next lower octave, the same, the next higher, or elsewhere.
  int DOWN = 0;
  int SAME = 1;
  int UP = 2;
  int ZERO = 3;
  int FAR = 4;

  /** The place of the exponent field where x is zero. */
  int ZERO_FIELD = 255;

  /** ulps[i] = 2^(max(e, 1) - shift - 127) with the exponent field e of values[i], for i < n. */
  void binades(float[] values, int n, int shift, int lowest, float[] ulps);

  /**
   * octaves[i] = 256 d + e, for i < n, with e the exponent field of x, or {@link #ZERO_FIELD} if it
   * is zero, and d = {@link #FAR} if x or y is infinite or NaN, else {@link #ZERO} if y is zero,
   * else FAR if x is zero, else {@link #DOWN}, {@link #SAME}, {@link #UP} or FAR as the field of y
   * lies to that of x; and whether there is a FAR one.
   */
  void octaves(ErrorChunk chunk, int n);

  /** Adds x², y², xy and (x - y)², each in float64, of the first n elements. */
  void moments(ErrorChunk chunk, int n);

  /**
   * Of the first n elements, all finite: counts subnormal ones; counts those whose quotient is
   * between {@link ErrorChunk#low} and {@link ErrorChunk#high}, and adds fl32(fl32|quotient -
   * decoded| / ulp) of them; counts those of them with x and y other than zero, and adds
   * fl32(fl32|x - y| / |x|). Ratios beyond float32 become its largest number. Quotients and ulps
   * are overwritten.
   */
  void ratios(ErrorChunk chunk, int n);
}
