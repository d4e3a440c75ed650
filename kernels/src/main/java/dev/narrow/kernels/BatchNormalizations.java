package dev.narrow.kernels;

import dev.narrow.quant.Tensor;

/**
 * Batch normalization (Ioffe and Szegedy, 2015, arXiv:1502.03167) in its parts: see {@link Backend}
 * for what all operations have in common.
 *
 * <p>x is [n, c, h, w] or [n, c], and what belongs to channels is [c]. A sum over a channel is the
 * sum of each sample's plane in sixteen lanes, the samples added in turn from +0; m is the number
 * of its terms, as a float32. Each operation is rounded once.
 *
 * <p>Training: {@link #batchMoments}, {@link #updateMoments} of the running moments, {@link
 * #inverseDeviation}, {@link #batchNormalize}; backward with the saved mean and inverse deviation.
 * Inference: {@link #inverseDeviation} of the running variance, {@link #batchNormalize}.
 */
public interface BatchNormalizations {

  /**
   * mean = sum of x / m, and variance = sum of (x - mean)² / m, the biased one: d = x - mean is
   * rounded, d² added by fused multiply-add.
   *
   * @param x at least one element in each channel
   */
  void batchMoments(Tensor x, Tensor mean, Tensor variance);

  /**
   * Moves running moments towards those of a batch: running = (1 - momentum) running + momentum
   * batch, the second product and the sum rounded as one. The variance of the batch is made
   * unbiased before: times m / (m - 1), which is computed in float64 and rounded.
   *
   * @param momentum the batch's part, 0 to 1
   * @param elements m, in each channel of the batch; 2 or more
   */
  void updateMoments(
      float momentum,
      int elements,
      Tensor mean,
      Tensor variance,
      Tensor runningMean,
      Tensor runningVariance);

  /**
   * inverse = 1 / √(variance + epsilon): three operations, each rounded.
   *
   * @param epsilon 0 or more, finite
   * @param inverse may be variance
   */
  void inverseDeviation(Tensor variance, float epsilon, Tensor inverse);

  /**
   * y = (x - mean) inverse.
   *
   * @param y may be x
   */
  void batchNormalize(Tensor x, Tensor mean, Tensor inverse, Tensor y);

  /**
   * y = ((x - mean) inverse) gamma + beta, the last product and the sum rounded as one.
   *
   * @param y may be x
   */
  void batchNormalize(Tensor x, Tensor mean, Tensor inverse, Tensor gamma, Tensor beta, Tensor y);

  /**
   * The gradient of x where mean and variance are those of x, with z = (x - mean) inverse, dbeta =
   * sum of dy and dgamma = sum of dy z:
   *
   * <pre>
   *   dx = ((dy - dbeta / m) - z (dgamma / m)) inverse
   * </pre>
   *
   * z, the quotients and the inner difference are rounded; the outer difference is one with its
   * product.
   *
   * @param dx may be dy
   */
  void batchNormalizeBackward(Tensor x, Tensor mean, Tensor inverse, Tensor dy, Tensor dx);

  /**
   * The gradients of x, gamma and beta: as without gamma, but dx's last factor is gamma inverse,
   * rounded.
   *
   * @param dx may be dy
   */
  void batchNormalizeBackward(
      Tensor x,
      Tensor mean,
      Tensor inverse,
      Tensor gamma,
      Tensor dy,
      Tensor dx,
      Tensor dgamma,
      Tensor dbeta);
}
