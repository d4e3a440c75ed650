package dev.narrow.kernels;

import static dev.narrow.kernels.Elementary.EXP_UNDERFLOW;
import static dev.narrow.kernels.Elementary.LN2_HIGH;
import static dev.narrow.kernels.Elementary.LN2_LOW;
import static dev.narrow.kernels.Elementary.LOG2_E;
import static dev.narrow.kernels.Elementary.ROUNDER;

/**
 * Activation functions of float32 and their derivatives, each one fixed sequence of IEEE 754
 * operations on those of {@link Elementary}; the vector implementation gives the same bits.
 *
 * <p>GELU is x Φ(x), Φ being the cumulative distribution function of the standard normal
 * distribution, and its approximation by tanh (Hendrycks and Gimpel, "Gaussian Error Linear Units",
 * 2016, section 2). Where it fades below 0, GELU is a small difference of large numbers: errors of
 * both are stated in units in the last place of the argument, those of the derivatives, whose
 * values lie between -0.13 and 1.13, as absolute errors.
 */
public final class Activations {
  /** Above it the logistic function rounds to 1; 26 ln(2), rounded up. */
  static final float SIGMOID_ONE = 0x1.205968p4f;

  static final float SQRT_HALF = 0x1.6a09e6p-1f;

  /** 1 / √(2π), the largest value of the standard normal density. */
  static final float DENSITY = 0x1.988454p-2f;

  // 2 √(2/π), and 0.044715 and three times that, times 2 √(2/π).
  static final float LINEAR = 0x1.988454p0f;
  static final float CUBIC = 0x1.2444f2p-4f;
  static final float CUBIC_SLOPE = 0x1.b6676cp-3f;

  private Activations() {}

  /**
   * The logistic function 1 / (1 + exp(-x)).
   *
   * <p>With exp(-x) = 2<sup>k</sup> (1 + p) as in {@link Elementary#exp} and s = 2<sup>-|k|</sup>,
   * the result is 1 / ((1 + s) + s p) for k below 0, else s / ((1 + s) + p). The denominator and
   * its reciprocal are corrected by what they lost to rounding.
   *
   * <p>Largest error: 0.882 ulp, at x = -0x1.f31454p3. sigmoid(NaN) = NaN (canonical), sigmoid(∞) =
   * 1, sigmoid(-∞) = +0, sigmoid(±0) = 1/2. Subnormal results keep the same bound. A larger x never
   * gives a smaller result.
   *
   * @param x any value
   * @return the logistic function of x, from +0 to 1, or NaN
   */
  public static float sigmoid(float x) {
    float shifted = Math.fma(x, -LOG2_E, ROUNDER);
    float k = shifted - ROUNDER;
    float high = Math.fma(k, -LN2_HIGH, -x);
    float r = Math.fma(k, -LN2_LOW, high);
    float rest = Math.fma(k, -LN2_LOW, high - r); // what r lost to rounding
    float p = r + Math.fma(r * r, Elementary.expQuotient(r), rest);
    int exponent = Math.abs(Elementary.exponent(shifted));
    int half = exponent >> 1;
    float s = Elementary.powerOfTwo(-half) * Elementary.powerOfTwo(half - exponent);
    float base = 1f + s;
    float baseLost = s - (base - 1f); // exact, as is the next (Dekker's fast two-sum)
    float factor = k < 0f ? s : 1f;
    float sum = Math.fma(factor, p, base);
    float lost = Math.fma(factor, p, base - sum) + baseLost;
    float y = 1f / sum;
    float d = Math.fma(-y, lost, Math.fma(-y, sum, 1f));
    float result = Math.fma(d, y, y) * (k < 0f ? 1f : s);
    result = x > SIGMOID_ONE ? 1f : result;
    result = x < EXP_UNDERFLOW ? 0f : result;
    return Float.isNaN(x) ? Float.NaN : result;
  }

