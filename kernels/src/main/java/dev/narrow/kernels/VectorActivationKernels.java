package dev.narrow.kernels;

import static dev.narrow.kernels.VectorKernels.BLOCK;
import static dev.narrow.kernels.VectorKernels.SPECIES;
import static dev.narrow.kernels.VectorKernels.canonical;
import static dev.narrow.kernels.VectorKernels.load;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The functions of {@link Activations} on the Vector API, in the manner of {@link VectorKernels}.
 *
 * <p>GELU, its approximation and their gradients are too large for one loop (see {@link
 * VectorElementary}): each part of them goes over a block in a pass of its own, and what is between
 * the passes stays in the first-level cache.
 */
interface VectorActivationKernels extends Kernels {
  @Override
  default void sigmoid(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      VectorActivations.sigmoid(load(x, xOffset + i)).intoArray(y, yOffset + i);
    }
    ScalarKernels.INSTANCE.sigmoid(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  default void gelu(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    float[] e = Scratch.take(BLOCK);
    for (int i = 0; i < bound; i += BLOCK) {
      int count = Math.min(BLOCK, bound - i);
      erfScaled(x, xOffset + i, e, count);
      gelu(x, xOffset + i, e, y, yOffset + i, count);
    }
    Scratch.give(e);
    ScalarKernels.INSTANCE.gelu(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  /** e = erf(x SQRT_HALF). */
  private void erfScaled(float[] x, int xOffset, float[] e, int n) {
    scale(Activations.SQRT_HALF, x, xOffset, e, 0, n);
    erf(e, 0, e, 0, n);
  }

  private static void gelu(float[] x, int xOffset, float[] e, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i += SPECIES.length()) {
      VectorActivations.gelu(load(x, xOffset + i), load(e, i)).intoArray(y, yOffset + i);
    }
  }

  @Override
  default void geluTanh(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    float[] p = Scratch.take(BLOCK);
    for (int i = 0; i < bound; i += BLOCK) {
      int count = Math.min(BLOCK, bound - i);
      cubic(x, xOffset + i, p, count);
      sigmoid(p, 0, p, 0, count);
      geluTanh(x, xOffset + i, p, y, yOffset + i, count);
    }
    Scratch.give(p);
    ScalarKernels.INSTANCE.geluTanh(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  private static void cubic(float[] x, int xOffset, float[] v, int n) {
    for (int i = 0; i < n; i += SPECIES.length()) {
      VectorActivations.cubic(load(x, xOffset + i)).intoArray(v, i);
    }
  }

  private static void geluTanh(float[] x, int xOffset, float[] p, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i += SPECIES.length()) {
      VectorActivations.geluTanh(load(x, xOffset + i), load(p, i)).intoArray(y, yOffset + i);
    }
  }

  @Override
  default void geluGradient(
      float[] x, int xOffset, float[] dy, int dyOffset, float[] dx, int dxOffset, int n) {
    int bound = SPECIES.loopBound(n);
    float[] e = Scratch.take(BLOCK);
    float[] density = Scratch.take(BLOCK);
    for (int i = 0; i < bound; i += BLOCK) {
      int count = Math.min(BLOCK, bound - i);
      density(x, xOffset + i, density, count);
      erfScaled(x, xOffset + i, e, count);
      geluGradient(x, xOffset + i, e, density, dy, dyOffset + i, dx, dxOffset + i, count);
    }
    Scratch.give(density);
    Scratch.give(e);
    ScalarKernels.INSTANCE.geluGradient(
        x, xOffset + bound, dy, dyOffset + bound, dx, dxOffset + bound, n - bound);
  }

  private static void density(float[] x, int xOffset, float[] density, int n) {
    for (int i = 0; i < n; i += SPECIES.length()) {
      VectorActivations.density(load(x, xOffset + i)).intoArray(density, i);
    }
  }

  private static void geluGradient(
      float[] x,
      int xOffset,
      float[] e,
      float[] density,
      float[] dy,
      int dyOffset,
      float[] dx,
      int dxOffset,
      int n) {
    for (int i = 0; i < n; i += SPECIES.length()) {
      FloatVector slope =
          VectorActivations.geluGradient(load(x, xOffset + i), load(e, i), load(density, i));
      canonical(slope.mul(load(dy, dyOffset + i))).intoArray(dx, dxOffset + i);
    }
  }

  @Override
  default void geluTanhGradient(
      float[] x, int xOffset, float[] dy, int dyOffset, float[] dx, int dxOffset, int n) {
    int bound = SPECIES.loopBound(n);
    float[] v = Scratch.take(BLOCK);
    float[] s = Scratch.take(BLOCK);
    for (int i = 0; i < bound; i += BLOCK) {
      int count = Math.min(BLOCK, bound - i);
      cubic(x, xOffset + i, v, count);
      negativeMagnitude(v, s, count);
      sigmoid(s, 0, s, 0, count);
      geluTanhGradient(x, xOffset + i, v, s, dy, dyOffset + i, dx, dxOffset + i, count);
    }
    Scratch.give(s);
    Scratch.give(v);
    ScalarKernels.INSTANCE.geluTanhGradient(
        x, xOffset + bound, dy, dyOffset + bound, dx, dxOffset + bound, n - bound);
  }

  private static void negativeMagnitude(float[] v, float[] s, int n) {
    for (int i = 0; i < n; i += SPECIES.length()) {
      load(v, i).abs().neg().intoArray(s, i);
    }
  }

  private static void geluTanhGradient(
      float[] x,
      int xOffset,
      float[] v,
      float[] s,
      float[] dy,
      int dyOffset,
      float[] dx,
      int dxOffset,
      int n) {
    for (int i = 0; i < n; i += SPECIES.length()) {
      FloatVector slope =
          VectorActivations.geluTanhGradient(load(x, xOffset + i), load(v, i), load(s, i));
      canonical(slope.mul(load(dy, dyOffset + i))).intoArray(dx, dxOffset + i);
    }
  }

  @Override
  default void relu(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      FloatVector value = load(x, xOffset + i);
      value.blend(0f, value.compare(VectorOperators.LE, 0f)).intoArray(y, yOffset + i);
    }
    ScalarKernels.INSTANCE.relu(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  default void reluGradient(
      float[] y, int yOffset, float[] dy, int dyOffset, float[] dx, int dxOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      VectorMask<Float> passed = load(y, yOffset + i).compare(VectorOperators.GT, 0f);
      FloatVector.zero(SPECIES).blend(load(dy, dyOffset + i), passed).intoArray(dx, dxOffset + i);
    }
    ScalarKernels.INSTANCE.reluGradient(
        y, yOffset + bound, dy, dyOffset + bound, dx, dxOffset + bound, n - bound);
  }
}
