package dev.narrow.kernels;

import static dev.narrow.kernels.Arguments.named;

import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** {@link OptimizerSteps} on the processor. */
interface CpuOptimizerSteps extends OptimizerSteps {
  /** Elements that the passes of a step take together: they stay in the first-level cache. */
  int BLOCK = 1024;

  /** Operations of an element, about. */
  int COST = 16;

  /** What computes. */
  Cpu cpu();

  @Override
  default int unscale(float factor, Tensor gradient) {
    if (Values.isArray(gradient)) { // without Values: a training step allocates nothing for it
      Arguments.expectWritable(gradient, "gradient");
      MemorySegment segment = gradient.storage().segment();
      float[] array = (float[]) segment.heapBase().orElseThrow();
      int offset = (int) (segment.address() / Float.BYTES);
      return cpu().kernels().unscale(factor, array, offset, gradient.shape().size());
    }
    try (Values g = Values.update(gradient, "gradient")) {
      int first = cpu().kernels().unscale(factor, g.array(), g.offset(), g.size());
      g.store();
      return first;
    }
  }

  @Override
  default void unscale(float factor, List<Tensor> gradients, int[] first) {
    Arguments.expectOneEach(gradients, first);
    for (int i = 0; i < first.length; i++) {
      first[i] = unscale(factor, gradients.get(i));
    }
  }

  @Override
  default void sgd(
      float learningRate,
      float momentum,
      float weightDecay,
      boolean nesterov,
      Tensor gradient,
      Tensor velocity,
      Tensor parameter) {
    Arguments.expectStep(gradient, named("velocity", velocity), named("parameter", parameter));
    try (Values w = Values.update(parameter, "parameter");
        Values v = Values.update(velocity, "velocity");
        Values g = Values.read(gradient)) {
      cpu()
          .share(
              g.size(),
              BLOCK,
              COST,
              (from, to) ->
                  cpu()
                      .kernels()
                      .sgd(
                          learningRate,
                          momentum,
                          weightDecay,
                          nesterov,
                          g.array(),
                          g.offset() + from,
                          v.array(),
                          v.offset() + from,
                          w.array(),
                          w.offset() + from,
                          to - from));
      v.store();
      w.store();
    }
  }

  @Override
  default void adamW(
      float learningRate,
      float beta1,
      float beta2,
      float epsilon,
      float weightDecay,
      long step,
      Tensor gradient,
      Tensor first,
      Tensor second,
      Tensor parameter) {
    Arguments.expectStep(
        gradient, named("first", first), named("second", second), named("parameter", parameter));
    AdamWStep constants = AdamWStep.of(learningRate, beta1, beta2, epsilon, weightDecay, step);
    try (Values w = Values.update(parameter, "parameter");
        Values m = Values.update(first, "first");
        Values v = Values.update(second, "second");
        Values g = Values.read(gradient)) {
      cpu()
          .share(
              g.size(),
              BLOCK,
              COST,
              (from, to) ->
                  cpu()
                      .kernels()
                      .adamW(
                          constants,
                          g.array(),
                          g.offset() + from,
                          m.array(),
                          m.offset() + from,
                          v.array(),
                          v.offset() + from,
                          w.array(),
                          w.offset() + from,
                          to - from));
      m.store();
      v.store();
      w.store();
    }
  }

  @Override
  default void madam(
      float learningRate,
      float gradientBound,
      float bound,
      long step,
      Tensor gradient,
      Tensor root,
      Tensor parameter) {
    Kernels kernels = cpu().kernels();
    multiply(
        learningRate, false, kernels::exp, gradientBound, bound, step, gradient, root, parameter);
  }

  @Override
  default void lnsMadam(
      float learningRate,
      float gradientBound,
      float bound,
      long step,
      Tensor gradient,
      Tensor root,
      Tensor parameter) {
    Kernels kernels = cpu().kernels();
    multiply(
        learningRate, true, kernels::exp2, gradientBound, bound, step, gradient, root, parameter);
  }

  /**
   * w = w base^(-learningRate g* sign(w)), where g* is rounded to an integer if it is to be whole.
   */
  private void multiply(
      float learningRate,
      boolean whole,
      CpuElementwise.Map power,
      float gradientBound,
      float bound,
      long step,
      Tensor gradient,
      Tensor root,
      Tensor parameter) {
    Arguments.expectStep(gradient, named("root", root), named("parameter", parameter));
    Kernels kernels = cpu().kernels();
    try (Values w = Values.update(parameter, "parameter")) {
      normalize(
          gradientBound,
          step,
          gradient,
          root,
          (t, from, n) -> {
            int at = w.offset() + from;
            kernels.moveLogarithm(learningRate, whole, w.array(), at, t, 0, n);
            power.apply(t, 0, t, 0, n);
            kernels.multiplyWithin(bound, t, 0, w.array(), at, n);
          });
      w.store();
    }
  }

  @Override
  default void integerMadam(
      float factor,
      float precision,
      int levels,
      float gradientBound,
      float bound,
      long step,
      Tensor gradient,
      Tensor root,
      Tensor exponent,
      Tensor parameter) {
    Arguments.expectLevels(levels);
    Arguments.expectStep(
        gradient, named("root", root), named("exponent", exponent), named("parameter", parameter));
    Kernels kernels = cpu().kernels();
    float most = levels - 1;
    try (Values w = Values.update(parameter, "parameter");
        Values k = Values.update(exponent, "exponent")) {
      normalize(
          gradientBound,
          step,
          gradient,
          root,
          (t, from, n) -> {
            int at = w.offset() + from;
            int exponents = k.offset() + from;
            kernels.moveExponent(
                factor, precision, most, w.array(), at, k.array(), exponents, t, 0, n);
            kernels.exp(t, 0, t, 0, n);
            kernels.withSign(bound, t, 0, w.array(), at, n);
          });
      k.store();
      w.store();
    }
  }

  /** What a multiplicative update does with a block of normalized gradients. */
  @FunctionalInterface
  interface Move {
    /** Moves n parameters from an index on; the normalized gradients may be overwritten. */
    void apply(float[] normalized, int from, int n);
  }

  /** Moves the second moment on and hands out the normalized gradients, block by block. */
  private void normalize(float gradientBound, long step, Tensor gradient, Tensor root, Move move) {
    double correction = OptimizerSteps.correction(MADAM_BETA, step);
    try (Values r = Values.update(root, "root");
        Values g = Values.read(gradient)) {
      cpu()
          .share(
              g.size(),
              BLOCK,
              COST,
              (first, end) -> {
                float[] normalized = Scratch.take(BLOCK);
                for (int from = first; from < end; from += BLOCK) {
                  int n = Math.min(BLOCK, end - from);
                  cpu()
                      .kernels()
                      .normalizeByRoot(
                          correction,
                          gradientBound,
                          g.array(),
                          g.offset() + from,
                          r.array(),
                          r.offset() + from,
                          normalized,
                          0,
                          n);
                  move.apply(normalized, from, n);
                }
                Scratch.give(normalized);
              });
      r.store();
    }
  }
}
