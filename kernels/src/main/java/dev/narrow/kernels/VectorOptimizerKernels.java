package dev.narrow.kernels;

import static dev.narrow.kernels.ScalarKernels.INFINITY_BITS;
import static dev.narrow.kernels.VectorAccumulatorMatmul.DOUBLES;
import static dev.narrow.kernels.VectorAccumulatorMatmul.HALF;
import static dev.narrow.kernels.VectorAccumulatorMatmul.loadDoubles;
import static dev.narrow.kernels.VectorKernels.INTS;
import static dev.narrow.kernels.VectorKernels.SPECIES;
import static dev.narrow.kernels.VectorKernels.canonical;
import static dev.narrow.kernels.VectorKernels.load;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** {@link OptimizerKernels} on the Vector API, in the manner of {@link VectorKernels}. */
interface VectorOptimizerKernels extends OptimizerKernels {
  @Override
  default int unscale(float factor, float[] x, int xOffset, int n) {
    int bound = SPECIES.loopBound(n);
    // As integers, magnitudes sort as floats do, with infinity and NaN above all others.
    IntVector largest = IntVector.zero(INTS);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      FloatVector value = load(x, xOffset + i).mul(factor);
      value.intoArray(x, xOffset + i);
      largest = largest.max(value.abs().reinterpretAsInts());
    }
    int tail = ScalarKernels.INSTANCE.unscale(factor, x, xOffset + bound, n - bound);
    if (largest.reduceLanes(VectorOperators.MAX) < INFINITY_BITS) {
      return tail < 0 ? -1 : bound + tail;
    }
    for (int i = 0; i < bound; i += SPECIES.length()) { // seldom, so not in the loop above
      canonical(load(x, xOffset + i)).intoArray(x, xOffset + i);
    }
    int first = 0;
    while (Math.abs(x[xOffset + first]) <= Float.MAX_VALUE) {
      first++;
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
    int bound = SPECIES.loopBound(n);
    FloatVector momenta = FloatVector.broadcast(SPECIES, momentum);
    FloatVector decay = FloatVector.broadcast(SPECIES, weightDecay);
    FloatVector rate = FloatVector.broadcast(SPECIES, -learningRate);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      FloatVector weight = load(w, wOffset + i);
      FloatVector decayed = decay.fma(weight, load(g, gOffset + i));
      FloatVector velocity = momenta.fma(load(v, vOffset + i), decayed);
      canonical(velocity).intoArray(v, vOffset + i);
      FloatVector direction = nesterov ? momenta.fma(velocity, decayed) : velocity;
      canonical(rate.fma(direction, weight)).intoArray(w, wOffset + i);
    }
    ScalarKernels.INSTANCE.sgd(
        learningRate,
        momentum,
        weightDecay,
        nesterov,
        g,
        gOffset + bound,
        v,
        vOffset + bound,
        w,
        wOffset + bound,
        n - bound);
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
    int bound = SPECIES.loopBound(n);
    FloatVector beta1 = FloatVector.broadcast(SPECIES, step.beta1());
    FloatVector beta2 = FloatVector.broadcast(SPECIES, step.beta2());
    FloatVector rate = FloatVector.broadcast(SPECIES, -step.stepSize());
    for (int i = 0; i < bound; i += SPECIES.length()) {
      FloatVector gradient = load(g, gOffset + i);
      FloatVector first = beta1.fma(load(m, mOffset + i), gradient.mul(1 - step.beta1()));
      FloatVector second =
          beta2.fma(load(v, vOffset + i), gradient.mul(gradient).mul(1 - step.beta2()));
      canonical(first).intoArray(m, mOffset + i);
      canonical(second).intoArray(v, vOffset + i);
      FloatVector root = second.lanewise(VectorOperators.SQRT).div(step.root()).add(step.epsilon());
      canonical(rate.fma(first.div(root), load(w, wOffset + i).mul(step.keep())))
          .intoArray(w, wOffset + i);
    }
    ScalarKernels.INSTANCE.adamW(
        step,
        g,
        gOffset + bound,
        m,
        mOffset + bound,
        v,
        vOffset + bound,
        w,
        wOffset + bound,
        n - bound);
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
    int end = DOUBLES.loopBound(n);
    for (int i = 0; i < end; i += DOUBLES.length()) {
      DoubleVector gradient = loadDoubles(g, gOffset + i);
      DoubleVector root = loadDoubles(r, rOffset + i);
      DoubleVector v =
          root.mul(root)
              .mul(OptimizerSteps.MADAM_BETA)
              .add(gradient.mul(gradient).mul(1 - OptimizerSteps.MADAM_BETA));
      store(v.lanewise(VectorOperators.SQRT), r, rOffset + i);
      DoubleVector normalized =
          gradient.div(v.div(correction).lanewise(VectorOperators.SQRT)).max(-bound).min(bound);
      store(normalized.blend(0, gradient.compare(VectorOperators.EQ, 0)), t, tOffset + i);
    }
    ScalarKernels.INSTANCE.normalizeByRoot(
        correction, bound, g, gOffset + end, r, rOffset + end, t, tOffset + end, n - end);
  }

  private static void store(DoubleVector value, float[] x, int index) {
    FloatVector rounded = (FloatVector) value.convertShape(VectorOperators.D2F, HALF, 0);
    canonical(rounded).intoArray(x, index);
  }

  @Override
  default void moveLogarithm(
      float learningRate, boolean whole, float[] w, int wOffset, float[] t, int tOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      FloatVector normalized = load(t, tOffset + i);
      if (whole) {
        normalized = rint(normalized);
      }
      canonical(normalized.mul(-learningRate).mul(signum(load(w, wOffset + i))))
          .intoArray(t, tOffset + i);
    }
    ScalarKernels.INSTANCE.moveLogarithm(
        learningRate, whole, w, wOffset + bound, t, tOffset + bound, n - bound);
  }

  /** From 2^23 on a float is an integer; below, adding 2^23 leaves no room for a fraction. */
  private static FloatVector rint(FloatVector x) {
    FloatVector magnitude = x.abs();
    FloatVector whole = magnitude.add(0x1p23f).sub(0x1p23f);
    whole = magnitude.blend(whole, magnitude.compare(VectorOperators.LT, 0x1p23f));
    return copySign(whole, x);
  }

  /** A magnitude with the sign of another number. */
  private static FloatVector copySign(FloatVector magnitude, FloatVector sign) {
    IntVector signs = sign.reinterpretAsInts().and(Integer.MIN_VALUE);
    return magnitude.abs().reinterpretAsInts().or(signs).reinterpretAsFloats();
  }

  private static FloatVector signum(FloatVector x) {
    FloatVector one = copySign(FloatVector.broadcast(SPECIES, 1f), x);
    return x.blend(one, x.abs().compare(VectorOperators.GT, 0f));
  }

  @Override
  default void multiplyWithin(float bound, float[] t, int tOffset, float[] w, int wOffset, int n) {
    int end = SPECIES.loopBound(n);
    for (int i = 0; i < end; i += SPECIES.length()) {
      canonical(load(w, wOffset + i).mul(load(t, tOffset + i)).max(-bound).min(bound))
          .intoArray(w, wOffset + i);
    }
    ScalarKernels.INSTANCE.multiplyWithin(bound, t, tOffset + end, w, wOffset + end, n - end);
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
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      FloatVector move = rint(load(t, tOffset + i).mul(factor)).mul(signum(load(w, wOffset + i)));
      FloatVector moved = canonical(load(k, kOffset + i).add(move).max(0f).min(most));
      moved.intoArray(k, kOffset + i);
      canonical(moved.mul(-precision)).intoArray(t, tOffset + i);
    }
    ScalarKernels.INSTANCE.moveExponent(
        factor,
        precision,
        most,
        w,
        wOffset + bound,
        k,
        kOffset + bound,
        t,
        tOffset + bound,
        n - bound);
  }

  @Override
  default void withSign(float bound, float[] t, int tOffset, float[] w, int wOffset, int n) {
    int end = SPECIES.loopBound(n);
    for (int i = 0; i < end; i += SPECIES.length()) {
      FloatVector magnitude = load(t, tOffset + i).mul(bound);
      canonical(copySign(magnitude, load(w, wOffset + i))).intoArray(w, wOffset + i);
    }
    ScalarKernels.INSTANCE.withSign(bound, t, tOffset + end, w, wOffset + end, n - end);
  }
}
