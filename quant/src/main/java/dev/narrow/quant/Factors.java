package dev.narrow.quant;

import org.jspecify.annotations.Nullable;

/** What elements are divided by before they are encoded, and multiplied by after decoding. */
class Factors {
  /** The factors of decoded codes. */
  final float[] factors;

  /** Whether {@link #divisors} are such, or reciprocals of the factors. */
  final Division division;

  /** What elements are divided by; with a division by reciprocals, multiplied by. */
  final float[] divisors;

  /** The codes that stand for zero, if there are zero points. */
  final int @Nullable [] zeroPoints;

  /** Whether a factor is zero. */
  boolean someZero;

  Factors(float[] factors, Division division, int @Nullable [] zeroPoints) {
    this.factors = factors;
    this.division = division;
    this.divisors = new float[factors.length];
    this.zeroPoints = zeroPoints;
  }

  static Factors of(Scales scales, Division division) {
    int[] zeroPoints = null;
    if (scales.hasZeroPoints()) {
      zeroPoints = new int[scales.count()];
      for (int i = 0; i < zeroPoints.length; i++) {
        zeroPoints[i] = scales.zeroPoint(i);
      }
    }
    Factors factors = new Factors(scales.factors(), division, zeroPoints);
    factors.invert(0, scales.count());
    return factors;
  }

  /** Fills in the divisors of these factors. Under a factor of zero all elements become zero. */
  final void invert(int from, int to) {
    float whereZero = division == Division.QUOTIENT ? Float.POSITIVE_INFINITY : 0;
    if (division == Division.QUOTIENT) {
      System.arraycopy(factors, from, divisors, from, to - from);
    } else {
      for (int i = from; i < to; i++) {
        divisors[i] = 1 / factors[i];
      }
    }
    for (int i = from; i < to; i++) {
      if (factors[i] == 0) {
        divisors[i] = whereZero;
        someZero = true;
      }
    }
  }
}
