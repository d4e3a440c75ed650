package dev.narrow.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The kernels on the Vector API. Only {@link KernelProvider} names this class, after it has made
 * sure that the module {@code jdk.incubator.vector} is there.
 *
 * <p>What is left after the last whole vector is done by {@link ScalarKernels}, whose bits are the
 * same.
 */
final class VectorKernels implements Kernels, VectorRowKernels, VectorOptimizerKernels {
  /** At most 512 bits, so that a vector has no more than the sixteen lanes of a reduction. */
  static final VectorSpecies<Float> SPECIES =
      FloatVector.SPECIES_PREFERRED.length() <= LANES
          ? FloatVector.SPECIES_PREFERRED
          : FloatVector.SPECIES_512;

  static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, VectorShape.forBitSize(SPECIES.vectorBitSize()));
  private static final int STEP = SPECIES.length();
  private static final int INFINITY_BITS = 0x7f800000;
  private static final ScalarKernels TAIL = ScalarKernels.INSTANCE;

  VectorKernels() {
    if (STEP < 4) {
      throw new UnsupportedOperationException(
          "the widest vector has " + SPECIES.vectorBitSize() + " bits, expected 128 or more");
    }
  }

  static FloatVector canonical(FloatVector value) {
    return value.blend(Float.NaN, value.test(VectorOperators.IS_NAN));
  }

  @Override
  public String name() {
    return "vector " + bits() + " bits";
  }

  @Override
  public int bits() {
    return SPECIES.vectorBitSize();
  }

  @Override
  public void matmul(Operand a, Operand b, Matrix c, Epilogue epilogue) {
    VectorMatmul.matmul(a, b, c, epilogue);
  }

  @Override
  public AccumulatorMatmul matmulIn(Accumulator accumulator) {
    return switch (accumulator) {
      case Accumulator.Fp32 _ ->
          (a, b, c) -> matmul(Operand.of(a), Operand.of(b), c, Epilogue.NONE);
      case Accumulator.Fp64 _ -> new VectorFp64();
      case Accumulator.Exact _ -> new VectorExact();
      case Accumulator.Rounded rounded when VectorRounded.supports(rounded) ->
          new VectorRounded(rounded);
      case Accumulator.Fixed fixed when VectorFixed.supports(fixed) -> new VectorFixed(fixed);
      case Accumulator.Chunked chunked ->
          new ChunkedMatmul(
              chunked.chunk(), matmulIn(chunked.within()), matmulIn(chunked.across()));
      default -> new ScalarAccumulatorMatmul(accumulator);
    };
  }

  @Override
  public void exp(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      VectorElementary.exp(load(x, xOffset + i)).intoArray(y, yOffset + i);
    }
    TAIL.exp(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  public void exp2(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      VectorElementary.exp2(load(x, xOffset + i)).intoArray(y, yOffset + i);
    }
    TAIL.exp2(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  public void log(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      VectorElementary.log(load(x, xOffset + i)).intoArray(y, yOffset + i);
    }
    TAIL.log(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  public void tanh(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      FloatVector value = load(x, xOffset + i);
      FloatVector a = value.abs();
      FloatVector small = VectorElementary.tanhSmall(a);
      FloatVector large = VectorElementary.tanhLarge(a);
      VectorElementary.tanh(value, a, small, large).intoArray(y, yOffset + i);
    }
    TAIL.tanh(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  public void erf(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      FloatVector value = load(x, xOffset + i);
      FloatVector a = value.abs();
      FloatVector small = VectorElementary.erfSmall(a);
      FloatVector large = VectorElementary.erfLarge(a);
      VectorElementary.erf(value, a, small, large).intoArray(y, yOffset + i);
    }
    TAIL.erf(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  public void reciprocalSqrt(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      VectorElementary.reciprocalSqrt(load(x, xOffset + i)).intoArray(y, yOffset + i);
    }
    TAIL.reciprocalSqrt(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  public void sigmoid(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      VectorActivations.sigmoid(load(x, xOffset + i)).intoArray(y, yOffset + i);
    }
    TAIL.sigmoid(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  public void gelu(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      FloatVector value = load(x, xOffset + i);
      FloatVector at = value.mul(Activations.SQRT_HALF);
      FloatVector a = at.abs();
      FloatVector small = VectorElementary.erfSmall(a);
      FloatVector large = VectorElementary.erfLarge(a);
      FloatVector e = VectorElementary.erf(at, a, small, large);
      VectorActivations.gelu(value, e).intoArray(y, yOffset + i);
    }
    TAIL.gelu(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  public void geluTanh(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      FloatVector value = load(x, xOffset + i);
      FloatVector p = VectorActivations.sigmoid(VectorActivations.cubic(value));
      VectorActivations.geluTanh(value, p).intoArray(y, yOffset + i);
    }
    TAIL.geluTanh(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  public void geluGradient(
      float[] x, int xOffset, float[] dy, int dyOffset, float[] dx, int dxOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      FloatVector value = load(x, xOffset + i);
      FloatVector at = value.mul(Activations.SQRT_HALF);
      FloatVector a = at.abs();
      FloatVector small = VectorElementary.erfSmall(a);
      FloatVector large = VectorElementary.erfLarge(a);
      FloatVector e = VectorElementary.erf(at, a, small, large);
      FloatVector slope = VectorActivations.geluGradient(value, e);
      canonical(slope.mul(load(dy, dyOffset + i))).intoArray(dx, dxOffset + i);
    }
    TAIL.geluGradient(x, xOffset + bound, dy, dyOffset + bound, dx, dxOffset + bound, n - bound);
  }

  @Override
  public void geluTanhGradient(
      float[] x, int xOffset, float[] dy, int dyOffset, float[] dx, int dxOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      FloatVector value = load(x, xOffset + i);
      FloatVector v = VectorActivations.cubic(value);
      FloatVector s = VectorActivations.sigmoid(v.abs().neg());
      FloatVector slope = VectorActivations.geluTanhGradient(value, v, s);
      canonical(slope.mul(load(dy, dyOffset + i))).intoArray(dx, dxOffset + i);
    }
    TAIL.geluTanhGradient(
        x, xOffset + bound, dy, dyOffset + bound, dx, dxOffset + bound, n - bound);
  }

  @Override
  public void relu(float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      FloatVector value = load(x, xOffset + i);
      value.blend(0f, value.compare(VectorOperators.LE, 0f)).intoArray(y, yOffset + i);
    }
    TAIL.relu(x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  public void reluGradient(
      float[] y, int yOffset, float[] dy, int dyOffset, float[] dx, int dxOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      VectorMask<Float> passed = load(y, yOffset + i).compare(VectorOperators.GT, 0f);
      FloatVector.zero(SPECIES).blend(load(dy, dyOffset + i), passed).intoArray(dx, dxOffset + i);
    }
    TAIL.reluGradient(y, yOffset + bound, dy, dyOffset + bound, dx, dxOffset + bound, n - bound);
  }

  @Override
  public void add(float[] x, int xOffset, float[] y, int yOffset, float[] z, int zOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      canonical(load(x, xOffset + i).add(load(y, yOffset + i))).intoArray(z, zOffset + i);
    }
    TAIL.add(x, xOffset + bound, y, yOffset + bound, z, zOffset + bound, n - bound);
  }

  @Override
  public void scale(float factor, float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      canonical(load(x, xOffset + i).mul(factor)).intoArray(y, yOffset + i);
    }
    TAIL.scale(factor, x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  public void addScaled(float factor, float[] x, int xOffset, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    FloatVector factors = FloatVector.broadcast(SPECIES, factor);
    for (int i = 0; i < bound; i += STEP) {
      canonical(factors.fma(load(x, xOffset + i), load(y, yOffset + i))).intoArray(y, yOffset + i);
    }
    TAIL.addScaled(factor, x, xOffset + bound, y, yOffset + bound, n - bound);
  }

  @Override
  public void divide(float[] x, int xOffset, float divisor, float[] y, int yOffset, int n) {
    int bound = SPECIES.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      canonical(load(x, xOffset + i).div(divisor)).intoArray(y, yOffset + i);
    }
    TAIL.divide(x, xOffset + bound, divisor, y, yOffset + bound, n - bound);
  }

  @Override
  public void correlate(
      float[] w,
      int wOffset,
      int[] offsets,
      int terms,
      float[] x,
      int xOffset,
      float addend,
      float[] y,
      int yOffset,
      int n) {
    int block = 4 * STEP;
    if (n < block) {
      TAIL.correlate(w, wOffset, offsets, terms, x, xOffset, addend, y, yOffset, n);
      return;
    }
    for (int next = 0; next < n; next += block) {
      int i = Math.min(next, n - block); // the last block begins within the one before
      FloatVector s0 = FloatVector.zero(SPECIES);
      FloatVector s1 = FloatVector.zero(SPECIES);
      FloatVector s2 = FloatVector.zero(SPECIES);
      FloatVector s3 = FloatVector.zero(SPECIES);
      for (int t = 0; t < terms; t++) {
        FloatVector weight = FloatVector.broadcast(SPECIES, w[wOffset + t]);
        int from = xOffset + i + offsets[t];
        s0 = weight.fma(load(x, from), s0);
        s1 = weight.fma(load(x, from + STEP), s1);
        s2 = weight.fma(load(x, from + 2 * STEP), s2);
        s3 = weight.fma(load(x, from + 3 * STEP), s3);
      }
      int to = yOffset + i;
      canonical(s0.add(addend)).intoArray(y, to);
      canonical(s1.add(addend)).intoArray(y, to + STEP);
      canonical(s2.add(addend)).intoArray(y, to + 2 * STEP);
      canonical(s3.add(addend)).intoArray(y, to + 3 * STEP);
    }
  }

  @Override
  public void normalize(
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
    for (int i = 0; i < bound; i += STEP) {
      FloatVector normalized = load(x, xOffset + i).sub(mean).mul(factor);
      canonical(normalized.fma(gammas, betas)).intoArray(y, yOffset + i);
    }
    TAIL.normalize(x, xOffset + bound, mean, factor, gamma, beta, y, yOffset + bound, n - bound);
  }

  @Override
  public void normalizeGradient(
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
    for (int i = 0; i < bound; i += STEP) {
      FloatVector normalized = load(x, xOffset + i).sub(mean).mul(factor);
      FloatVector gradient = normalized.fma(minusB, load(dy, dyOffset + i).sub(a)).mul(scale);
      canonical(gradient).intoArray(dx, dxOffset + i);
    }
    TAIL.normalizeGradient(
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

  // A reduction keeps its sixteen lanes in 16 / STEP vectors: one, two or four of them. The
  // elements
  // after the last sixteen are added to the lanes one by one.

  @Override
  public float sum(float[] x, int xOffset, int n) {
    float[] lanes = ScalarKernels.lanes();
    int bound = n - n % LANES;
    for (int lane = 0; lane < LANES; lane += STEP) {
      FloatVector sum = FloatVector.zero(SPECIES);
      for (int i = lane; i < bound; i += LANES) {
        sum = sum.add(load(x, xOffset + i));
      }
      sum.intoArray(lanes, lane);
    }
    for (int i = bound; i < n; i++) {
      lanes[i - bound] += x[xOffset + i];
    }
    return ScalarKernels.tree(lanes);
  }

  @Override
  public void matvec(Operand a, float[] x, int xOffset, float[] y, int yOffset) {
    RowCodes codes = RowCodes.of(a.codes());
    if (codes != null) {
      for (int i = 0; i < a.rows(); i++) {
        y[yOffset + i] = codes.dot(a.offset() + i * a.rowStride(), x, xOffset, a.columns());
      }
      return;
    }
    float[] array = a.array();
    int done = 0;
    if (array != null && STEP == LANES) {
      for (; done + 4 <= a.rows(); done += 4) {
        dotFour(
            array,
            a.offset() + done * a.rowStride(),
            a.rowStride(),
            x,
            xOffset,
            a.columns(),
            y,
            yOffset + done);
      }
    }
    Kernels.super.matvec(a.rowRange(done, a.rows()), x, xOffset, y, yOffset + done);
  }

  /** Four rows at a time: memory is read faster in four streams than in one. */
  private void dotFour(
      float[] a, int start, int stride, float[] x, int xOffset, int n, float[] y, int yOffset) {
    FloatVector s0 = FloatVector.zero(SPECIES);
    FloatVector s1 = FloatVector.zero(SPECIES);
    FloatVector s2 = FloatVector.zero(SPECIES);
    FloatVector s3 = FloatVector.zero(SPECIES);
    int bound = n - n % LANES;
    for (int i = 0; i < bound; i += LANES) {
      FloatVector value = load(x, xOffset + i);
      s0 = load(a, start + i).fma(value, s0);
      s1 = load(a, start + stride + i).fma(value, s1);
      s2 = load(a, start + 2 * stride + i).fma(value, s2);
      s3 = load(a, start + 3 * stride + i).fma(value, s3);
    }
    y[yOffset] = finishDot(s0, a, start, x, xOffset, bound, n);
    y[yOffset + 1] = finishDot(s1, a, start + stride, x, xOffset, bound, n);
    y[yOffset + 2] = finishDot(s2, a, start + 2 * stride, x, xOffset, bound, n);
    y[yOffset + 3] = finishDot(s3, a, start + 3 * stride, x, xOffset, bound, n);
  }

  private static float finishDot(
      FloatVector sum, float[] a, int start, float[] x, int xOffset, int bound, int n) {
    float[] lanes = ScalarKernels.lanes();
    sum.intoArray(lanes, 0);
    for (int i = bound; i < n; i++) {
      lanes[i - bound] = Math.fma(a[start + i], x[xOffset + i], lanes[i - bound]);
    }
    return ScalarKernels.tree(lanes);
  }

  @Override
  public float sumOfSquares(float[] x, int xOffset, int n) {
    float[] lanes = ScalarKernels.lanes();
    int bound = n - n % LANES;
    for (int lane = 0; lane < LANES; lane += STEP) {
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
    return ScalarKernels.tree(lanes);
  }

  @Override
  public float sumOfNormalized(
      float[] dy, int dyOffset, float[] x, int xOffset, float mean, float factor, int n) {
    float[] lanes = ScalarKernels.lanes();
    int bound = n - n % LANES;
    for (int lane = 0; lane < LANES; lane += STEP) {
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
    return ScalarKernels.tree(lanes);
  }

  @Override
  public void sumRows(Matrix x, float[] y, int yOffset) {
    int bound = x.columnStride() == 1 ? SPECIES.loopBound(x.columns()) : 0;
    for (int j = 0; j < bound; j += STEP) {
      FloatVector sum = FloatVector.zero(SPECIES);
      for (int i = 0; i < x.rows(); i++) {
        sum = sum.add(load(x.array(), x.offset() + i * x.rowStride() + j));
      }
      canonical(sum).intoArray(y, yOffset + j);
    }
    TAIL.sumRows(x.columnRange(bound, x.columns()), y, yOffset + bound);
  }

  @Override
  public float expShifted(float[] x, int xOffset, float shift, float[] y, int yOffset, int n) {
    float[] lanes = ScalarKernels.lanes();
    int bound = n - n % LANES;
    for (int lane = 0; lane < LANES; lane += STEP) {
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
    return ScalarKernels.tree(lanes);
  }

  @Override
  public Scan scan(float[] x, int xOffset, int n) {
    int bound = SPECIES.loopBound(n);
    IntVector amax = IntVector.zero(INTS);
    int nonFinite = 0;
    int first = -1;
    for (int i = 0; i < bound; i += STEP) {
      IntVector magnitude = load(x, xOffset + i).reinterpretAsInts().and(Integer.MAX_VALUE);
      VectorMask<Integer> finite = magnitude.compare(VectorOperators.LT, INFINITY_BITS);
      amax = amax.lanewise(VectorOperators.MAX, magnitude, finite);
      if (!finite.allTrue()) {
        first = nonFinite == 0 ? i + finite.not().firstTrue() : first;
        nonFinite += STEP - finite.trueCount();
      }
    }
    Scan tail = TAIL.scan(x, xOffset + bound, n - bound);
    if (nonFinite == 0 && tail.nonFinite() > 0) {
      first = bound + tail.firstNonFinite();
    }
    float largest = Float.intBitsToFloat(amax.reduceLanes(VectorOperators.MAX));
    return new Scan(Math.max(largest, tail.amax()), nonFinite + tail.nonFinite(), first);
  }

  private static FloatVector load(float[] x, int index) {
    return FloatVector.fromArray(SPECIES, x, index);
  }
}
