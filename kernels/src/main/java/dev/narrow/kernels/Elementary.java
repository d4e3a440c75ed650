package dev.narrow.kernels;

/**
 * Elementary functions of float32, each one fixed sequence of IEEE 754 operations: add, multiply,
 * fused multiply-add, and operations on the bits. The vector implementation runs the same sequence,
 * so the bits agree on every machine. {@link Math#exp}, {@link StrictMath#exp} and the Vector API's
 * own operators each differ from one another, and are not used.
 *
 * <p>The coefficients come from {@code src/test/python/minimax.py}. Errors are in units in the last
 * place of the exact result, over all 2<sup>32</sup> arguments.
 */
public final class Elementary {
  /** 1.5 × 2^23: adding it rounds a small number to the nearest integer, held in the low bits. */
  static final float ROUNDER = 0x1.8p23f;

  static final float LOG2_E = 0x1.715476p0f;

  // ln(2) in two parts; the first has 16 bits, so that its product with an exponent is exact.
  static final float LN2_HIGH = 0x1.62e4p-1f;
  static final float LN2_LOW = 0x1.7f7d1cp-20f;

  // exp(r) = 1 + r + r^2 (E0 + E1 r + ...) on |r| <= ln(2)/2, relative error 2^-28.25.
  static final float E0 = 0x1.fffffcp-2f;
  static final float E1 = 0x1.555494p-3f;
  static final float E2 = 0x1.5558bep-5f;
  static final float E3 = 0x1.123856p-7f;
  static final float E4 = 0x1.6a3d04p-10f;

  // ln(2) as a float32 and what is left over.
  static final float LN2 = 0x1.62e43p-1f;
  static final float LN2_REST = -0x1.05c61p-29f;

  // 2^r = 1 + r ln(2) + r^2 (T0 + T1 r + ...) on |r| <= 1/2, relative error 2^-28.27.
  static final float T0 = 0x1.ebfbdcp-3f;
  static final float T1 = 0x1.c6af8ap-5f;
  static final float T2 = 0x1.3b2deap-7f;
  static final float T3 = 0x1.5f02fep-10f;
  static final float T4 = 0x1.416026p-13f;

  /** From here exp2 exceeds the largest float32. */
  static final float EXP2_OVERFLOW = 128f;

  /** Below it exp2 rounds to zero. */
  static final float EXP2_UNDERFLOW = -150f;

  /** Above it exp exceeds the largest float32; 88.72283 = 128 ln(2), rounded down. */
  static final float EXP_OVERFLOW = 0x1.62e42ep6f;

  /** Below it exp rounds to zero; -103.97208 = -150 ln(2), rounded towards zero. */
  static final float EXP_UNDERFLOW = -0x1.9fe368p6f;

  // log(1 + f) = f + f^2 (-1/2 + f (L0 + L1 f + ...)) on |f| <= 1/3, relative error 2^-27.68.
  static final float L0 = 0x1.555506p-2f;
  static final float L1 = -0x1.fffefcp-3f;
  static final float L2 = 0x1.99d044p-3f;
  static final float L3 = -0x1.559c44p-3f;
  static final float L4 = 0x1.1ed662p-3f;
  static final float L5 = -0x1.f332fep-4f;
  static final float L6 = 0x1.1e678cp-3f;
  static final float L7 = -0x1.07c878p-3f;

  /** The bits of 2/3: significands are taken from [2/3, 4/3), where log is small. */
  static final int TWO_THIRDS = 0x3f2aaaab;

  static final float MIN_NORMAL = Float.MIN_NORMAL;

  /** Makes any subnormal normal. */
  static final float SUBNORMAL_SCALE = 0x1p23f;

  static final int SUBNORMAL_EXPONENT = 23;

  private Elementary() {}

  /**
   * e to the power x.
   *
   * <p>x = k ln(2) + r with k an integer and |r| at most ln(2)/2; a polynomial gives exp(r); the
   * factor 2<sup>k</sup> is applied in two halves, so that a subnormal result is rounded and an
   * overflow becomes infinite by themselves.
   *
   * <p>Largest error: 0.775 ulp, at x = -0x1.5ef11ep6, whose result is subnormal. exp(NaN) = NaN
   * (canonical), exp(∞) = ∞, exp(-∞) = +0, exp(±0) = 1, and exp of a subnormal is 1. Subnormal
   * results keep the same bound.
   *
   * @param x any value
   * @return e<sup>x</sup>, from +0 to ∞, or NaN
   */
  public static float exp(float x) {
    float shifted = Math.fma(x, LOG2_E, ROUNDER);
    float k = shifted - ROUNDER;
    float high = Math.fma(k, -LN2_HIGH, x);
    float r = Math.fma(k, -LN2_LOW, high);
    float rest = Math.fma(k, -LN2_LOW, high - r); // what r lost to rounding
    float q = Math.fma(E4, r, E3);
    q = Math.fma(q, r, E2);
    q = Math.fma(q, r, E1);
    q = Math.fma(q, r, E0);
    float result = onePlus(r, Math.fma(r * r, q, rest), shifted);
    result = x > EXP_OVERFLOW ? Float.POSITIVE_INFINITY : result;
    result = x < EXP_UNDERFLOW ? 0f : result;
    return Float.isNaN(x) ? Float.NaN : result;
  }

