package dev.narrow.amp;

import dev.narrow.kernels.Backend;
import dev.narrow.quant.Floats;
import dev.narrow.quant.Tensor;
import java.util.List;

/** What each update rule keeps, demands and does: the backend's step with the rule's constants. */
final class Update {
  private Update() {}

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

  /**
   * Makes a step, in place.
   *
   * @param step number of the step, the first being 1
   * @param moments as many as {@link #moments}
   */
  static void apply(
      UpdateRule rule,
      Backend backend,
      float learningRate,
      long step,
      float bound,
      Tensor gradient,
      List<Tensor> moments,
      Tensor parameter) {
    Tensor first = moments.getFirst();
    switch (rule) {
      case Sgd sgd ->
          backend.sgd(
              learningRate, sgd.momentum(), sgd.weightDecay(), false, gradient, first, parameter);
      case AdamW adam ->
          backend.adamW(
              learningRate,
              adam.beta1(),
              adam.beta2(),
              adam.epsilon(),
              adam.weightDecay(),
              step,
              gradient,
              first,
              moments.getLast(),
              parameter);
      case Madam madam ->
          backend.madam(
              learningRate, madam.gradientBound(), bound, step, gradient, first, parameter);
      case LnsMadam madam ->
          backend.lnsMadam(
              learningRate, madam.gradientBound(), bound, step, gradient, first, parameter);
    }
  }
}
