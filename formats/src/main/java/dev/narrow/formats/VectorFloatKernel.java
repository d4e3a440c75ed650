package dev.narrow.formats;

import static dev.narrow.formats.Lanes.CHUNK;
import static dev.narrow.formats.Lanes.FLOATS;
import static dev.narrow.formats.Lanes.INTS;
import static dev.narrow.formats.Lanes.MAGNITUDE;
import static dev.narrow.formats.Lanes.SIGN;
import static dev.narrow.formats.Lanes.STEP;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * What {@link FloatKernel} does, in vectors, for codes of 8 and of 16 bits.
 *
 * <p>A vector with a number that is not finite, or that overflows to anything but the next code, is
 * left to the scalar kernel, as is what remains after the last whole vector.
 */
final class VectorFloatKernel extends Kernel {
  private static final int FLOAT_BIAS = 127;
  private static final int INFINITY = 0x7F80_0000;

  private final Kernel scalar;

  /** Bits of a float's significand that the format does not have. */
  private final int drop;

  /** Half of the range of the dropped bits, less one. */
  private final int almostHalf;

  /** The format's exponent field less that of floats, above the format's fraction. */
  private final int rebias;

  /** The bits of the smallest normal number, 0 if it is that of floats. */
  private final int minNormal;

  /** The float whose ulp is the smallest subnormal. */
  private final float magic;

  /** The largest magnitude, as code and as bits of a float. */
  private final int largest;

  private final int largestBits;

  /** The magnitude code of what overflows, if that is the largest or the next. */
  private final int overflow;

  /** The largest bits of a magnitude that the vector code encodes right. */
  private final int limit;

  private final int signShift;
  private final boolean negativeZero;

  /** Whether codes are the upper halves of floats, infinities included, as in bfloat16. */
  private final boolean isUpperHalf;

  VectorFloatKernel(FloatFormat format, Projection projection, Kernel scalar) {
    super(format, projection);
    this.scalar = scalar;
    drop = 24 - format.precision();
    almostHalf = (1 << (drop - 1)) - 1;
    rebias = (FLOAT_BIAS - format.bias()) << (format.precision() - 1);
    int minExponent = 1 - format.bias();
    minNormal = format.bias() == FLOAT_BIAS ? 0 : (minExponent + FLOAT_BIAS) << 23;
    magic = Math.scalb(1f, minExponent + drop);
    largestBits = Float.floatToRawIntBits(format.maxFinite());
    largest = (largestBits >>> drop) - rebias;
    signShift = 32 - format.width();
    negativeZero = format.negativeZero();
    int positive = format.encode(Float.MAX_VALUE, projection);
    int negative = format.encode(-Float.MAX_VALUE, projection);
    boolean next =
        (positive == largest || positive == largest + 1)
            && negative == (positive | 1 << (format.width() - 1));
    overflow = next ? positive : largest;
    limit = next ? INFINITY - 1 : largestBits;
    isUpperHalf =
        format.width() == 16
            && minNormal == 0
            && overflow == largest + 1
            && format.encode(Float.POSITIVE_INFINITY, projection) == overflow
            && format.encode(Float.NEGATIVE_INFINITY, projection) == (overflow | 1 << 15);
  }

  static boolean supports(FloatFormat format, Projection projection) {
    return FloatKernel.supports(format, projection)
        && (format.width() <= 8 ? Lanes.HAS_BYTES : format.width() <= 16)
        && (format.bias() == FLOAT_BIAS
            || Math.getExponent(format.maxFinite()) + 24 - format.precision()
                <= Float.MAX_EXPONENT);
  }

  private IntVector code(IntVector bits, IntVector magnitude) {
    IntVector odd = magnitude.lanewise(VectorOperators.LSHR, drop).and(1);
    IntVector code =
        magnitude.add(odd).add(almostHalf - (rebias << drop)).lanewise(VectorOperators.LSHR, drop);
    if (minNormal != 0) {
      IntVector subnormal =
          magnitude
              .reinterpretAsFloats()
              .add(magic)
              .reinterpretAsInts()
              .sub(Float.floatToRawIntBits(magic));
      code = code.blend(subnormal, magnitude.compare(VectorOperators.LT, minNormal));
    }
    code = code.min(overflow);
    IntVector sign = bits.and(SIGN).lanewise(VectorOperators.LSHR, signShift);
    return code.or(negativeZero ? sign : sign.blend(0, code.eq(0)));
  }

