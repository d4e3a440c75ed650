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

/** The functions of {@link Activations}, operation for operation, on vectors. */
final class VectorActivations {
  private VectorActivations() {}

  static FloatVector sigmoid(FloatVector x) {
    FloatVector one = all(x, 1f);
    FloatVector shifted = x.fma(all(x, -LOG2_E), all(x, ROUNDER));
    FloatVector k = shifted.sub(ROUNDER);
    FloatVector high = k.fma(all(x, -LN2_HIGH), x.neg());
    FloatVector r = k.fma(all(x, -LN2_LOW), high);
    FloatVector rest = k.fma(all(x, -LN2_LOW), high.sub(r));
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
    return result.blend(Float.NaN, x.test(VectorOperators.IS_NAN));
  }

  static FloatVector gelu(FloatVector x) {
    return halved(x, VectorElementary.erf(x.mul(SQRT_HALF)));
  }

  static FloatVector geluGradient(FloatVector x) {
    FloatVector e = VectorElementary.erf(x.mul(SQRT_HALF));
    FloatVector density = VectorElementary.exp(x.mul(-0.5f).mul(x)).mul(DENSITY);
    return aboveMiddle(x, density, density, e);
  }

  static FloatVector geluTanh(FloatVector x) {
    return halved(x, tanhOfCubic(x, x.mul(x)));
  }

  static FloatVector geluTanhGradient(FloatVector x) {
    FloatVector z = x.mul(x);
    FloatVector t = tanhOfCubic(x, z);
    FloatVector bell = t.neg().fma(t, all(x, 1f));
    FloatVector slope = z.fma(all(x, CUBIC_SLOPE), all(x, SQRT_2_OVER_PI));
    return aboveMiddle(x.mul(0.5f).mul(bell), slope, bell, t);
  }

  private static FloatVector tanhOfCubic(FloatVector x, FloatVector z) {
    return VectorElementary.tanh(x.mul(z.fma(all(x, CUBIC), all(x, SQRT_2_OVER_PI))));
  }

  private static FloatVector halved(FloatVector x, FloatVector e) {
    FloatVector half = x.mul(0.5f);
    FloatVector result = e.fma(half, half);
    result = result.blend(-0f, e.compare(VectorOperators.EQ, -1f));
    result = result.blend(x, x.compare(VectorOperators.EQ, 0f));
    return VectorKernels.canonical(result);
  }

  private static FloatVector aboveMiddle(
      FloatVector a, FloatVector b, FloatVector bell, FloatVector e) {
    FloatVector middle = e.fma(all(e, 0.5f), all(e, 0.5f));
    FloatVector result = a.fma(b, middle);
    return VectorKernels.canonical(result.blend(middle, bell.compare(VectorOperators.EQ, 0f)));
  }
}
