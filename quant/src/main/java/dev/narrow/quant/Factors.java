package dev.narrow.quant;

import org.jspecify.annotations.Nullable;

/** What elements are divided by before they are encoded, and multiplied by after decoding. */
class Factors {
  /** The factors of decoded codes. */
  final float[] factors;

  /** Whether elements are multiplied by {@link #divisors} instead of being divided. */
  final boolean reciprocal;

  /** For elements: the factors, or their reciprocals. */
  final float[] divisors;

  /** The codes that stand for zero, if there are zero points. */
  final int @Nullable [] zeroPoints;

  Factors(float[] factors, boolean reciprocal, int @Nullable [] zeroPoints) {
    this.factors = factors;
    this.reciprocal = reciprocal;
    this.divisors = new float[factors.length];
    this.zeroPoints = zeroPoints;
  }

  static Factors of(Scales scales, boolean reciprocal) {
    int[] zeroPoints = null;
    if (scales.hasZeroPoints()) {
      zeroPoints = new int[scales.count()];
      for (int i = 0; i < zeroPoints.length; i++) {
        zeroPoints[i] = scales.zeroPoint(i);
      }
    }
    Factors factors = new Factors(scales.factors(), reciprocal, zeroPoints);
    factors.invert(0, scales.count());
    return factors;
  }

  /** Fills in the divisors of these factors. Under a factor of zero all elements become zero. */
  final void invert(int from, int to) {
    for (int i = from; i < to; i++) {
      float factor = factors[i];
      if (reciprocal) {
        divisors[i] = factor == 0 ? 0 : 1 / factor;
      } else {
        divisors[i] = factor == 0 ? Float.POSITIVE_INFINITY : factor;
      }
    }
  }
}
