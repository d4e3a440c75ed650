package dev.narrow.kernels;

import static dev.narrow.kernels.Kernels.LANES;
import static dev.narrow.kernels.ScalarKernels.canonical;
import static dev.narrow.kernels.ScalarKernels.lanes;
import static dev.narrow.kernels.ScalarKernels.tree;

/** The definition of {@link RowKernels}, and the fallback where the Vector API is not there. */
interface ScalarRowKernels extends RowKernels {

  @Override
  default void subtract(
      float[] x, int xOffset, float[] y, int yOffset, float[] z, int zOffset, int n) {
    for (int i = 0; i < n; i++) {
      z[zOffset + i] = canonical(x[xOffset + i] - y[yOffset + i]);
    }
  }

  @Override
  default void multiply(
      float[] x, int xOffset, float[] y, int yOffset, float[] z, int zOffset, int n) {
    for (int i = 0; i < n; i++) {
      z[zOffset + i] = canonical(x[xOffset + i] * y[yOffset + i]);
    }
  }

  @Override
  default void divide(
      float[] x, int xOffset, float[] y, int yOffset, float[] z, int zOffset, int n) {
    for (int i = 0; i < n; i++) {
      z[zOffset + i] = canonical(x[xOffset + i] / y[yOffset + i]);
    }
  }

  @Override
  default void multiplyAdd(
      float[] x,
      int xOffset,
      float[] y,
      int yOffset,
      float[] addend,
      int addendOffset,
      float[] z,
      int zOffset,
      int n) {
    for (int i = 0; i < n; i++) {
      z[zOffset + i] =
          canonical(Math.fma(x[xOffset + i], y[yOffset + i], addend[addendOffset + i]));
    }
  }

  @Override
  default void clamp(float low, float high, float[] x, int xOffset, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i++) {
      float value = x[xOffset + i];
      value = value < low ? low : value;
      y[yOffset + i] = value > high ? high : value;
    }
  }

  @Override
  default void dropout(
      int[] words,
      int wordsOffset,
      int threshold,
      float factor,
      float[] x,
      int xOffset,
      float[] y,
      int yOffset,
      int n) {
    for (int i = 0; i < n; i++) {
      boolean kept = Integer.compareUnsigned(words[wordsOffset + i], threshold) >= 0;
      y[yOffset + i] = kept ? canonical(factor * x[xOffset + i]) : 0f;
    }
  }

  @Override
  default void standardize(
      float shift, float factor, float[] x, int xOffset, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i++) {
      y[yOffset + i] = canonical((x[xOffset + i] - shift) * factor);
    }
  }

  @Override
  default void standardizeGradient(
      float mean,
      float projection,
      float factor,
      float[] x,
      int xOffset,
      float[] dy,
      int dyOffset,
      float[] dx,
      int dxOffset,
      int n) {
    for (int i = 0; i < n; i++) {
      float rest = Math.fma(-projection, x[xOffset + i], dy[dyOffset + i] - mean);
      dx[dxOffset + i] = canonical(rest * factor);
    }
  }

  @Override
  default void softmaxGradient(
      float shift,
      float[] y,
      int yOffset,
      float[] dy,
      int dyOffset,
      float[] dx,
      int dxOffset,
      int n) {
    for (int i = 0; i < n; i++) {
      dx[dxOffset + i] = canonical((dy[dyOffset + i] - shift) * y[yOffset + i]);
    }
  }

  @Override
  default float sumOfSquaredDeviations(float mean, float[] x, int xOffset, int n) {
    float[] lanes = lanes();
    for (int i = 0; i < n; i++) {
      float deviation = x[xOffset + i] - mean;
      lanes[i % LANES] = Math.fma(deviation, deviation, lanes[i % LANES]);
    }
    return tree(lanes);
  }

  @Override
  default float dot(float[] x, int xOffset, float[] y, int yOffset, int n) {
    float[] lanes = lanes();
    for (int i = 0; i < n; i++) {
      lanes[i % LANES] = Math.fma(x[xOffset + i], y[yOffset + i], lanes[i % LANES]);
    }
    return tree(lanes);
  }

  @Override
  default float maximum(float[] x, int xOffset, int n) {
    float maximum = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      maximum = Math.max(maximum, x[xOffset + i]);
    }
    return canonical(maximum);
  }

  @Override
  default float minimum(float[] x, int xOffset, int n) {
    float minimum = Float.POSITIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      minimum = Math.min(minimum, x[xOffset + i]);
    }
    return canonical(minimum);
  }
}
