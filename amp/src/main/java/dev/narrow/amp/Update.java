package dev.narrow.amp;

import dev.narrow.kernels.Elementary;
import dev.narrow.quant.Floats;

/**
 * The arithmetic of the update rules, element by element in float32. Products that are added are
 * fused; what depends on the step alone is calculated in float64 and rounded.
 */
final class Update {
  private static final double BETA = 0.999; // of both Madams, fixed in the papers

  private final Floats w;
  private final Floats g;
  private final int n;
  private final float[][] moments;
  private final float learningRate;
  private final long step;

  /**
   * A step of one parameter.
   *
   * @param moments arrays as long as the parameter, as many as {@link #moments}; updated
   * @param step number of the step, the first being 1
   */
  Update(Floats w, Floats g, float[][] moments, float learningRate, long step) {
    this.w = w;
    this.g = g;
    this.n = moments[0].length;
    this.moments = moments;
    this.learningRate = learningRate;
    this.step = step;
  }

  /** How many moments a rule keeps for each element; they start at zero. */
  static int moments(UpdateRule rule) {
    return switch (rule) {
      case AdamW _ -> 2;
      case Sgd _, Madam _, LnsMadam _ -> 1;
    };
  }

  /**
   * The largest magnitude that the rule lets elements of a parameter have; infinite if it sets
   * none.
   *
   * @param name what to call the parameter in a message
   * @param w its initial values
   * @throws IllegalArgumentException if the rule cannot train a parameter with these values
   */
  static float bound(UpdateRule rule, String name, Floats w, int n) {
    return switch (rule) {
      case Madam madam -> bound(madam.scale(), name, w, n);
      case LnsMadam madam -> bound(madam.scale(), name, w, n);
      case Sgd _, AdamW _ -> Float.POSITIVE_INFINITY;
    };
  }

  private static float bound(float scale, String name, Floats w, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      double value = w.array()[w.offset() + i];
      sum += value * value;
    }
    float bound = (float) (scale * Math.sqrt(sum / n));
    if (sum == 0) {
      throw new IllegalArgumentException(
          name
              + " is all zeros, which a multiplicative update never moves:"
              + " initialise it, for example from a normal distribution");
    }
    if (!(bound <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException(name + " has values that are not finite, or too large");
    }
    return bound;
  }

  /** Makes the step. */
  void apply(UpdateRule rule, float bound) {
    switch (rule) {
      case Sgd sgd -> sgd(sgd.momentum(), sgd.weightDecay());
      case AdamW adam -> adamW(adam);
      case Madam madam -> madam(madam.gradientBound(), bound);
      case LnsMadam madam -> lnsMadam(madam.gradientBound(), bound);
    }
  }

  private void sgd(float momentum, float weightDecay) {
    float[] velocity = moments[0];
    for (int i = 0; i < n; i++) {
      float decayed = Math.fma(weightDecay, w(i), g(i));
      velocity[i] = Math.fma(momentum, velocity[i], decayed);
      set(i, Math.fma(-learningRate, velocity[i], w(i)));
    }
  }

  private void adamW(AdamW rule) {
    float[] first = moments[0];
    float[] second = moments[1];
    float stepSize = learningRate / correction(rule.beta1());
    float rootCorrection = (float) Math.sqrt(correction(rule.beta2()));
    float keep = 1 - learningRate * rule.weightDecay();
    for (int i = 0; i < n; i++) {
      first[i] = Math.fma(rule.beta1(), first[i], (1 - rule.beta1()) * g(i));
      second[i] = Math.fma(rule.beta2(), second[i], (1 - rule.beta2()) * (g(i) * g(i)));
      float root = (float) Math.sqrt(second[i]) / rootCorrection + rule.epsilon();
      set(i, Math.fma(-stepSize, first[i] / root, w(i) * keep));
    }
  }

  private void madam(float gradientBound, float bound) {
    float correction = correction(BETA);
    for (int i = 0; i < n; i++) {
      float normalized = normalized(i, correction, gradientBound);
      float factor = Elementary.exp(-learningRate * normalized * Math.signum(w(i)));
      set(i, Math.clamp(w(i) * factor, -bound, bound));
    }
  }

  private void lnsMadam(float gradientBound, float bound) {
    float correction = correction(BETA);
    for (int i = 0; i < n; i++) {
      float normalized = (float) Math.rint(normalized(i, correction, gradientBound));
      float factor = Elementary.exp2(-learningRate * normalized * Math.signum(w(i)));
      set(i, Math.clamp(w(i) * factor, -bound, bound));
    }
  }

  /**
   * Moves the second moment on and returns g / sqrt(v^) within the bound; 0/0 counts as 0. What is
   * kept is sqrt(v), and v itself is formed in float64: the square of a float32 gradient has more
   * range than a float32.
   */
  private float normalized(int i, float correction, float bound) {
    float[] root = moments[0];
    double v = BETA * ((double) root[i] * root[i]) + (1 - BETA) * ((double) g(i) * g(i));
    root[i] = (float) Math.sqrt(v);
    return g(i) == 0 ? 0 : (float) Math.clamp(g(i) / Math.sqrt(v / correction), -bound, bound);
  }

  /** 1 - beta^step, by which a moving average that started at zero is divided. */
  private float correction(double beta) {
    return (float) (1 - StrictMath.pow(beta, (double) step));
  }

  private float w(int i) {
    return w.array()[w.offset() + i];
  }

  private float g(int i) {
    return g.array()[g.offset() + i];
  }

  private void set(int i, float value) {
    w.array()[w.offset() + i] = value;
  }
}
