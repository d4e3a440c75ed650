package dev.narrow.quant;

import dev.narrow.formats.Codec;
import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.NumericFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** What the codes of a tensor stand for, and how far it is from each to the next. */
final class DecodedCodes {
  private static final int FLOAT_BIAS = 127;

  private final NumericFormat format;
  private final Codec codec;
  private final ErrorKernels kernels = BlockKernels.get().errors();
  private final int bytesPerCode;

  /** The exponent field in float32 of the smallest normal number, 0 if ulps are not powers of 2. */
  private final int lowestField;

  /** By code, of formats of up to 16 bits; of wider ones than 8 bits 0 until it is asked for. */
  private final float[] ulps;

  private final byte[] bytes;
  private final short[] shorts;
  private final int[] ints;

  DecodedCodes(Codec codec, int chunk) {
    this.format = codec.format();
    this.codec = codec;
    bytesPerCode = Tensor.bytesPerCode(format);
    bytes = new byte[bytesPerCode == 1 ? chunk : 0];
    shorts = new short[bytesPerCode == 2 ? chunk : 0];
    ints = new int[bytesPerCode == 4 ? chunk : 0];
    lowestField = format instanceof FloatFormat f && isPlain(f) ? FLOAT_BIAS + 1 - f.bias() : 0;
    ulps = new float[lowestField > 0 || bytesPerCode == 4 ? 0 : 1 << format.width()];
    for (int code = 0; bytesPerCode == 1 && code < ulps.length; code++) {
      ulps[code] = ulp(code);
    }
  }

  /** Whether an ulp is 2^(exponent - precision + 1) everywhere, and float32 has all numbers. */
  private static boolean isPlain(FloatFormat format) {
    float largest = format.maxFinite();
    double ulp = Math.scalb(1.0, Math.getExponent(largest) - format.precision() + 1);
    int code = format.encode(largest, format.defaultProjection());
    return format.subnormals()
        && format.precision() <= 24
        && format.bias() <= FLOAT_BIAS
        && Float.isFinite(largest)
        && format.ulp(code) == ulp;
  }

  /** Decodes n codes of a segment from one on. */
  void decode(MemorySegment codes, long from, int n, float[] values, float[] distances) {
    switch (bytesPerCode) {
      case 1 -> MemorySegment.copy(codes, ValueLayout.JAVA_BYTE, from, bytes, 0, n);
      case 2 -> MemorySegment.copy(codes, ValueLayout.JAVA_SHORT_UNALIGNED, 2 * from, shorts, 0, n);
      default -> MemorySegment.copy(codes, ValueLayout.JAVA_INT_UNALIGNED, 4 * from, ints, 0, n);
    }
    decode(n, values, distances);
  }

  /** Replaces n numbers by the values of the codes that are nearest to them. */
  void project(float[] values, int n, float[] distances) {
    switch (bytesPerCode) {
      case 1 -> codec.encode(values, 0, bytes, 0, n);
      case 2 -> codec.encode(values, 0, shorts, 0, n);
      default -> codec.encode(values, 0, ints, 0, n);
    }
    decode(n, values, distances);
  }

  private void decode(int n, float[] values, float[] distances) {
    switch (bytesPerCode) {
      case 1 -> codec.decode(bytes, 0, values, 0, n);
      case 2 -> codec.decode(shorts, 0, values, 0, n);
      default -> codec.decode(ints, 0, values, 0, n);
    }
    if (lowestField > 0) {
      int shift = ((FloatFormat) format).precision() - 1;
      kernels.binades(values, n, shift, lowestField, distances);
      return;
    }
    switch (bytesPerCode) {
      case 1 -> lookUpBytes(n, distances);
      case 2 -> lookUpShorts(n, distances);
      default -> {
        for (int i = 0; i < n; i++) {
          distances[i] = ulp(ints[i]);
        }
      }
    }
  }

  private void lookUpBytes(int n, float[] distances) {
    float[] table = ulps;
    for (int i = 0; i < n; i++) {
      distances[i] = table[bytes[i] & (table.length - 1)];
    }
  }

  private void lookUpShorts(int n, float[] distances) {
    for (int i = 0; i < n; i++) {
      int code = shorts[i] & (ulps.length - 1);
      if (ulps[code] == 0) {
        ulps[code] = ulp(code);
      }
      distances[i] = ulps[code];
    }
  }

  private float ulp(int code) {
    return Math.max((float) format.ulp(code), Float.MIN_VALUE);
  }
}
