package dev.narrow.formats;

/** binary32, of which every float is a number already: nothing is left to round. */
final class SingleKernel extends Kernel {
  private static final int MAGNITUDE = 0x7FFF_FFFF;
  private static final int INFINITY = 0x7F80_0000;
  private static final int QUIET = 0x40_0000;

  SingleKernel(FloatFormat format, Projection projection) {
    super(format, projection);
  }

  static boolean supports(FloatFormat format, Projection projection) {
    Saturation saturation = projection.saturation();
    return format.width() == 32
        && format.isInterchange()
        && !saturation.clampsInfinity(true, false, true)
        && !saturation.flushes();
  }

  private static int quiet(int bits) {
    return (bits & MAGNITUDE) > INFINITY ? bits | QUIET : bits;
  }

  @Override
  void encode(float[] src, int from, int[] codes, int to, int n) {
    for (int i = 0; i < n; i++) {
      codes[to + i] = quiet(Float.floatToRawIntBits(src[from + i]));
    }
  }

  @Override
  void encode(float[] src, int from, int[] codes, int to, int n, int[] words) {
    encode(src, from, codes, to, n);
  }

  @Override
  void decode(int[] codes, int from, float[] dst, int to, int n) {
    for (int i = 0; i < n; i++) {
      dst[to + i] = Float.intBitsToFloat(quiet(codes[from + i]));
    }
  }

  @Override
  void quantize(float[] values, int from, int n, float scale) {
    for (int i = from; i < from + n; i++) {
      values[i] = scale * (values[i] / scale);
    }
  }

  @Override
  void quantize(float[] values, int from, int n, float scale, int[] words) {
    quantize(values, from, n, scale);
  }
}
