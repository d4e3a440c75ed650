package dev.narrow.formats;

/**
 * Signed formats of more than 8 bits with subnormals to nearest-even, in integers on the bits of
 * the floats.
 *
 * <p>The lower bits of a float's significand are rounded away by adding half of their range, less
 * one, and the lowest bit that stays; a carry runs into the exponent, as it should. In the range of
 * the target's subnormals, adding the float whose ulp is the smallest subnormal makes the addition
 * itself round so, and leaves the code in the low bits of the sum. A format with the exponent range
 * of floats shares their subnormals and needs no second case.
 *
 * <p>Rounded magnitudes beyond the largest, which infinities and NaNs are too, go the generic way.
 */
final class FloatKernel extends Kernel {
  private static final int FLOAT_BIAS = 127;
  private static final int MAGNITUDE = 0x7FFF_FFFF;
  private static final int INFINITY = 0x7F80_0000;

  private final int drop;
  private final int rebias;
  private final int minNormal;
  private final float magic;
  private final int magicBits;
  private final int largest;
  private final int largestBits;
  private final int signShift;
  private final boolean negativeZero;
  private final int overflow;
  private final int negativeOverflow;

  FloatKernel(FloatFormat format, Projection projection) {
    super(format, projection);
    drop = 24 - format.precision();
    rebias = (FLOAT_BIAS - format.bias()) << (format.precision() - 1);
    int minExponent = 1 - format.bias();
    minNormal = format.bias() == FLOAT_BIAS ? 0 : (minExponent + FLOAT_BIAS) << 23;
    magic = Math.scalb(1f, minExponent + drop);
    magicBits = Float.floatToRawIntBits(magic);
    largestBits = Float.floatToRawIntBits(format.maxFinite());
    largest = (largestBits >>> drop) - rebias;
    signShift = 32 - format.width();
    negativeZero = format.negativeZero();
    overflow = format.encode(Float.MAX_VALUE, projection);
    negativeOverflow = format.encode(-Float.MAX_VALUE, projection);
  }

  static boolean supports(FloatFormat format, Projection projection) {
    return projection.rounding().mode() == Rounding.Mode.NEAREST_EVEN
        && !projection.saturation().flushes()
        && format.signed()
        && format.zero()
        && format.subnormals()
        && format.precision() > 1
        && format.precision() < 24
        && 1 - format.bias() >= Float.MIN_EXPONENT
        && 1 - format.bias() + 24 - format.precision() <= Float.MAX_EXPONENT
        && format.maxFinite() < Float.MAX_VALUE
        && format.maxFinite() >= Math.scalb(1f, 1 - format.bias()); // the largest is normal
  }

  private int round(int magnitude) {
    return magnitude + (1 << (drop - 1)) - 1 + ((magnitude >>> drop) & 1);
  }

  private int code(float x) {
    int bits = Float.floatToRawIntBits(x);
    int magnitude = bits & MAGNITUDE;
    int code =
        magnitude < minNormal
            ? Float.floatToRawIntBits(Float.intBitsToFloat(magnitude) + magic) - magicBits
            : (round(magnitude) >>> drop) - rebias;
    if (code > largest) {
      return magnitude < INFINITY
          ? (bits < 0 ? negativeOverflow : overflow)
          : format.encode(x, projection);
    }
    int sign = code != 0 || negativeZero ? bits & ~MAGNITUDE : 0;
    return code | (sign >>> signShift);
  }

  @Override
  void encode(float[] src, int from, short[] codes, int to, int n) {
    for (int i = 0; i < n; i++) {
      codes[to + i] = (short) code(src[from + i]);
    }
  }

  @Override
  void encode(float[] src, int from, int[] codes, int to, int n) {
    for (int i = 0; i < n; i++) {
      codes[to + i] = code(src[from + i]);
    }
  }

  @Override
  void quantize(float[] values, int from, int n, float scale) {
    for (int i = from; i < from + n; i++) {
      float x = values[i] / scale;
      int bits = Float.floatToRawIntBits(x);
      int magnitude = bits & MAGNITUDE;
      int rounded =
          magnitude < minNormal
              ? Float.floatToRawIntBits((Float.intBitsToFloat(magnitude) + magic) - magic)
              : round(magnitude) & -(1 << drop);
      if (rounded > largestBits || rounded < 0) {
        values[i] = scale * quantized(x, 0);
      } else {
        int sign = rounded != 0 || negativeZero ? bits & ~MAGNITUDE : 0;
        values[i] = scale * Float.intBitsToFloat(rounded | sign);
      }
    }
  }
}
