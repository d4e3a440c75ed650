package dev.narrow.formats;

/**
 * Signed floating-point formats with subnormals in stochastic rounding, in integers on the bits of
 * the floats: {@link Rounder} without its cases.
 */
final class StochasticFloatKernel extends Kernel {
  private static final int FLOAT_BIAS = 127;
  private static final int MAGNITUDE = 0x7FFF_FFFF;
  private static final int INFINITY = 0x7F80_0000;

  private final Rounding.Mode mode;
  private final int randomBits;
  private final int drop;

  /** The exponent field of a float at the format's smallest normal number. */
  private final int minExponent;

  private final int largest;
  private final int signShift;
  private final boolean negativeZero;
  private final int overflow;
  private final int negativeOverflow;

  StochasticFloatKernel(FloatFormat format, Projection projection) {
    super(format, projection);
    mode = projection.rounding().mode();
    randomBits = projection.rounding().randomBits();
    drop = 24 - format.precision();
    minExponent = 1 - format.bias() + FLOAT_BIAS;
    int rebias = (FLOAT_BIAS - format.bias()) << (format.precision() - 1);
    largest = (Float.floatToRawIntBits(format.maxFinite()) >>> drop) - rebias;
    signShift = 32 - format.width();
    negativeZero = format.negativeZero();
    overflow = format.encode(Double.MAX_VALUE, projection, 0);
    negativeOverflow = format.encode(-Double.MAX_VALUE, projection, 0);
  }

  static boolean supports(FloatFormat format, Projection projection) {
    return projection.rounding().isStochastic()
        && FloatKernel.supports(
            format, new Projection(Rounding.NEAREST_EVEN, projection.saturation()));
  }

  private int code(float x, int word) {
    int bits = Float.floatToRawIntBits(x);
    int magnitude = bits & MAGNITUDE;
    if (magnitude >= INFINITY) {
      return format.encode(x, projection, word);
    }
    int exponent = Math.max(1, magnitude >>> 23);
    int significand = magnitude - ((exponent - 1) << 23); // with the hidden bit, if there is one
    int below = Math.max(0, minExponent - exponent);
    // beyond 63 bits nothing rounds up: the fraction is less than 2^-39 of a step
    int shift = Math.min(63, drop + below);
    int floor =
        (int) ((long) significand >>> shift)
            + (below > 0 ? 0 : (exponent - minExponent) << (23 - drop));
    long fraction = (long) significand << (64 - shift);
    int up = up(fraction, Integer.toUnsignedLong(word) >>> (32 - randomBits));
    int code = floor + up;
    if (code > largest) {
      return bits < 0 ? negativeOverflow : overflow;
    }
    int sign = code != 0 || negativeZero ? bits & ~MAGNITUDE : 0;
    return code | (sign >>> signShift);
  }

  /** 1 if a fraction of a step, in units of 2^-64, rounds up with this random number, else 0. */
  private int up(long fraction, long random) {
    int n = randomBits;
    long sum =
        switch (mode) {
          case STOCHASTIC_A -> (fraction >>> (64 - n)) + random;
          case STOCHASTIC_B -> ((fraction >>> (63 - n)) + 2 * random + 1) >>> 1;
          default -> {
            // to nearest even: the lowest bits of a fraction of at most 24 of 64 bits are zero
            long half = fraction >>> 1;
            long odd = half >>> (63 - n) & 1;
            yield ((half + (1L << (62 - n)) - 1 + odd) >>> (63 - n)) + random;
          }
        };
    return (int) (sum >>> n);
  }

  @Override
  void encode(float[] src, int from, int[] codes, int to, int n, int[] words) {
    for (int i = 0; i < n; i++) {
      codes[to + i] = code(src[from + i], words[i]);
    }
  }

  @Override
  void quantize(float[] values, int from, int n, float scale, int[] words) {
    for (int i = 0; i < n; i++) {
      float x = values[from + i] / scale;
      boolean number = Math.abs(x) <= Float.MAX_VALUE;
      values[from + i] =
          scale * (number && table.length > 0 ? table[code(x, words[i])] : quantized(x, words[i]));
    }
  }
}
