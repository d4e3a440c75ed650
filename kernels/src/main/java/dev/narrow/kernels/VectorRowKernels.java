package dev.narrow.kernels;

import static dev.narrow.kernels.Kernels.LANES;
import static dev.narrow.kernels.ScalarKernels.INFINITY_BITS;
import static dev.narrow.kernels.ScalarKernels.canonical;
import static dev.narrow.kernels.ScalarKernels.lanes;
import static dev.narrow.kernels.ScalarKernels.tree;
import static dev.narrow.kernels.VectorKernels.INTS;
import static dev.narrow.kernels.VectorKernels.SPECIES;
import static dev.narrow.kernels.VectorKernels.canonical;
import static dev.narrow.kernels.VectorKernels.load;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** {@link RowKernels} on the Vector API, in the manner of {@link VectorKernels}. */
interface VectorRowKernels extends RowKernels {

  @Override
  default void subtract(
      float[] x, int xOffset, float[] y, int yOffset, float[] z, int zOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      canonical(load(x, xOffset + i).sub(load(y, yOffset + i))).intoArray(z, zOffset + i);
    }
    ScalarKernels.INSTANCE.subtract(
        x, xOffset + bound, y, yOffset + bound, z, zOffset + bound, n - bound);
  }

  @Override
  default void multiply(
      float[] x, int xOffset, float[] y, int yOffset, float[] z, int zOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      canonical(load(x, xOffset + i).mul(load(y, yOffset + i))).intoArray(z, zOffset + i);
    }
    ScalarKernels.INSTANCE.multiply(
        x, xOffset + bound, y, yOffset + bound, z, zOffset + bound, n - bound);
  }

  @Override
  default void divide(
      float[] x, int xOffset, float[] y, int yOffset, float[] z, int zOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      canonical(load(x, xOffset + i).div(load(y, yOffset + i))).intoArray(z, zOffset + i);
    }
    ScalarKernels.INSTANCE.divide(
        x, xOffset + bound, y, yOffset + bound, z, zOffset + bound, n - bound);
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
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      canonical(load(x, xOffset + i).fma(load(y, yOffset + i), load(addend, addendOffset + i)))
          .intoArray(z, zOffset + i);
    }
    ScalarKernels.INSTANCE.multiplyAdd(
        x,
        xOffset + bound,
        y,
        yOffset + bound,
        addend,
        addendOffset + bound,
        z,
        zOffset + bound,
        n - bound);
  }

  @Override
  default void clamp(float low, float high, float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      FloatVector value = load(x, xOffset + i);
      value = value.blend(low, value.compare(VectorOperators.LT, low));
      value.blend(high, value.compare(VectorOperators.GT, high)).intoArray(y, yOffset + i);
    }
    ScalarKernels.INSTANCE.clamp(low, high, x, xOffset + bound, y, yOffset + bound, n - bound);
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
    int bound = SPECIES.loopBound(n);
    FloatVector zero = FloatVector.zero(SPECIES);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      VectorMask<Integer> kept =
          IntVector.fromArray(INTS, words, wordsOffset + i).compare(VectorOperators.UGE, threshold);
      zero.blend(canonical(load(x, xOffset + i).mul(factor)), kept.cast(SPECIES))
          .intoArray(y, yOffset + i);
    }
    ScalarKernels.INSTANCE.dropout(
        words,
        wordsOffset + bound,
        threshold,
        factor,
        x,
        xOffset + bound,
        y,
        yOffset + bound,
        n - bound);
  }

  @Override
  default void standardize(
      float shift, float factor, float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      canonical(load(x, xOffset + i).sub(shift).mul(factor)).intoArray(y, yOffset + i);
    }
    ScalarKernels.INSTANCE.standardize(
        shift, factor, x, xOffset + bound, y, yOffset + bound, n - bound);
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
    int bound = SPECIES.loopBound(n);
    FloatVector slope = FloatVector.broadcast(SPECIES, -projection);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      FloatVector rest = slope.fma(load(x, xOffset + i), load(dy, dyOffset + i).sub(mean));
      canonical(rest.mul(factor)).intoArray(dx, dxOffset + i);
    }
    ScalarKernels.INSTANCE.standardizeGradient(
        mean,
        projection,
        factor,
        x,
        xOffset + bound,
        dy,
        dyOffset + bound,
        dx,
        dxOffset + bound,
        n - bound);
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
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      canonical(load(dy, dyOffset + i).sub(shift).mul(load(y, yOffset + i)))
          .intoArray(dx, dxOffset + i);
    }
    ScalarKernels.INSTANCE.softmaxGradient(
        shift, y, yOffset + bound, dy, dyOffset + bound, dx, dxOffset + bound, n - bound);
  }

  @Override
  default float sumOfSquaredDeviations(float mean, float[] x, int xOffset, int n) {
    float[] lanes = lanes();
    int bound = n - n % LANES;
    for (int lane = 0; lane < LANES; lane += SPECIES.length()) {
      FloatVector sum = FloatVector.zero(SPECIES);
      for (int i = lane; i < bound; i += LANES) {
        FloatVector deviation = load(x, xOffset + i).sub(mean);
        sum = deviation.fma(deviation, sum);
      }
      sum.intoArray(lanes, lane);
    }
    for (int i = bound; i < n; i++) {
      float deviation = x[xOffset + i] - mean;
      lanes[i - bound] = Math.fma(deviation, deviation, lanes[i - bound]);
    }
    return tree(lanes);
  }

  @Override
  default float dot(float[] x, int xOffset, float[] y, int yOffset, int n) {
    float[] lanes = lanes();
    int bound = n - n % LANES;
    for (int lane = 0; lane < LANES; lane += SPECIES.length()) {
      FloatVector sum = FloatVector.zero(SPECIES);
      for (int i = lane; i < bound; i += LANES) {
        sum = load(x, xOffset + i).fma(load(y, yOffset + i), sum);
      }
      sum.intoArray(lanes, lane);
    }
    for (int i = bound; i < n; i++) {
      lanes[i - bound] = Math.fma(x[xOffset + i], y[yOffset + i], lanes[i - bound]);
    }
    return tree(lanes);
  }

  /** Softmax takes it of every row: the maximum of the Vector API would be three times slower. */
  @Override
  default float maximum(float[] x, int xOffset, int n) {
    int bound = SPECIES.loopBound(n);
    FloatVector maximum = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
    IntVector magnitude = IntVector.zero(INTS); // as integers, NaN is above infinity
    for (int i = 0; i < bound; i += SPECIES.length()) {
      FloatVector value = load(x, xOffset + i);
      maximum = maximum.blend(value, value.compare(VectorOperators.GT, maximum));
      magnitude = magnitude.max(value.abs().reinterpretAsInts());
    }
    if (magnitude.reduceLanes(VectorOperators.MAX) > INFINITY_BITS) {
      return Float.NaN;
    }
    float tail = ScalarKernels.INSTANCE.maximum(x, xOffset + bound, n - bound);
    float result = Math.max(maximum.reduceLanes(VectorOperators.MAX), tail);
    return result == 0f ? zero(x, xOffset, bound, result) : canonical(result);
  }

  /** +0 if it is among n values or is the rest, else -0: comparisons do not tell them apart. */
  private static float zero(float[] x, int xOffset, int n, float rest) {
    for (int i = 0; i < n; i++) {
      if (Float.floatToRawIntBits(x[xOffset + i]) == 0) {
        return 0f;
      }
    }
    return rest;
  }

  @Override
  default float minimum(float[] x, int xOffset, int n) {
    int bound = SPECIES.loopBound(n);
    FloatVector minimum = FloatVector.broadcast(SPECIES, Float.POSITIVE_INFINITY);
    for (int i = 0; i < bound; i += SPECIES.length()) {
      minimum = minimum.min(load(x, xOffset + i));
    }
    float tail = ScalarKernels.INSTANCE.minimum(x, xOffset + bound, n - bound);
    return canonical(Math.min(minimum.reduceLanes(VectorOperators.MIN), tail));
  }
}
