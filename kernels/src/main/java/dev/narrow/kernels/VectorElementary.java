package dev.narrow.kernels;

import static dev.narrow.kernels.Elementary.*;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** The functions of {@link Elementary}, operation for operation, on vectors. */
final class VectorElementary {
  private VectorElementary() {}

  static FloatVector exp(FloatVector x) {
    FloatVector shifted = x.fma(all(x, LOG2_E), all(x, ROUNDER));
    FloatVector k = shifted.sub(ROUNDER);
    FloatVector high = k.fma(all(x, -LN2_HIGH), x);
    FloatVector r = k.fma(all(x, -LN2_LOW), high);
    FloatVector rest = k.fma(all(x, -LN2_LOW), high.sub(r));
    FloatVector q = all(x, E4).fma(r, all(x, E3));
    q = q.fma(r, all(x, E2));
    q = q.fma(r, all(x, E1));
    q = q.fma(r, all(x, E0));
    FloatVector result = onePlus(r, r.mul(r).fma(q, rest), shifted);
    result = result.blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, EXP_OVERFLOW));
    result = result.blend(0f, x.compare(VectorOperators.LT, EXP_UNDERFLOW));
    return result.blend(Float.NaN, x.test(VectorOperators.IS_NAN));
  }

  static FloatVector exp2(FloatVector x) {
    FloatVector shifted = x.add(ROUNDER);
    FloatVector k = shifted.sub(ROUNDER);
    FloatVector r = x.sub(k);
    FloatVector linear = r.mul(LN2);
    FloatVector rest = r.fma(all(x, LN2_REST), r.fma(all(x, LN2), linear.neg()));
    FloatVector q = all(x, T4).fma(r, all(x, T3));
    q = q.fma(r, all(x, T2));
    q = q.fma(r, all(x, T1));
    q = q.fma(r, all(x, T0));
    FloatVector result = onePlus(linear, r.mul(r).fma(q, rest), shifted);
    result = result.blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GE, EXP2_OVERFLOW));
    result = result.blend(0f, x.compare(VectorOperators.LT, EXP2_UNDERFLOW));
    return result.blend(Float.NaN, x.test(VectorOperators.IS_NAN));
  }

  static FloatVector log(FloatVector x) {
    VectorMask<Float> small = x.compare(VectorOperators.LT, MIN_NORMAL);
    IntVector bits = x.blend(x.mul(SUBNORMAL_SCALE), small).reinterpretAsInts();
    IntVector exponent = bits.sub(TWO_THIRDS).lanewise(VectorOperators.ASHR, 23);
    FloatVector f =
        bits.sub(exponent.lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats().sub(1f);
    FloatVector k =
        (FloatVector)
            exponent
                .blend(exponent.sub(SUBNORMAL_EXPONENT), small.cast(exponent.species()))
                .convert(VectorOperators.I2F, 0);
    FloatVector q = all(x, L7).fma(f, all(x, L6));
    q = q.fma(f, all(x, L5));
    q = q.fma(f, all(x, L4));
    q = q.fma(f, all(x, L3));
    q = q.fma(f, all(x, L2));
    q = q.fma(f, all(x, L1));
    q = q.fma(f, all(x, L0));
    FloatVector t = q.fma(f, all(x, -0.5f));
    FloatVector base = k.mul(LN2_HIGH);
    FloatVector high = base.add(f);
    FloatVector low = f.sub(high.sub(base));
    FloatVector result = high.add(f.mul(f).fma(t, k.fma(all(x, LN2_LOW), low)));
    result = result.blend(x, x.compare(VectorOperators.EQ, Float.POSITIVE_INFINITY));
    result = result.blend(Float.NEGATIVE_INFINITY, x.compare(VectorOperators.EQ, 0f));
    return result.blend(Float.NaN, x.compare(VectorOperators.GE, 0f).not());
  }

  private static FloatVector all(FloatVector like, float value) {
    return FloatVector.broadcast(like.species(), value);
  }

  private static FloatVector onePlus(FloatVector large, FloatVector small, FloatVector shifted) {
    FloatVector sum = large.add(1f);
    FloatVector lost = all(large, 1f).sub(sum).add(large);
    FloatVector p = sum.add(lost.add(small));
    IntVector exponent = shifted.reinterpretAsInts().sub(Float.floatToRawIntBits(ROUNDER));
    IntVector half = exponent.lanewise(VectorOperators.ASHR, 1);
    return p.mul(powerOfTwo(half)).mul(powerOfTwo(exponent.sub(half)));
  }

  private static FloatVector powerOfTwo(IntVector exponent) {
    return exponent.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
  }
}
