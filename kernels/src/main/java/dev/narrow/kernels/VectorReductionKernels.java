package dev.narrow.kernels;

import static dev.narrow.kernels.ScalarKernels.INFINITY_BITS;
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

/**
 * Reductions on the Vector API, in the manner of {@link VectorKernels}.
 *
 * <p>A sum keeps its sixteen lanes in one, two or four vectors. The elements after the last sixteen
 * are added to the lanes one by one.
 */
interface VectorReductionKernels extends Kernels {

  @Override
  default float sum(float[] x, int xOffset, int n) {
    float[] lanes = lanes();
    int bound = n - n % LANES;
    for (int lane = 0; lane < LANES; lane += SPECIES.length()) {
      FloatVector sum = FloatVector.zero(SPECIES);
      for (int i = lane; i < bound; i += LANES) {
        sum = sum.add(load(x, xOffset + i));
      }
      sum.intoArray(lanes, lane);
    }
    for (int i = bound; i < n; i++) {
      lanes[i - bound] += x[xOffset + i];
    }
    return tree(lanes);
  }

  @Override
  default float sumOfSquares(float[] x, int xOffset, int n) {
    float[] lanes = lanes();
    int bound = n - n % LANES;
    for (int lane = 0; lane < LANES; lane += SPECIES.length()) {
      FloatVector sum = FloatVector.zero(SPECIES);
      for (int i = lane; i < bound; i += LANES) {
        FloatVector value = load(x, xOffset + i);
        sum = value.fma(value, sum);
      }
      sum.intoArray(lanes, lane);
    }
    for (int i = bound; i < n; i++) {
      float value = x[xOffset + i];
      lanes[i - bound] = Math.fma(value, value, lanes[i - bound]);
    }
    return tree(lanes);
  }

  @Override
  default float sumOfNormalized(
      float[] dy, int dyOffset, float[] x, int xOffset, float mean, float factor, int n) {
    float[] lanes = lanes();
    int bound = n - n % LANES;
    for (int lane = 0; lane < LANES; lane += SPECIES.length()) {
      FloatVector sum = FloatVector.zero(SPECIES);
      for (int i = lane; i < bound; i += LANES) {
        FloatVector normalized = load(x, xOffset + i).sub(mean).mul(factor);
        sum = load(dy, dyOffset + i).fma(normalized, sum);
      }
      sum.intoArray(lanes, lane);
    }
    for (int i = bound; i < n; i++) {
      float normalized = (x[xOffset + i] - mean) * factor;
      lanes[i - bound] = Math.fma(dy[dyOffset + i], normalized, lanes[i - bound]);
    }
    return tree(lanes);
  }

  @Override
  default void sumRows(Matrix x, float[] y, int yOffset) {
    int bound = x.columnStride() == 1 ? SPECIES.loopBound(x.columns()) : 0;
    for (int j = 0; j < bound; j += SPECIES.length()) {
      FloatVector sum = FloatVector.zero(SPECIES);
      for (int i = 0; i < x.rows(); i++) {
        sum = sum.add(load(x.array(), x.offset() + i * x.rowStride() + j));
      }
      canonical(sum).intoArray(y, yOffset + j);
    }
    ScalarKernels.INSTANCE.sumRows(x.columnRange(bound, x.columns()), y, yOffset + bound);
  }

  @Override
  default float expShifted(float[] x, int xOffset, float shift, float[] y, int yOffset, int n) {
    float[] lanes = lanes();
    int bound = n - n % LANES;
    for (int lane = 0; lane < LANES; lane += SPECIES.length()) {
      FloatVector sum = FloatVector.zero(SPECIES);
      for (int i = lane; i < bound; i += LANES) {
        FloatVector value = VectorElementary.exp(load(x, xOffset + i).sub(shift));
        value.intoArray(y, yOffset + i);
        sum = sum.add(value);
      }
      sum.intoArray(lanes, lane);
    }
    for (int i = bound; i < n; i++) {
      float value = Elementary.exp(x[xOffset + i] - shift);
      y[yOffset + i] = value;
      lanes[i - bound] += value;
    }
    return tree(lanes);
  }

  @Override
  default Scan scan(float[] x, int xOffset, int n) {
    int bound = SPECIES.loopBound(n);
    IntVector amax = IntVector.zero(INTS);
    int nonFinite = 0;
    int first = -1;
    for (int i = 0; i < bound; i += SPECIES.length()) {
      IntVector magnitude = load(x, xOffset + i).reinterpretAsInts().and(Integer.MAX_VALUE);
      VectorMask<Integer> finite = magnitude.compare(VectorOperators.LT, INFINITY_BITS);
      amax = amax.lanewise(VectorOperators.MAX, magnitude, finite);
      if (!finite.allTrue()) {
        first = nonFinite == 0 ? i + finite.not().firstTrue() : first;
        nonFinite += SPECIES.length() - finite.trueCount();
      }
    }
    Scan tail = ScalarKernels.INSTANCE.scan(x, xOffset + bound, n - bound);
    if (nonFinite == 0 && tail.nonFinite() > 0) {
      first = bound + tail.firstNonFinite();
    }
    float largest = Float.intBitsToFloat(amax.reduceLanes(VectorOperators.MAX));
    return new Scan(Math.max(largest, tail.amax()), nonFinite + tail.nonFinite(), first);
  }
}
