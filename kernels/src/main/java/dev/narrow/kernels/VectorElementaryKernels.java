package dev.narrow.kernels;

import static dev.narrow.kernels.Elementary.E0;
import static dev.narrow.kernels.Elementary.E1;
import static dev.narrow.kernels.Elementary.E2;
import static dev.narrow.kernels.Elementary.E3;
import static dev.narrow.kernels.Elementary.E4;
import static dev.narrow.kernels.Elementary.LN2_HIGH;
import static dev.narrow.kernels.Elementary.LN2_LOW;
import static dev.narrow.kernels.Elementary.LOG2_E;
import static dev.narrow.kernels.Elementary.ROUNDER;
import static dev.narrow.kernels.Elementary.TANH_LARGE;
import static dev.narrow.kernels.Elementary.TANH_ONE;
import static dev.narrow.kernels.VectorElementary.BIAS;
import static dev.narrow.kernels.VectorElementary.ROUNDER_BITS;
import static dev.narrow.kernels.VectorElementary.SIGN;
import static dev.narrow.kernels.VectorElementary.all;
import static dev.narrow.kernels.VectorKernels.BLOCK;
import static dev.narrow.kernels.VectorKernels.SPECIES;
import static dev.narrow.kernels.VectorKernels.load;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The functions of {@link Elementary} on the Vector API, in the manner of {@link VectorKernels}.
 */
interface VectorElementaryKernels extends Kernels {

  @Override
  default void exp(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      VectorElementary.exp(load(x, xOffset + i)).intoArray(y, yOffset + i);
    }
    ScalarKernels.INSTANCE.exp(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  default void exp2(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      VectorElementary.exp2(load(x, xOffset + i)).intoArray(y, yOffset + i);
    }
    ScalarKernels.INSTANCE.exp2(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  default void log(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      VectorElementary.log(load(x, xOffset + i)).intoArray(y, yOffset + i);
    }
    ScalarKernels.INSTANCE.log(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  default void tanh(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    float[] small = Scratch.take(BLOCK);
    for (int i = 0; i < bound; i += BLOCK) {
      int count = Math.min(BLOCK, bound - i);
      tanhSmall(x, xOffset + i, small, count);
      tanh(x, xOffset + i, small, y, yOffset + i, count);
    }
    Scratch.give(small);
    ScalarKernels.INSTANCE.tanh(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  private static void tanhSmall(float[] x, int xOffset, float[] small, int n) {
    for (int i = 0; i < n; i += SPECIES.length()) {
      VectorElementary.tanhSmall(load(x, xOffset + i).abs()).intoArray(small, i);
    }
  }

  /** All in one method: what it called would not be taken into the loop in every program. */
  private static void tanh(float[] x, int xOffset, float[] small, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i += SPECIES.length()) {
      FloatVector value = load(x, xOffset + i);
      FloatVector a = value.abs();
      FloatVector twice = a.add(a);
      FloatVector shifted = twice.fma(all(LOG2_E), all(ROUNDER));
      FloatVector k = shifted.sub(ROUNDER);
      FloatVector r = k.fma(all(-LN2_LOW), k.fma(all(-LN2_HIGH), twice));
      FloatVector q = all(E4).fma(r, all(E3));
      q = q.fma(r, all(E2));
      q = q.fma(r, all(E1));
      q = q.fma(r, all(E0));
      FloatVector p = r.mul(r).fma(q, r);
      IntVector exponent = shifted.reinterpretAsInts().sub(ROUNDER_BITS).add(BIAS);
      FloatVector scale = exponent.lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
      FloatVector result = all(1f).sub(all(2f).div(scale.fma(p, scale.add(1f))));
      result = result.blend(load(small, i), a.compare(VectorOperators.LT, TANH_LARGE));
      result = result.blend(1f, a.compare(VectorOperators.GT, TANH_ONE));
      IntVector sign = value.reinterpretAsInts().and(SIGN);
      result = result.reinterpretAsInts().or(sign).reinterpretAsFloats();
      result.blend(Float.NaN, value.compare(VectorOperators.NE, value)).intoArray(y, yOffset + i);
    }
  }

  @Override
  default void erf(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      FloatVector value = load(x, xOffset + i);
      FloatVector a = value.abs();
      FloatVector small = VectorElementary.erfSmall(a);
      FloatVector large = VectorElementary.erfLarge(a);
      VectorElementary.erf(value, a, small, large).intoArray(y, yOffset + i);
    }
    ScalarKernels.INSTANCE.erf(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  default void reciprocalSqrt(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      VectorElementary.reciprocalSqrt(load(x, xOffset + i)).intoArray(y, yOffset + i);
    }
    ScalarKernels.INSTANCE.reciprocalSqrt(x, xOffset + bound, y, yOffset + bound, n - bound);
  }
}
