package dev.narrow.kernels;

import static dev.narrow.kernels.ScalarKernels.canonical;

/** The definition of {@link OptimizerKernels}. */
interface ScalarOptimizerKernels extends OptimizerKernels {

  @Override
  default int unscale(float factor, float[] x, int xOffset, int n) {
    int first = -1;
    for (int i = n - 1; i >= 0; i--) {
      float value = canonical(x[xOffset + i] * factor);
      x[xOffset + i] = value;
      if (!(Math.abs(value) <= Float.MAX_VALUE)) {
        first = i; // counting down leaves the first
      }
    }
    return first;
  }

  @Override
  default void sgd(
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
      int n) {
    for (int i = 0; i < n; i++) {
      float decayed = Math.fma(weightDecay, w[wOffset + i], g[gOffset + i]);
      float velocity = Math.fma(momentum, v[vOffset + i], decayed);
      v[vOffset + i] = canonical(velocity);
      float direction = nesterov ? Math.fma(momentum, velocity, decayed) : velocity;
      w[wOffset + i] = canonical(Math.fma(-learningRate, direction, w[wOffset + i]));
    }
  }

  @Override
  default void adamW(
      AdamWStep step,
      float[] g,
      int gOffset,
      float[] m,
      int mOffset,
      float[] v,
      int vOffset,
      float[] w,
      int wOffset,
      int n) {
    float take1 = 1 - step.beta1();
    float take2 = 1 - step.beta2();
    for (int i = 0; i < n; i++) {
      float gradient = g[gOffset + i];
      float first = Math.fma(step.beta1(), m[mOffset + i], take1 * gradient);
      float second = Math.fma(step.beta2(), v[vOffset + i], take2 * (gradient * gradient));
      m[mOffset + i] = canonical(first);
      v[vOffset + i] = canonical(second);
      float root = (float) Math.sqrt(second) / step.root() + step.epsilon();
      w[wOffset + i] =
          canonical(Math.fma(-step.stepSize(), first / root, w[wOffset + i] * step.keep()));
    }
  }

  @Override
  default void normalizeByRoot(
      double correction,
      float bound,
      float[] g,
      int gOffset,
      float[] r,
      int rOffset,
      float[] t,
      int tOffset,
      int n) {
    for (int i = 0; i < n; i++) {
      double gradient = g[gOffset + i];
      double root = r[rOffset + i];
      double v =
          OptimizerSteps.MADAM_BETA * (root * root)
              + (1 - OptimizerSteps.MADAM_BETA) * (gradient * gradient);
      r[rOffset + i] = canonical((float) Math.sqrt(v));
      double normalized = Math.clamp(gradient / Math.sqrt(v / correction), -bound, bound);
      t[tOffset + i] = gradient == 0 ? 0 : canonical((float) normalized);
    }
  }

  @Override
  default void moveLogarithm(
      float learningRate, boolean whole, float[] w, int wOffset, float[] t, int tOffset, int n) {
    for (int i = 0; i < n; i++) {
      float normalized = whole ? (float) Math.rint(t[tOffset + i]) : t[tOffset + i];
      t[tOffset + i] = canonical(-learningRate * normalized * Math.signum(w[wOffset + i]));
    }
  }

  @Override
  default void multiplyWithin(float bound, float[] t, int tOffset, float[] w, int wOffset, int n) {
    for (int i = 0; i < n; i++) {
      float product = w[wOffset + i] * t[tOffset + i];
      w[wOffset + i] = canonical(Math.clamp(product, -bound, bound));
    }
  }

  @Override
  default void moveExponent(
      float factor,
      float precision,
      float most,
      float[] w,
      int wOffset,
      float[] k,
      int kOffset,
      float[] t,
      int tOffset,
      int n) {
    for (int i = 0; i < n; i++) {
      float move = (float) Math.rint(factor * t[tOffset + i]) * Math.signum(w[wOffset + i]);
      float moved = canonical(Math.clamp(k[kOffset + i] + move, 0f, most));
      k[kOffset + i] = moved;
      t[tOffset + i] = canonical(-precision * moved);
    }
  }

  @Override
  default void withSign(float bound, float[] t, int tOffset, float[] w, int wOffset, int n) {
    for (int i = 0; i < n; i++) {
      w[wOffset + i] = canonical(Math.copySign(bound * t[tOffset + i], w[wOffset + i]));
    }
  }
}
