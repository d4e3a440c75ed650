package dev.narrow.kernels;

/** The parts that {@link OptimizerSteps} are made of, as all {@link Kernels}. */
interface OptimizerKernels {
  /** x = factor x; the result is the index, from 0, of the first that is not finite, or -1. */
  int unscale(float factor, float[] x, int xOffset, int n);

  /** See {@link OptimizerSteps#sgd}. */
  void sgd(
      float learningRate,
      float momentum,
      float weightDecay,
      boolean nesterov,
      float[] g,
      int gOffset,
      float[] v,
      int vOffset,
      float[] w,
      int wOffset,
      int n);

  /** See {@link OptimizerSteps#adamW}. */
  void adamW(
      AdamWStep step,
      float[] g,
      int gOffset,
      float[] m,
      int mOffset,
      float[] v,
      int vOffset,
      float[] w,
      int wOffset,
      int n);

  /** Moves r = √v on by g, and t = g* = g / √(v / correction) within ±bound, 0 where g is 0. */
  void normalizeByRoot(
      double correction,
      float bound,
      float[] g,
      int gOffset,
      float[] r,
      int rOffset,
      float[] t,
      int tOffset,
      int n);

  /** t = (-learningRate t) sign(w), with t rounded to an integer before if it is to be whole. */
  void moveLogarithm(
      float learningRate, boolean whole, float[] w, int wOffset, float[] t, int tOffset, int n);

  /** w = w t within ±bound. */
  void multiplyWithin(float bound, float[] t, int tOffset, float[] w, int wOffset, int n);

  /** k = k + round(factor t) sign(w) within 0 and most; t = -precision k. */
  void moveExponent(
      float factor,
      float precision,
      float most,
      float[] w,
      int wOffset,
      float[] k,
      int kOffset,
      float[] t,
      int tOffset,
      int n);

  /** w = bound t with the sign of w. */
  void withSign(float bound, float[] t, int tOffset, float[] w, int wOffset, int n);
}
