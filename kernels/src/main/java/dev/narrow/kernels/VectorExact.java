package dev.narrow.kernels;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link Accumulator.Exact} by compensated summation in float64, where that decides the rounding;
 * elsewhere in wide fixed point.
 *
 * <p>Products of float32 numbers are exact in float64, multiples of 2^-298 and below 2^256: nothing
 * overflows or underflows. Each addition to s is followed by its error e, which is exact (TwoSum,
 * Knuth, TAOCP 2, 4.2.2), so that the sum of the k terms is s + e1 + ... + ek. The errors are added
 * up in c, in float64: c differs from their sum by at most gamma(k - 1) (|e1| + ... + |ek|), where
 * gamma(n) = n u / (1 - n u) and u = 2^-53 (Higham, Accuracy and Stability of Numerical Algorithms,
 * 4.2). The magnitudes are added up in m, which is at least their sum times 1 - gamma(k - 1). Since
 * k < 2^31, that difference is below the double
 *
 * <pre>  d = k 2^-52 m</pre>
 *
 * which is 2 k u m but for two roundings. Hence the sum lies between s + c - d and s + c + d. With
 * h + l = s + c by TwoSum again, it lies between h + l1 and h + l2, where l1 and l2 are l - d and l
 * + d rounded and moved outward by a double. If both of these sums round to one float32, so does
 * the sum, since rounding is monotonic. Each is rounded to odd in float64 first, which does not
 * change its rounding to float32 (Boldo and Melquiond, 2005).
 *
 * <p>Where no addition was inexact d is zero, and then l1 = l2 = l decide in every case, sums that
 * lie half-way between two float32 numbers among them.
 */
final class VectorExact extends VectorAccumulatorMatmul {
  private static final int STEP = DOUBLES.length();

  VectorExact() {
    super(new Accumulator.Exact());
  }

  @Override
  Block block(Matrix a, float[] panel, int size) {
    return this::run;
  }

  private boolean run(
      float[] a,
      int aBase,
      int aStep,
      float[] panel,
      int width,
      int k,
      float[] sums,
      long[] state) {
    compensate(a, aBase, aStep, panel, width, k, state);
    RunningSum wide = definition.sum();
    for (int lane = 0; lane < width; lane++) {
      double s = Double.longBitsToDouble(state[lane]);
      double c = Double.longBitsToDouble(state[WIDTH + lane]);
      double m = Double.longBitsToDouble(state[2 * WIDTH + lane]);
      sums[lane] = round(s, c, m, k);
      if (Float.isNaN(sums[lane])) {
        wide.clear();
        for (int p = 0; p < k; p++) {
          wide.add(a[aBase + p * aStep], panel[p * width + lane]);
        }
        sums[lane] = wide.result();
      }
    }
    return true;
  }

  /** Puts s, c and m into the state, each as a row of WIDTH. */
  private static void compensate(
      float[] a, int aBase, int aStep, float[] panel, int width, int k, long[] state) {
    for (int lane = 0; lane < width; lane += 2 * STEP) {
      DoubleVector s0 = DoubleVector.zero(DOUBLES);
      DoubleVector c0 = s0;
      DoubleVector m0 = s0;
      DoubleVector s1 = s0;
      DoubleVector c1 = s0;
      DoubleVector m1 = s0;
      int ai = aBase;
      int bi = lane;
      for (int p = 0; p < k; p++) {
        DoubleVector x = DoubleVector.broadcast(DOUBLES, a[ai]);
        DoubleVector p0 = x.mul(loadDoubles(panel, bi));
        DoubleVector p1 = x.mul(loadDoubles(panel, bi + STEP));
        DoubleVector t0 = s0.add(p0);
        DoubleVector t1 = s1.add(p1);
        DoubleVector v0 = t0.sub(s0);
        DoubleVector v1 = t1.sub(s1);
        DoubleVector e0 = s0.sub(t0.sub(v0)).add(p0.sub(v0));
        DoubleVector e1 = s1.sub(t1.sub(v1)).add(p1.sub(v1));
        s0 = t0;
        s1 = t1;
        c0 = c0.add(e0);
        c1 = c1.add(e1);
        m0 = m0.add(e0.lanewise(VectorOperators.ABS));
        m1 = m1.add(e1.lanewise(VectorOperators.ABS));
        ai += aStep;
        bi += width;
      }
      s0.reinterpretAsLongs().intoArray(state, lane);
      c0.reinterpretAsLongs().intoArray(state, WIDTH + lane);
      m0.reinterpretAsLongs().intoArray(state, 2 * WIDTH + lane);
      s1.reinterpretAsLongs().intoArray(state, lane + STEP);
      c1.reinterpretAsLongs().intoArray(state, WIDTH + lane + STEP);
      m1.reinterpretAsLongs().intoArray(state, 2 * WIDTH + lane + STEP);
    }
  }

  /** The rounded sum, or NaN if that is not decided or a term is not finite. */
  static float round(double s, double c, double m, int k) {
    if (!(Math.abs(s) < Double.POSITIVE_INFINITY)) {
      return Float.NaN;
    }
    double h = s + c;
    double v = h - s;
    double l = (s - (h - v)) + (c - v);
    if (m == 0) {
      return (float) sumToOdd(h, l);
    }
    double d = k * 0x1p-52 * m;
    float low = (float) sumToOdd(h, Math.nextDown(l - d));
    float high = (float) sumToOdd(h, Math.nextUp(l + d));
    boolean decided = Float.floatToRawIntBits(low) == Float.floatToRawIntBits(high);
    return decided ? low : Float.NaN;
  }

  /** x + y, rounded to odd. */
  private static double sumToOdd(double x, double y) {
    double sum = x + y;
    double v = sum - x;
    double error = (x - (sum - v)) + (y - v);
    long bits = Double.doubleToRawLongBits(sum);
    if (error == 0 || (bits & 1) != 0) {
      return sum;
    }
    boolean towardZero = (error < 0) != (sum < 0);
    return Double.longBitsToDouble(towardZero ? bits - 1 : bits + 1);
  }
}