  @Override
  void encode(float[] src, int from, byte[] codes, int to, int n) {
    int bound = INTS.loopBound(n);
    for (int i = 0; i < bound; i += CHUNK) {
      encodeVectors(src, from + i, codes, to + i, Math.min(CHUNK, bound - i));
    }
    scalar.encode(src, from + bound, codes, to + bound, n - bound);
  }

  private void encodeVectors(float[] src, int from, byte[] codes, int to, int n) {
    for (int i = 0; i < n; i += STEP) {
      IntVector bits = FloatVector.fromArray(FLOATS, src, from + i).reinterpretAsInts();
      IntVector magnitude = bits.and(MAGNITUDE);
      Lanes.store(code(bits, magnitude), codes, to + i);
      if (magnitude.compare(VectorOperators.GT, limit).anyTrue()) {
        scalar.encode(src, from + i, codes, to + i, STEP);
      }
    }
  }

  @Override
  void encode(float[] src, int from, short[] codes, int to, int n) {
    int bound = INTS.loopBound(n);
    for (int i = 0; i < bound; i += CHUNK) {
      int count = Math.min(CHUNK, bound - i);
      if (isUpperHalf) {
        encodeUpperHalves(src, from + i, codes, to + i, count);
      } else {
        encodeVectors(src, from + i, codes, to + i, count);
      }
    }
    scalar.encode(src, from + bound, codes, to + bound, n - bound);
  }

  /** Rounding carries into the exponent and on to infinity below the sign, where it should. */
  private void encodeUpperHalves(float[] src, int from, short[] codes, int to, int n) {
    for (int i = 0; i < n; i += STEP) {
      FloatVector x = FloatVector.fromArray(FLOATS, src, from + i);
      IntVector bits = x.reinterpretAsInts();
      IntVector odd = bits.lanewise(VectorOperators.LSHR, Short.SIZE).and(1);
      IntVector code = bits.add(odd).add(0x7FFF).lanewise(VectorOperators.LSHR, Short.SIZE);
      Lanes.store(code, codes, to + i);
      if (x.compare(VectorOperators.NE, x).anyTrue()) {
        scalar.encode(src, from + i, codes, to + i, STEP);
      }
    }
  }

  private void encodeVectors(float[] src, int from, short[] codes, int to, int n) {
    for (int i = 0; i < n; i += STEP) {
      IntVector bits = FloatVector.fromArray(FLOATS, src, from + i).reinterpretAsInts();
      IntVector magnitude = bits.and(MAGNITUDE);
      Lanes.store(code(bits, magnitude), codes, to + i);
      if (magnitude.compare(VectorOperators.GT, limit).anyTrue()) {
        scalar.encode(src, from + i, codes, to + i, STEP);
      }
    }
  }

  /** The values of codes with any bits above the width, none of them infinite or NaN. */
  private FloatVector value(IntVector codes, IntVector magnitude) {
    IntVector shifted = magnitude.lanewise(VectorOperators.LSHL, drop);
    IntVector value = shifted.add(rebias << drop);
    if (minNormal != 0) {
      // one binade up, the fraction is that of the smallest normal number: nothing is subnormal
      IntVector subnormal =
          shifted
              .add(minNormal)
              .reinterpretAsFloats()
              .sub(Float.intBitsToFloat(minNormal))
              .reinterpretAsInts();
      value = value.blend(subnormal, shifted.compare(VectorOperators.LT, 1 << 23));
    }
    return value
        .or(codes.lanewise(VectorOperators.LSHL, signShift).and(SIGN))
        .reinterpretAsFloats();
  }