  /**
   * The Gaussian error linear unit, x/2 (1 + erf(x/√2)).
   *
   * <p>e = erf(x c) with c the float32 nearest to 1/√2; h = x/2; the result is e h + h, rounded
   * once, but -0 where e is -1, and x where x is ±0.
   *
   * <p>Largest error: 1.019 ulp of x, at x = 0x1.e6d95ep-1. gelu(NaN) = NaN (canonical), gelu(∞) =
   * ∞, gelu(±0) = ±0, and gelu(x) = -0 for x from -∞ to -5.54.
   *
   * @param x any value
   * @return gelu(x), at least -0.17, or NaN
   */
  public static float gelu(float x) {
    float e = Elementary.erf(x * SQRT_HALF);
    float half = 0.5f * x;
    float result = Math.fma(e, half, half);
    result = e == -1f ? -0f : result;
    result = x == 0f ? x : result;
    return ScalarKernels.canonical(result);
  }

  /**
   * The derivative of {@link #gelu}: Φ(x) + x φ(x), φ being the standard normal density.
   *
   * <p>e = erf(x c) as in {@link #gelu}; f = exp((-x/2) x) times the float32 nearest to 1/√(2π);
   * the result is x f + (e/2 + 1/2), fused multiply-adds both.
   *
   * <p>Largest absolute error: 1.43e-7, at x = 0x1.82c5bep0. geluGradient(NaN) = NaN (canonical),
   * geluGradient(∞) = 1, geluGradient(-∞) = +0, geluGradient(±0) = 1/2.
   *
   * @param x any value
   * @return the derivative at x, from -0.13 to 1.13, or NaN
   */
  public static float geluGradient(float x) {
    float e = Elementary.erf(x * SQRT_HALF);
    float density = Elementary.exp(-0.5f * x * x) * DENSITY;
    return slope(Math.fma(e, 0.5f, 0.5f), x, density, density);
  }

  /**
   * The approximation of {@link #gelu} by tanh, x/2 (1 + tanh(√(2/π) (x + 0.044715
   * x<sup>3</sup>))), which is x times the logistic function of twice that argument.
   *
   * <p>p = sigmoid(x (a x<sup>2</sup> + c)) with c and a the float32 nearest to 2√(2/π) and
   * 0.044715 times that, the sum by fused multiply-add; the result is p x, but -0 where p is 0.
   *
   * <p>Largest error: 1.327 ulp of x, at x = 0x1.f1ed6p-1. geluTanh(NaN) = NaN (canonical),
   * geluTanh(∞) = ∞, geluTanh(-∞) = -0, geluTanh(±0) = ±0.
   *
   * @param x any value
   * @return the approximation at x, at least -0.18, or NaN
   */
  public static float geluTanh(float x) {
    float p = sigmoid(x * Math.fma(x * x, CUBIC, LINEAR));
    return ScalarKernels.canonical(p == 0f ? -0f : p * x);
  }

  /**
   * The derivative of {@link #geluTanh}.
   *
   * <p>c and a as there, v = x (a x<sup>2</sup> + c), s = sigmoid(-|v|), p = s where v is below 0,
   * else 1 - s; the result is (x b) (3a x<sup>2</sup> + c) + p with b = s - s<sup>2</sup> and 3a
   * rounded from its exact value, all sums of products by fused multiply-add.
   *
   * <p>Largest absolute error: 1.35e-7, at x = 0x1.694c2p0. geluTanhGradient(NaN) = NaN
   * (canonical), geluTanhGradient(∞) = 1, geluTanhGradient(-∞) = +0, geluTanhGradient(±0) = 1/2.
   *
   * @param x any value
   * @return the derivative at x, from -0.13 to 1.13, or NaN
   */
  public static float geluTanhGradient(float x) {
    float z = x * x;
    float v = x * Math.fma(z, CUBIC, LINEAR);
    float s = sigmoid(-Math.abs(v));
    float p = v < 0f ? s : 1f - s;
    float bell = Math.fma(-s, s, s);
    return slope(p, x * bell, Math.fma(z, CUBIC_SLOPE, LINEAR), bell);
  }

  /** p + a b, without a b where the bell curve in it is 0 and another factor perhaps infinite. */
  private static float slope(float p, float a, float b, float bell) {
    float result = Math.fma(a, b, p);
    return ScalarKernels.canonical(bell == 0f ? p : result);
  }
}
