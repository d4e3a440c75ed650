package dev.narrow.kernels;

/** The parts that {@link OptimizerSteps} are made of, as all {@link Kernels}. */
interface OptimizerKernels {
  /** Decay of the second moment of Madam in all its forms, fixed in the papers. */
  double MADAM_BETA = 0.999;

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

  /**
   * What a step of AdamW is to its elements.
   *
   * @param beta1 decay of m
   * @param beta2 decay of v
   * @param epsilon added to the root
   * @param stepSize the learning rate over the correction of m
   * @param root the root of the correction of v
   * @param keep what weight decay leaves of w
   */
  record AdamW(float beta1, float beta2, float epsilon, float stepSize, float root, float keep) {}

  /** See {@link OptimizerSteps#adamW}. */
  void adamW(
      AdamW step,
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