  private VectorMask<Integer> special(IntVector codes, IntVector magnitude) {
    VectorMask<Integer> special = magnitude.compare(VectorOperators.GT, largest);
    return negativeZero
        ? special
        : special.or(codes.lanewise(VectorOperators.LSHL, signShift).eq(SIGN));
  }

  @Override
  void decode(byte[] codes, int from, float[] dst, int to, int n) {
    int bound = INTS.loopBound(n);
    for (int i = 0; i < bound; i += CHUNK) {
      decodeVectors(codes, from + i, dst, to + i, Math.min(CHUNK, bound - i));
    }
    scalar.decode(codes, from + bound, dst, to + bound, n - bound);
  }

  private void decodeVectors(byte[] codes, int from, float[] dst, int to, int n) {
    int magnitudes = (1 << (format.width() - 1)) - 1;
    for (int i = 0; i < n; i += STEP) {
      IntVector code = Lanes.load(codes, from + i);
      IntVector magnitude = code.and(magnitudes);
      value(code, magnitude).intoArray(dst, to + i);
      if (special(code, magnitude).anyTrue()) {
        scalar.decode(codes, from + i, dst, to + i, STEP);
      }
    }
  }

  @Override
  void decode(short[] codes, int from, float[] dst, int to, int n) {
    int bound = INTS.loopBound(n);
    for (int i = 0; i < bound; i += CHUNK) {
      decodeVectors(codes, from + i, dst, to + i, Math.min(CHUNK, bound - i));
    }
    scalar.decode(codes, from + bound, dst, to + bound, n - bound);
  }

  private void decodeVectors(short[] codes, int from, float[] dst, int to, int n) {
    int magnitudes = (1 << (format.width() - 1)) - 1;
    for (int i = 0; i < n; i += STEP) {
      IntVector code = Lanes.load(codes, from + i);
      IntVector magnitude = code.and(magnitudes);
      value(code, magnitude).intoArray(dst, to + i);
      if (special(code, magnitude).anyTrue()) {
        scalar.decode(codes, from + i, dst, to + i, STEP);
      }
    }
  }

  /**
   * Adding and subtracting the number whose ulp is that of the format in the binade of x, and at
   * least the smallest subnormal, rounds x to the format.
   */
  private IntVector rounded(IntVector bits) {
    if (minNormal == 0) {
      IntVector odd = bits.lanewise(VectorOperators.LSHR, drop).and(1);
      return bits.add(odd).add(almostHalf).and(-1 << drop);
    }
    FloatVector binade =
        bits.and(INFINITY)
            .max(minNormal)
            .add((drop << 23) + (1 << 22)) // one and a half, so that the sum stays in its binade
            .reinterpretAsFloats();
    IntVector value = bits.reinterpretAsFloats().add(binade).sub(binade).reinterpretAsInts();
    IntVector sign = bits.and(SIGN);
    return negativeZero ? value.or(sign) : value; // a difference that is zero is positive
  }

  @Override
  void quantize(float[] values, int from, int n, float scale) {
    int bound = INTS.loopBound(n);
    for (int i = 0; i < bound; i += CHUNK) {
      quantizeVectors(values, from + i, Math.min(CHUNK, bound - i), scale);
    }
    scalar.quantize(values, from + bound, n - bound, scale);
  }

  private void quantizeVectors(float[] values, int from, int n, float scale) {
    float reciprocal = Lanes.exactReciprocal(scale);
    boolean multiply = !Float.isNaN(reciprocal);
    for (int i = 0; i < n; i += STEP) {
      FloatVector x = FloatVector.fromArray(FLOATS, values, from + i);
      IntVector bits = (multiply ? x.mul(reciprocal) : x.div(scale)).reinterpretAsInts();
      if (bits.and(MAGNITUDE).compare(VectorOperators.GT, largestBits).anyTrue()) {
        scalar.quantize(values, from + i, STEP, scale);
      } else {
        rounded(bits).reinterpretAsFloats().mul(scale).intoArray(values, from + i);
      }
    }
  }
}
