package dev.narrow.kernels;

import static dev.narrow.kernels.Elementary.*;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The functions of {@link Elementary}, operation for operation, on vectors.
 *
 * <p>The compiler takes no method into a loop that is longer than 325 bytes of bytecode or 2500 of
 * compiled code, nor any once the loop has 18000 nodes, and a call that it does not take in makes
 * objects of its vectors: seven times slower. Hence erf comes in pieces, to be put together in the
 * loop, and what is larger goes over the numbers in several passes. Vectors of integers that
 * several functions share are constants, of fewer nodes than a broadcast; coefficients are
 * broadcast, since a constant vector is read from memory in each turn of the loop.
 */
final class VectorElementary {
  static final IntVector SIGN = integers(Integer.MIN_VALUE);
  static final IntVector BIAS = integers(127);
  static final IntVector ROUNDER_BITS = integers(Float.floatToRawIntBits(ROUNDER));

  private VectorElementary() {}

  static FloatVector exp(FloatVector x) {
    FloatVector shifted = x.fma(all(LOG2_E), all(ROUNDER));
    FloatVector k = shifted.sub(ROUNDER);
    FloatVector high = k.fma(all(-LN2_HIGH), x);
    FloatVector r = k.fma(all(-LN2_LOW), high);
    FloatVector rest = k.fma(all(-LN2_LOW), high.sub(r));
    FloatVector result = onePlus(r, r.mul(r).fma(expQuotient(r), rest), shifted);
    result = result.blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, EXP_OVERFLOW));
    result = result.blend(0f, x.compare(VectorOperators.LT, EXP_UNDERFLOW));
    return result.blend(Float.NaN, x.compare(VectorOperators.NE, x));
  }

  static FloatVector exp2(FloatVector x) {
    FloatVector shifted = x.add(ROUNDER);
    FloatVector k = shifted.sub(ROUNDER);
    FloatVector r = x.sub(k);
    FloatVector linear = r.mul(LN2);
    FloatVector rest = r.fma(all(LN2_REST), r.fma(all(LN2), linear.neg()));
    FloatVector q = all(T4).fma(r, all(T3));
    q = q.fma(r, all(T2));
    q = q.fma(r, all(T1));
    q = q.fma(r, all(T0));
    FloatVector result = onePlus(linear, r.mul(r).fma(q, rest), shifted);
    result = result.blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GE, EXP2_OVERFLOW));
    result = result.blend(0f, x.compare(VectorOperators.LT, EXP2_UNDERFLOW));
    return result.blend(Float.NaN, x.compare(VectorOperators.NE, x));
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
    FloatVector q = all(L7).fma(f, all(L6));
    q = q.fma(f, all(L5));
    q = q.fma(f, all(L4));
    q = q.fma(f, all(L3));
    q = q.fma(f, all(L2));
    q = q.fma(f, all(L1));
    q = q.fma(f, all(L0));
    FloatVector t = q.fma(f, all(-0.5f));
    FloatVector base = k.mul(LN2_HIGH);
    FloatVector high = base.add(f);
    FloatVector low = f.sub(high.sub(base));
    FloatVector result = high.add(f.mul(f).fma(t, k.fma(all(LN2_LOW), low)));
    result = result.blend(x, x.compare(VectorOperators.EQ, Float.POSITIVE_INFINITY));
    result = result.blend(Float.NEGATIVE_INFINITY, x.compare(VectorOperators.EQ, 0f));
    return result.blend(Float.NaN, x.compare(VectorOperators.GE, 0f).not());
  }

  /** From the magnitude a. */
  static FloatVector tanhSmall(FloatVector a) {
    FloatVector z = a.mul(a);
    FloatVector q = all(H6).fma(z, all(H5));
    q = q.fma(z, all(H4));
    q = q.fma(z, all(H3));
    q = q.fma(z, all(H2));
    q = q.fma(z, all(H1));
    q = q.fma(z, all(H0));
    return q.mul(z).fma(a, a);
  }

  /** From the magnitude a. */
  static FloatVector erfSmall(FloatVector a) {
    FloatVector z = a.mul(a);
    FloatVector q = all(R6).fma(z, all(R5));
    q = q.fma(z, all(R4));
    q = q.fma(z, all(R3));
    q = q.fma(z, all(R2));
    q = q.fma(z, all(R1));
    q = q.fma(z, all(R0));
    return q.fma(a, a);
  }

  /** From the magnitude a. */
  static FloatVector erfLarge(FloatVector a) {
    FloatVector c = a.sub(ERF_CENTRE);
    FloatVector p = all(C11).fma(c, all(C10));
    p = p.fma(c, all(C9));
    p = p.fma(c, all(C8));
    p = p.fma(c, all(C7));
    p = p.fma(c, all(C6));
    p = p.fma(c, all(C5));
    p = p.fma(c, all(C4));
    p = p.fma(c, all(C3));
    p = p.fma(c, all(C2));
    p = p.fma(c, all(C1));
    p = p.fma(c, all(C0));
    return p.neg().fma(p, all(1f));
  }

  static FloatVector erf(FloatVector x, FloatVector a, FloatVector small, FloatVector large) {
    FloatVector result = large.blend(small, a.compare(VectorOperators.LT, ERF_LARGE));
    result = result.blend(1f, a.compare(VectorOperators.GT, ERF_ONE));
    return copySign(result, x).blend(Float.NaN, x.compare(VectorOperators.NE, x));
  }

  static FloatVector reciprocalSqrt(FloatVector x) {
    FloatVector y = all(1f).div(x.sqrt());
    FloatVector root = x.mul(y);
    FloatVector rest = x.fma(y, root.neg());
    FloatVector d = rest.neg().fma(y, root.neg().fma(y, all(1f)));
    FloatVector result = y.mul(d).fma(d.fma(all(0.375f), all(0.5f)), y);
    VectorMask<Float> ordinary =
        x.compare(VectorOperators.GT, 0f)
            .and(x.compare(VectorOperators.LT, Float.POSITIVE_INFINITY));
    result = y.blend(result, ordinary);
    return result.blend(Float.NaN, result.test(VectorOperators.IS_NAN));
  }

  static FloatVector expQuotient(FloatVector r) {
    FloatVector q = all(E4).fma(r, all(E3));
    q = q.fma(r, all(E2));
    q = q.fma(r, all(E1));
    return q.fma(r, all(E0));
  }

  /** The magnitude has no sign of its own. */
  private static FloatVector copySign(FloatVector magnitude, FloatVector sign) {
    IntVector signBit = sign.reinterpretAsInts().and(SIGN);
    return magnitude.reinterpretAsInts().or(signBit).reinterpretAsFloats();
  }

  static FloatVector all(float value) {
    return FloatVector.broadcast(VectorKernels.SPECIES, value);
  }

  private static IntVector integers(int value) {
    return IntVector.broadcast(VectorKernels.INTS, value);
  }

  private static FloatVector onePlus(FloatVector large, FloatVector small, FloatVector shifted) {
    FloatVector sum = large.add(1f);
    FloatVector lost = all(1f).sub(sum).add(large);
    FloatVector p = sum.add(lost.add(small));
    IntVector exponent = exponent(shifted);
    IntVector half = exponent.lanewise(VectorOperators.ASHR, 1);
    return p.mul(powerOfTwo(half)).mul(powerOfTwo(exponent.sub(half)));
  }

  static IntVector exponent(FloatVector shifted) {
    return shifted.reinterpretAsInts().sub(ROUNDER_BITS);
  }

  static FloatVector powerOfTwo(IntVector exponent) {
    return exponent.add(BIAS).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
  }
}
