package dev.narrow.kernels;

import static dev.narrow.kernels.VectorKernels.SPECIES;
import static dev.narrow.kernels.VectorKernels.canonical;
import static dev.narrow.kernels.VectorKernels.load;

import jdk.incubator.vector.FloatVector;

/** Arithmetic on the Vector API, in the manner of {@link VectorKernels}. */
interface VectorArithmeticKernels extends Kernels {

  @Override
  default void add(float[] x, int xOffset, float[] y, int yOffset, float[] z, int zOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      canonical(load(x, xOffset + i).add(load(y, yOffset + i))).intoArray(z, zOffset + i);
    }
    ScalarKernels.INSTANCE.add(
        x, xOffset + bound, y, yOffset + bound, z, zOffset + bound, n - bound);
  }

  @Override
  default void scale(float factor, float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      canonical(load(x, xOffset + i).mul(factor)).intoArray(y, yOffset + i);
    }
    ScalarKernels.INSTANCE.scale(factor, x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  default void addScaled(float factor, float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    FloatVector factors = FloatVector.broadcast(SPECIES, factor);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      canonical(factors.fma(load(x, xOffset + i), load(y, yOffset + i))).intoArray(y, yOffset + i);
    }
    ScalarKernels.INSTANCE.addScaled(factor, x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  default void divide(float[] x, int xOffset, float divisor, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      canonical(load(x, xOffset + i).div(divisor)).intoArray(y, yOffset + i);
    }
    ScalarKernels.INSTANCE.divide(x, xOffset + bound, divisor, y, yOffset + bound, n - bound);
  }

  @Override
  default void normalize(
      float[] x,
      int xOffset,
      float mean,
      float factor,
      float gamma,
      float beta,
      float[] y,
      int yOffset,
      int n) {
    int bound = SPECIES.loopBound(n);
    FloatVector gammas = FloatVector.broadcast(SPECIES, gamma);
    FloatVector betas = FloatVector.broadcast(SPECIES, beta);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      FloatVector normalized = load(x, xOffset + i).sub(mean).mul(factor);
      canonical(normalized.fma(gammas, betas)).intoArray(y, yOffset + i);
    }
    ScalarKernels.INSTANCE.normalize(
        x, xOffset + bound, mean, factor, gamma, beta, y, yOffset + bound, n - bound);
  }

  @Override
  default void normalizeGradient(
      float[] dy,
      int dyOffset,
      float a,
      float[] x,
      int xOffset,
      float mean,
      float factor,
      float b,
      float scale,
      float[] dx,
      int dxOffset,
      int n) {
    int bound = SPECIES.loopBound(n);
    FloatVector minusB = FloatVector.broadcast(SPECIES, -b); // -normalized b, which is the same
    for (int i = 0; i < bound; i += SPECIES.length()) {
      FloatVector normalized = load(x, xOffset + i).sub(mean).mul(factor);
      FloatVector gradient = normalized.fma(minusB, load(dy, dyOffset + i).sub(a)).mul(scale);
      canonical(gradient).intoArray(dx, dxOffset + i);
    }
    ScalarKernels.INSTANCE.normalizeGradient(
        dy,
        dyOffset + bound,
        a,
        x,
        xOffset + bound,
        mean,
        factor,
        b,
        scale,
        dx,
        dxOffset + bound,
        n - bound);
  }
}
