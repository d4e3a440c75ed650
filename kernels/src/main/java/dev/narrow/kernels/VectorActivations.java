package dev.narrow.kernels;

import static dev.narrow.kernels.Activations.*;
import static dev.narrow.kernels.Elementary.EXP_UNDERFLOW;
import static dev.narrow.kernels.Elementary.LN2_HIGH;
import static dev.narrow.kernels.Elementary.LN2_LOW;
import static dev.narrow.kernels.Elementary.LOG2_E;
import static dev.narrow.kernels.Elementary.ROUNDER;
import static dev.narrow.kernels.VectorElementary.all;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The functions of {@link Activations}, operation for operation, on vectors; in pieces for the same
 * reason as in {@link VectorElementary}.
 */
final class VectorActivations {
  private VectorActivations() {}

  static FloatVector sigmoid(FloatVector x) {
    FloatVector one = all(1f);
    FloatVector shifted = x.fma(all(-LOG2_E), all(ROUNDER));
    FloatVector k = shifted.sub(ROUNDER);
    FloatVector high = k.fma(all(-LN2_HIGH), x.neg());
    FloatVector r = k.fma(all(-LN2_LOW), high);
    FloatVector rest = k.fma(all(-LN2_LOW), high.sub(r));
    FloatVector p = r.add(r.mul(r).fma(VectorElementary.expQuotient(r), rest));
    IntVector exponent = VectorElementary.exponent(shifted).abs();
    IntVector half = exponent.lanewise(VectorOperators.ASHR, 1);
    FloatVector s =
        VectorElementary.powerOfTwo(half.neg())
            .mul(VectorElementary.powerOfTwo(half.sub(exponent)));
    FloatVector base = s.add(1f);
    FloatVector baseLost = s.sub(base.sub(1f));
    VectorMask<Float> below = k.compare(VectorOperators.LT, 0f);
    FloatVector factor = one.blend(s, below);
    FloatVector sum = factor.fma(p, base);
    FloatVector lost = factor.fma(p, base.sub(sum)).add(baseLost);
    FloatVector y = one.div(sum);
    FloatVector d = y.neg().fma(lost, y.neg().fma(sum, one));
    FloatVector result = d.fma(y, y).mul(s.blend(1f, below));
    result = result.blend(1f, x.compare(VectorOperators.GT, SIGMOID_ONE));
    result = result.blend(0f, x.compare(VectorOperators.LT, EXP_UNDERFLOW));
    return result.blend(Float.NaN, x.compare(VectorOperators.NE, x));
  }

  /** With e = erf(x SQRT_HALF). */
  static FloatVector gelu(FloatVector x, FloatVector e) {
    FloatVector half = x.mul(0.5f);
    FloatVector result = e.fma(half, half);
    result = result.blend(-0f, e.compare(VectorOperators.EQ, -1f));
    result = result.blend(x, x.compare(VectorOperators.EQ, 0f));
    return VectorKernels.canonical(result);
  }

  /** Of the standard normal distribution. */
  static FloatVector density(FloatVector x) {
    return VectorElementary.exp(x.mul(-0.5f).mul(x)).mul(DENSITY);
  }

  /** With e = erf(x SQRT_HALF) and the density at x. */
  static FloatVector geluGradient(FloatVector x, FloatVector e, FloatVector density) {
    return slope(e.fma(all(0.5f), all(0.5f)), x, density, density);
  }

  /** What the logistic function is taken of. */
  static FloatVector cubic(FloatVector x) {
    return x.mul(x.mul(x).fma(all(CUBIC), all(LINEAR)));
  }

  /** With p = sigmoid(cubic(x)). */
  static FloatVector geluTanh(FloatVector x, FloatVector p) {
    return VectorKernels.canonical(p.mul(x).blend(-0f, p.compare(VectorOperators.EQ, 0f)));
  }

  /** With v = cubic(x) and s = sigmoid(-|v|). */
  static FloatVector geluTanhGradient(FloatVector x, FloatVector v, FloatVector s) {
    FloatVector p = all(1f).sub(s).blend(s, v.compare(VectorOperators.LT, 0f));
    FloatVector bell = s.neg().fma(s, s);
    return slope(p, x.mul(bell), x.mul(x).fma(all(CUBIC_SLOPE), all(LINEAR)), bell);
  }

  private static FloatVector slope(FloatVector p, FloatVector a, FloatVector b, FloatVector bell) {
    FloatVector result = a.fma(b, p).blend(p, bell.compare(VectorOperators.EQ, 0f));
    return VectorKernels.canonical(result);
  }
}
