package dev.narrow.kernels;

import jdk.incubator.vector.DoubleVector;

/** {@link Accumulator.Fp64} in vectors of doubles. */
final class VectorFp64 extends VectorAccumulatorMatmul {
  private static final int STEP = DOUBLES.length();

  VectorFp64() {
    super(new Accumulator.Fp64());
  }

  @Override
  Block block(Matrix a, float[] panel, int size) {
    return VectorFp64::run;
  }

  private static boolean run(
      float[] a,
      int aBase,
      int aStep,
      float[] panel,
      int width,
      int k,
      float[] sums,
      long[] state) {
    int lane = 0;
    for (; lane + 4 * STEP <= width; lane += 4 * STEP) {
      DoubleVector s0 = DoubleVector.zero(DOUBLES);
      DoubleVector s1 = s0;
      DoubleVector s2 = s0;
      DoubleVector s3 = s0;
      int ai = aBase;
      int bi = lane;
      for (int p = 0; p < k; p++) {
        DoubleVector x = DoubleVector.broadcast(DOUBLES, a[ai]);
        s0 = x.fma(loadDoubles(panel, bi), s0);
        s1 = x.fma(loadDoubles(panel, bi + STEP), s1);
        s2 = x.fma(loadDoubles(panel, bi + 2 * STEP), s2);
        s3 = x.fma(loadDoubles(panel, bi + 3 * STEP), s3);
        ai += aStep;
        bi += width;
      }
      store(s0, sums, lane);
      store(s1, sums, lane + STEP);
      store(s2, sums, lane + 2 * STEP);
      store(s3, sums, lane + 3 * STEP);
    }
    for (; lane < width; lane += STEP) {
      DoubleVector sum = DoubleVector.zero(DOUBLES);
      for (int p = 0; p < k; p++) {
        DoubleVector x = DoubleVector.broadcast(DOUBLES, a[aBase + p * aStep]);
        sum = x.fma(loadDoubles(panel, p * width + lane), sum);
      }
      store(sum, sums, lane);
    }
    return true;
  }

  private static void store(DoubleVector sum, float[] sums, int lane) {
    for (int i = 0; i < STEP; i++) {
      sums[lane + i] = (float) sum.lane(i);
    }
  }
}