  /**
   * 2 to the power x.
   *
   * <p>As {@link #exp}, with x = k + r exactly. An integer x from -149 to 127 gives exactly
   * 2<sup>x</sup>.
   *
   * <p>Largest error: 0.770 ulp, at x = -0x1.f90e42p6, whose result is subnormal. exp2(NaN) = NaN
   * (canonical), exp2(∞) = ∞, exp2(-∞) = +0, exp2(±0) = 1, and exp2 of a subnormal is 1. Subnormal
   * results keep the same bound.
   *
   * @param x any value
   * @return 2<sup>x</sup>, from +0 to ∞, or NaN
   */
  public static float exp2(float x) {
    float shifted = x + ROUNDER;
    float k = shifted - ROUNDER;
    float r = x - k;
    float linear = r * LN2;
    float rest = Math.fma(r, LN2_REST, Math.fma(r, LN2, -linear));
    float q = Math.fma(T4, r, T3);
    q = Math.fma(q, r, T2);
    q = Math.fma(q, r, T1);
    q = Math.fma(q, r, T0);
    float result = onePlus(linear, Math.fma(r * r, q, rest), shifted);
    result = x >= EXP2_OVERFLOW ? Float.POSITIVE_INFINITY : result;
    result = x < EXP2_UNDERFLOW ? 0f : result;
    return Float.isNaN(x) ? Float.NaN : result;
  }

  /**
   * The natural logarithm of x.
   *
   * <p>x = 2<sup>k</sup> (1 + f) with 1 + f in [2/3, 4/3), a subnormal being scaled first; a
   * polynomial gives log(1 + f); k ln(2) is added in two parts, the rounding error of the larger
   * sum being recovered exactly.
   *
   * <p>Largest error: 0.883 ulp, at x = 0x1.4665f2p0. log(NaN) = NaN (canonical), log(x) = NaN for
   * x below 0, log(±0) = -∞, log(∞) = ∞, log(1) = +0. Subnormal arguments keep the same bound; no
   * result is subnormal.
   *
   * @param x any value
   * @return ln(x), or NaN
   */
  public static float log(float x) {
    boolean small = x < MIN_NORMAL;
    int bits = Float.floatToRawIntBits(small ? x * SUBNORMAL_SCALE : x);
    int exponent = (bits - TWO_THIRDS) >> 23;
    float f = Float.intBitsToFloat(bits - (exponent << 23)) - 1f;
    float k = exponent - (small ? SUBNORMAL_EXPONENT : 0);
    float q = Math.fma(L7, f, L6);
    q = Math.fma(q, f, L5);
    q = Math.fma(q, f, L4);
    q = Math.fma(q, f, L3);
    q = Math.fma(q, f, L2);
    q = Math.fma(q, f, L1);
    q = Math.fma(q, f, L0);
    float t = Math.fma(q, f, -0.5f);
    float base = k * LN2_HIGH;
    float high = base + f;
    float low = f - (high - base); // exact: |base| >= |f|, or base = 0 (Dekker's fast two-sum)
    float result = high + Math.fma(f * f, t, Math.fma(k, LN2_LOW, low));
    result = x == Float.POSITIVE_INFINITY ? x : result;
    result = x == 0f ? Float.NEGATIVE_INFINITY : result;
    return x >= 0f ? result : Float.NaN;
  }

  /** (1 + large + small) 2^k; k is the integer in the low bits of shifted. */
  private static float onePlus(float large, float small, float shifted) {
    float sum = 1f + large;
    float lost = (1f - sum) + large; // exact (Dekker's fast two-sum)
    float p = sum + (lost + small);
    int exponent = Float.floatToRawIntBits(shifted) - Float.floatToRawIntBits(ROUNDER);
    int half = exponent >> 1;
    return p * powerOfTwo(half) * powerOfTwo(exponent - half);
  }

  private static float powerOfTwo(int exponent) {
    return Float.intBitsToFloat((exponent + 127) << 23);
  }
}
