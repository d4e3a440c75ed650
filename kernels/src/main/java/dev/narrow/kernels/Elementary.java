package dev.narrow.kernels;

/**
 * Elementary functions of float32, each one fixed sequence of IEEE 754 operations: add, multiply,
 * fused multiply-add, divide, square root, and operations on the bits. The vector implementation
 * runs the same sequence, so the bits agree on every machine. {@link Math#exp}, {@link
 * StrictMath#exp} and the Vector API's own operators each differ from one another, and are not
 * used.
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

  // tanh(x) = x + x^3 (H0 + H1 x^2 + ...) on |x| <= 0.98, relative error 2^-28.06.
  static final float H0 = -0x1.555542p-2f;
  static final float H1 = 0x1.110ce4p-3f;
  static final float H2 = -0x1.b97ecep-5f;
  static final float H3 = 0x1.60c51ep-6f;
  static final float H4 = -0x1.06cb8ep-7f;
  static final float H5 = 0x1.357706p-9f;
  static final float H6 = -0x1.8b9556p-12f;

  /** From here tanh is taken from exp; 1 - tanh is below 1/4, so that its errors count little. */
  static final float TANH_LARGE = 0.98f;

  /** Above it tanh rounds to 1; 26 ln(2) / 2, rounded up. */
  static final float TANH_ONE = 0x1.205968p3f;

  // erf(x) = x + x (R0 + R1 x^2 + ...) on |x| <= 29/32, relative error 2^-30.08.
  static final float R0 = 0x1.06eba8p-3f;
  static final float R1 = -0x1.81274p-2f;
  static final float R2 = 0x1.ce2d62p-4f;
  static final float R3 = -0x1.b800b6p-6f;
  static final float R4 = 0x1.5443d8p-8f;
  static final float R5 = -0x1.a5baaep-11f;
  static final float R6 = 0x1.4e0becp-14f;

  /** From here erf is taken from the square root of 1 - erf. */
  static final float ERF_LARGE = 29f / 32;

  static final float ERF_CENTRE = 1.5f;

  // 1 - erf(x) = (C0 + C1 (x - 1.5) + ...)^2 on 29/32 <= x <= 3.92, relative error of erf 2^-29.05.
  static final float C0 = 0x1.790c54p-3f;
  static final float C1 = -0x1.4abf2ap-2f;
  static final float C2 = 0x1.9bfa74p-3f;
  static final float C3 = -0x1.87be54p-6f;
  static final float C4 = -0x1.f76236p-6f;
  static final float C5 = 0x1.9ce3a8p-7f;
  static final float C6 = 0x1.abf0d8p-10f;
  static final float C7 = -0x1.087812p-9f;
  static final float C8 = 0x1.9497bep-13f;
  static final float C9 = 0x1.85cc8ep-13f;
  static final float C10 = -0x1.12a8ap-14f;
  static final float C11 = 0x1.cc641ap-18f;

  /** Above it erf rounds to 1. */
  static final float ERF_ONE = 3.92f;

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
    float result = onePlus(r, Math.fma(r * r, expQuotient(r), rest), shifted);
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

  /**
   * The hyperbolic tangent of x.
   *
   * <p>A polynomial in x<sup>2</sup> below 0.98; above it 1 - 2 / (exp(2|x|) + 1), whose
   * denominator is rounded once from 2<sup>k</sup> + 1 and 2<sup>k</sup> (exp(r) - 1), as in {@link
   * #exp}.
   *
   * <p>Largest error: 0.929 ulp, at x = 0x1.d37a8ap-1. tanh(NaN) = NaN (canonical), tanh(±∞) = ±1,
   * tanh(±0) = ±0, and tanh of a subnormal is the subnormal. tanh(-x) = -tanh(x), and a larger x
   * never gives a smaller result.
   *
   * @param x any value
   * @return tanh(x), from -1 to 1, or NaN
   */
  public static float tanh(float x) {
    float a = Math.abs(x);
    float z = x * x;
    float q = Math.fma(H6, z, H5);
    q = Math.fma(q, z, H4);
    q = Math.fma(q, z, H3);
    q = Math.fma(q, z, H2);
    q = Math.fma(q, z, H1);
    q = Math.fma(q, z, H0);
    float small = Math.fma(q * z, a, a);
    float twice = a + a;
    float shifted = Math.fma(twice, LOG2_E, ROUNDER);
    float k = shifted - ROUNDER;
    float r = Math.fma(k, -LN2_LOW, Math.fma(k, -LN2_HIGH, twice));
    float p = Math.fma(r * r, expQuotient(r), r);
    float scale = powerOfTwo(exponent(shifted));
    float large = 1f - 2f / Math.fma(scale, p, scale + 1f);
    float result = a < TANH_LARGE ? small : large;
    result = a > TANH_ONE ? 1f : result;
    return Float.isNaN(x) ? Float.NaN : Math.copySign(result, x);
  }

  /**
   * The error function of x: 2/√π times the integral of exp(-t<sup>2</sup>) for t from 0 to x.
   *
   * <p>A polynomial in x<sup>2</sup> below 29/32; above it 1 - p<sup>2</sup>, where p is a
   * polynomial for the square root of the complementary error function.
   *
   * <p>Largest error: 0.886 ulp, at x = 0x1.d20efap-1. erf(NaN) = NaN (canonical), erf(±∞) = ±1,
   * erf(±0) = ±0; subnormal arguments keep the same bound. erf(-x) = -erf(x).
   *
   * @param x any value
   * @return erf(x), from -1 to 1, or NaN
   */
  public static float erf(float x) {
    float a = Math.abs(x);
    float z = x * x;
    float q = Math.fma(R6, z, R5);
    q = Math.fma(q, z, R4);
    q = Math.fma(q, z, R3);
    q = Math.fma(q, z, R2);
    q = Math.fma(q, z, R1);
    q = Math.fma(q, z, R0);
    float small = Math.fma(q, a, a);
    float c = a - ERF_CENTRE; // exact from 3/4 on
    float p = Math.fma(C11, c, C10);
    p = Math.fma(p, c, C9);
    p = Math.fma(p, c, C8);
    p = Math.fma(p, c, C7);
    p = Math.fma(p, c, C6);
    p = Math.fma(p, c, C5);
    p = Math.fma(p, c, C4);
    p = Math.fma(p, c, C3);
    p = Math.fma(p, c, C2);
    p = Math.fma(p, c, C1);
    p = Math.fma(p, c, C0);
    float large = Math.fma(-p, p, 1f);
    float result = a < ERF_LARGE ? small : large;
    result = a > ERF_ONE ? 1f : result;
    return Float.isNaN(x) ? Float.NaN : Math.copySign(result, x);
  }

  /**
   * 1 / √x, correctly rounded to nearest for every x.
   *
   * <p>With y = 1 / √x in two roundings, d = 1 - x y<sup>2</sup> is found almost exactly, and the
   * result is y (1 + d/2 + 3d<sup>2</sup>/8).
   *
   * <p>Largest error: 0.500 ulp. reciprocalSqrt(NaN) = NaN (canonical), reciprocalSqrt(x) = NaN for
   * x below 0, reciprocalSqrt(±0) = ±∞, reciprocalSqrt(∞) = +0; no result is subnormal.
   *
   * @param x any value
   * @return 1 / √x, or NaN
   */
  public static float reciprocalSqrt(float x) {
    float y =
        1f / (float) Math.sqrt(x); // the root is rounded right: 53 bits are 2 × 24 + 2 or more
    float root = x * y;
    float rest = Math.fma(x, y, -root);
    float d = Math.fma(-rest, y, Math.fma(-root, y, 1f));
    float result = Math.fma(y * d, Math.fma(d, 0.375f, 0.5f), y);
    result = x > 0f && x < Float.POSITIVE_INFINITY ? result : y;
    return Float.isNaN(result) ? Float.NaN : result;
  }

  /** (exp(r) - 1 - r) / r^2 for |r| up to ln(2)/2. */
  static float expQuotient(float r) {
    float q = Math.fma(E4, r, E3);
    q = Math.fma(q, r, E2);
    q = Math.fma(q, r, E1);
    return Math.fma(q, r, E0);
  }

  /** (1 + large + small) 2^k; k is the integer in the low bits of shifted. */
  private static float onePlus(float large, float small, float shifted) {
    float sum = 1f + large;
    float lost = (1f - sum) + large; // exact (Dekker's fast two-sum)
    float p = sum + (lost + small);
    int exponent = exponent(shifted);
    int half = exponent >> 1;
    return p * powerOfTwo(half) * powerOfTwo(exponent - half);
  }

  /** The integer that adding {@link #ROUNDER} left in the low bits. */
  static int exponent(float shifted) {
    return Float.floatToRawIntBits(shifted) - Float.floatToRawIntBits(ROUNDER);
  }

  static float powerOfTwo(int exponent) {
    return Float.intBitsToFloat((exponent + 127) << 23);
  }
}
