package dev.narrow.quant.files;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Elements without blocks and scales, little-endian. */
final class GgufPlain {
  static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private GgufPlain() {}

  static void f32(MemorySegment src, long at, float[] dst, int to, int n) {
    MemorySegment.copy(src, FLOAT, at, dst, to, n);
  }

  static void f16(MemorySegment src, long at, float[] dst, int to, int n) {
    for (int i = 0; i < n; i++) {
      dst[to + i] = Float.float16ToFloat(src.get(SHORT, at + 2L * i));
    }
  }

  static void bf16(MemorySegment src, long at, float[] dst, int to, int n) {
    for (int i = 0; i < n; i++) {
      dst[to + i] = Float.intBitsToFloat(src.get(SHORT, at + 2L * i) << 16);
    }
  }

  static void f64(MemorySegment src, long at, float[] dst, int to, int n) {
    for (int i = 0; i < n; i++) {
      dst[to + i] = (float) src.get(DOUBLE, at + 8L * i);
    }
  }

  static void i8(MemorySegment src, long at, float[] dst, int to, int n) {
    for (int i = 0; i < n; i++) {
      dst[to + i] = src.get(JAVA_BYTE, at + i);
    }
  }

  static void i16(MemorySegment src, long at, float[] dst, int to, int n) {
    for (int i = 0; i < n; i++) {
      dst[to + i] = src.get(SHORT, at + 2L * i);
    }
  }

  static void i32(MemorySegment src, long at, float[] dst, int to, int n) {
    for (int i = 0; i < n; i++) {
      dst[to + i] = src.get(INT, at + 4L * i);
    }
  }

  static void i64(MemorySegment src, long at, float[] dst, int to, int n) {
    for (int i = 0; i < n; i++) {
      dst[to + i] = src.get(LONG, at + 8L * i);
    }
  }

  static void toF32(float[] src, MemorySegment dst, int n) {
    MemorySegment.copy(src, 0, dst, FLOAT, 0, n);
  }

  static void toF16(float[] src, MemorySegment dst, int n) {
    for (int i = 0; i < n; i++) {
      dst.set(SHORT, 2L * i, Float.floatToFloat16(src[i]));
    }
  }

  static void toBf16(float[] src, MemorySegment dst, int n) {
    for (int i = 0; i < n; i++) {
      int bits = Float.floatToRawIntBits(src[i]);
      int rounded =
          Float.isNaN(src[i])
              ? (bits >> 16) | 0x40 // quiet, or the payload's lower half could leave an infinity
              : (bits + 0x7FFF + (bits >>> 16 & 1)) >> 16;
      dst.set(SHORT, 2L * i, (short) rounded);
    }
  }
}
