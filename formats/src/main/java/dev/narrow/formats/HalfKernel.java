package dev.narrow.formats;

/**
 * binary16 to nearest-even with overflow to infinity, as {@link Float#floatToFloat16} has it: its
 * loops become vector instructions.
 */
final class HalfKernel extends Kernel {
  /**
   * Whether the JDK keeps and quiets NaN payloads as the format does. Hardware conversion does; the
   * JDK's fallback in Java leaves NaNs signaling.
   */
  private static final boolean SAME_NANS =
      Float.floatToFloat16(Float.intBitsToFloat(0x7F80_0001)) == 0x7E00
          && Float.floatToRawIntBits(Float.float16ToFloat((short) 0x7C01)) == 0x7FC0_2000;

  HalfKernel(FloatFormat format, Projection projection) {
    super(format, projection);
  }

  static boolean supports(FloatFormat format, Projection projection) {
    Rounding rounding = projection.rounding();
    Saturation saturation = projection.saturation();
    return SAME_NANS
        && format.width() == 16
        && format.isInterchange()
        && rounding.mode() == Rounding.Mode.NEAREST_EVEN
        && !saturation.clampsOverflow(rounding.mode(), false, true, true)
        && !saturation.clampsInfinity(true, false, true)
        && !saturation.flushes();
  }

  @Override
  void encode(float[] src, int from, short[] codes, int to, int n) {
    for (int i = 0; i < n; i++) {
      codes[to + i] = Float.floatToFloat16(src[from + i]);
    }
  }

  @Override
  void decode(short[] codes, int from, float[] dst, int to, int n) {
    for (int i = 0; i < n; i++) {
      dst[to + i] = Float.float16ToFloat(codes[from + i]);
    }
  }

  @Override
  void quantize(float[] values, int from, int n, float scale) {
    for (int i = from; i < from + n; i++) {
      values[i] = scale * Float.float16ToFloat(Float.floatToFloat16(values[i] / scale));
    }
  }
}
