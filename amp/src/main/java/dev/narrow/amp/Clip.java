package dev.narrow.amp;

import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;

/**
 * Clipping of gradients: after they were unscaled, before the optimizer steps. That is in the body
 * of {@link GradScaler#step}, or between {@link GradScaler.Iteration#unscale} and {@link
 * GradScaler.Iteration#step}; elsewhere it is refused. Gradients that are not all finite are left
 * as they are, since their step is skipped.
 */
public final class Clip {
  /** Below this sum, squares may have been lost below the smallest float. */
  private static final double SMALL = 0x1p-100;

  private Clip() {}

  /**
   * Multiplies all gradients by one factor so that their Euclidean norm, that of all elements
   * together, is at most a limit.
   *
   * @param limit positive and finite
   * @return the norm before; infinite or NaN if a gradient is, which are left as they are then
   * @throws IllegalArgumentException if the limit is out of range
   * @throws IllegalStateException if the gradients are not unscaled, or have been stepped on
   */
  public static float norm(Gradients gradients, float limit) {
    Arguments.requirePositive("limit", limit);
    Backend backend = gradients.requireUnscaled("clip");
    double norm = norm(gradients, backend);
    if (norm > limit && norm <= Double.MAX_VALUE && gradients.overflow() == null) {
      float factor = (float) (limit / norm);
      for (int i = 0; i < gradients.size(); i++) {
        backend.scale(factor, gradients.unscaled(i), gradients.unscaled(i));
      }
    }
    return (float) norm;
  }

  private static double norm(Gradients gradients, Backend backend) {
    double sum = 0;
    for (int i = 0; i < gradients.size(); i++) {
      sum += backend.sumOfSquares(gradients.unscaled(i));
    }
    if (sum >= SMALL && sum <= Double.MAX_VALUE) {
      return Math.sqrt(sum);
    }
    sum = 0;
    for (int i = 0; i < gradients.size(); i++) {
      for (float value : gradients.unscaled(i).toFloats()) {
        sum += (double) value * value; // exact, and in range
      }
    }
    return Math.sqrt(sum);
  }

  /**
   * Brings every element into ±limit.
   *
   * @param limit positive and finite
   * @throws IllegalArgumentException if the limit is out of range
   * @throws IllegalStateException if the gradients are not unscaled, or have been stepped on
   */
  public static void value(Gradients gradients, float limit) {
    Arguments.requirePositive("limit", limit);
    Backend backend = gradients.requireUnscaled("clip");
    if (gradients.overflow() != null) { // an infinity would become finite, and pass for a gradient
      return;
    }
    for (int i = 0; i < gradients.size(); i++) {
      Tensor values = gradients.unscaled(i);
      backend.clamp(-limit, limit, values, values);
    }
  }
}
