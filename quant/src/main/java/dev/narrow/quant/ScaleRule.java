package dev.narrow.quant;

import dev.narrow.formats.NumericFormat;

/** How the largest finite magnitude (amax) of the elements that share a scale decides the scale. */
public enum ScaleRule {
  /** No scaling: always 1. */
  ONE,
  /**
   * The smallest power of two by which amax is in the format's range, but not so large that the
   * format's largest value times it overflows. Scaling by it is exact where quotients are normal
   * float32 numbers, so the only error is the format's.
   */
  AMAX_TO_POWER_OF_TWO,
  /**
   * amax divided by the largest finite value, rounded so that amax is not beyond it: amax becomes
   * the largest code, unless the scale would not be a normal number.
   */
  AMAX_TO_MAX_FINITE;

  /**
   * The scale for elements of this amax; 1 if amax is zero.
   *
   * @param amax the largest finite magnitude, 0 or more
   * @return a normal float32
   */
  public float scale(float amax, NumericFormat format) {
    if (!(amax >= 0) || amax == Float.POSITIVE_INFINITY) {
      throw new IllegalArgumentException(
          "amax = " + amax + ", expected a finite number of 0 or more");
    }
    if (amax == 0 || this == ONE) {
      return 1f;
    }
    return switch (this) {
      case AMAX_TO_MAX_FINITE -> quotient(amax, format.maxFinite());
      default -> powerOfTwo(amax, format.maxFinite());
    };
  }

  private static float quotient(float amax, float max) {
    float scale = amax / max;
    while (amax / scale > max) {
      scale = Math.nextUp(scale);
    }
    return Math.max(scale, Float.MIN_NORMAL);
  }

  private static float powerOfTwo(float amax, float max) {
    // Of two significands in [1, 2) the quotient is in (1/2, 2): the search ends within two steps.
    int exponent = Math.getExponent(amax) - Math.getExponent(max) - 1;
    while (amax > Math.scalb((double) max, exponent)) {
      exponent++;
    }
    while (Math.scalb((double) max, exponent) > Float.MAX_VALUE) {
      exponent--;
    }
    return Math.scalb(1f, Math.clamp(exponent, Float.MIN_EXPONENT, Float.MAX_EXPONENT));
  }
}
