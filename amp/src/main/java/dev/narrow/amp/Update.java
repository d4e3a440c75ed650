package dev.narrow.amp;

import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** What each update rule keeps, demands and does: the backend's step with the rule's constants. */
final class Update {
  private Update() {}

  /** What a rule keeps for each element; it starts at zero. */
  enum Moment {
    /** A moving average of gradients. */
    SIGNED,
    /** A moving average of squares, or its root. */
    POSITIVE,
    /** The integer of {@link IntegerMadam}. */
    EXPONENT
  }

  /** The moments of a rule, in the order in which {@link #apply} takes them. */
  static List<Moment> moments(UpdateRule rule) {
    return switch (rule) {
      case Sgd _ -> List.of(Moment.SIGNED);
      case AdamW _ -> List.of(Moment.SIGNED, Moment.POSITIVE);
      case Madam _, LnsMadam _ -> List.of(Moment.POSITIVE);
      case IntegerMadam _ -> List.of(Moment.POSITIVE, Moment.EXPONENT);
    };
  }

  /**
   * The largest magnitude that the rule lets elements of a parameter have; infinite if it sets
   * none.
   *
   * @param name what to call the parameter in a message
   * @param values its initial values, fp32
   * @throws IllegalArgumentException if the rule cannot train a parameter with these values
   */
  static float bound(UpdateRule rule, String name, Tensor values) {
    return switch (rule) {
      case Madam madam -> bound(madam.scale(), name, values);
      case LnsMadam madam -> bound(madam.scale(), name, values);
      case IntegerMadam madam -> bound(madam.scale(), name, values);
      case Sgd _, AdamW _ -> Float.POSITIVE_INFINITY;
    };
  }

  private static float bound(float scale, String name, Tensor values) {
    float[] w = values.toFloats();
    double sum = 0;
    for (double value : w) {
      sum += value * value;
    }
    float bound = (float) (scale * Math.sqrt(sum / w.length));
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
   * Gives a parameter its log-uniform magnitudes, and the exponents that say so.
   *
   * @param moments of the rule, all zeros
   */
  static void start(
      IntegerMadam rule,
      Backend backend,
      float bound,
      RandomBits random,
      List<Tensor> moments,
      Tensor parameter) {
    Tensor exponents = moments.getLast();
    float[] k = new float[exponents.shape().size()];
    long most = (1L << rule.bits()) - 1; // k from 0 to levels - 2
    for (int i = 0; i < k.length; i++) {
      k[i] = (Integer.toUnsignedLong(random.word(i)) * most) >>> Integer.SIZE;
    }
    exponents.storage().write(0, MemorySegment.ofArray(k));
    // A gradient of zero moves no exponent, so that this first value is one that steps give too.
    Tensor none = backend.allocate(parameter, parameter.shape().dims());
    none.storage().write(0, MemorySegment.ofArray(new float[k.length]));
    apply(rule, backend, rule.defaultLearningRate(), 1, bound, none, moments, parameter);
    backend.free(none);
  }

  /**
   * Makes a step, in place.
   *
   * @param step number of the step, the first being 1
   * @param moments fp32, as {@link #moments} lists them
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
              learningRate,
              sgd.momentum(),
              sgd.weightDecay(),
              sgd.nesterov(),
              gradient,
              first,
              parameter);
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
      case IntegerMadam madam ->
          backend.integerMadam(
              (float) ((double) learningRate / madam.precision()),
              madam.precision(),
              1 << madam.bits(),
              madam.gradientBound(),
              bound,
              step,
              gradient,
              first,
              moments.getLast(),
              parameter);
    }
  }
}
