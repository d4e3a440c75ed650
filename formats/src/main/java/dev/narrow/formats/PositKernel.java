package dev.narrow.formats;

/**
 * Posits of more than 16 bits to nearest-even, in integers on the bits of the floats.
 *
 * <p>A regime of k or more is a run of ones and a zero, below 0 a run of zeros and a one: the two
 * bits 10 or 01 at the top of a long, shifted to the right with the sign, k or -k - 1 times. The
 * exponent field and the fraction follow them, and the top bits of the whole are the code.
 */
final class PositKernel extends Kernel {
  private static final int FLOAT_BIAS = 127;
  private static final int INFINITY = 0x7F80_0000;
  private static final int FRACTION = 0x7F_FFFF;

  private final int width;
  private final int exponentBits;
  private final int largest;

  PositKernel(PositFormat format, Projection projection) {
    super(format, projection);
    width = format.width();
    exponentBits = format.exponentBits();
    largest = (int) ((1L << (width - 1)) - 1);
  }

  static boolean supports(PositFormat format, Projection projection) {
    return format.width() > 16
        && projection.rounding().mode() == Rounding.Mode.NEAREST_EVEN
        && !projection.saturation().flushInputs()
        && (format.width() - 2) << format.exponentBits() <= -Float.MIN_EXPONENT;
  }

  private int code(float x) {
    int bits = Float.floatToRawIntBits(x);
    int magnitude = bits & Integer.MAX_VALUE;
    if (magnitude == 0 || magnitude >= INFINITY) {
      return format.encode(x, projection);
    }
    int exponent = (magnitude >>> 23) - FLOAT_BIAS; // of subnormals below the smallest posit's
    int regime = exponent >> exponentBits;
    int code;
    if (regime >= width - 2) {
      code = largest;
    } else if (regime < 2 - width) {
      code = 1;
    } else {
      long field = exponent & ((1 << exponentBits) - 1);
      long rest = (field << 23 | (magnitude & FRACTION)) << (39 - exponentBits);
      long all = ((1L << 62 << (1 + (regime >> 31))) | rest) >> (regime ^ (regime >> 31));
      long odd = all >>> (65 - width) & 1;
      code = (int) ((all + (1L << (64 - width)) - 1 + odd) >>> (65 - width));
    }
    int sign = bits >> 31;
    return ((code ^ sign) - sign) & (-1 >>> (32 - width));
  }

  @Override
  void encode(float[] src, int from, int[] codes, int to, int n) {
    for (int i = 0; i < n; i++) {
      codes[to + i] = code(src[from + i]);
    }
  }
}
