package dev.narrow.quant.files;

import static dev.narrow.quant.files.GgufPlain.INT;
import static dev.narrow.quant.files.GgufPlain.SHORT;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/**
 * Blocks of 32 elements with one scale d, and in the _1 types one minimum m, both binary16: {@code
 * block_q4_0} to {@code block_q8_0} of ggml-common.h.
 *
 * <pre>
 * Q8_0   d, 32 bytes q          q d          q two's complement
 * Q4_0   d, 16 bytes            (q - 8) d
 * Q4_1   d, m, 16 bytes         q d + m
 * Q5_0   d, 32 bits, 16 bytes   (q - 16) d
 * Q5_1   d, m, 32 bits, 16 bytes   q d + m
 * </pre>
 *
 * <p>Byte i of the 16 has the low four bits of element i in its low half and those of element i +
 * 16 in its high half; bit i of the 32 is the fifth bit of element i. Products with d are exact in
 * float32 (11 bits times 8), so a value is rounded once, where m is added.
 */
final class GgufBlocks {
  private static final int SIZE = 32;
  private static final int HALF = SIZE / 2;

  private GgufBlocks() {}

  static float half(MemorySegment src, long at) {
    return Float.float16ToFloat(src.get(SHORT, at));
  }

  static void q8s0(MemorySegment src, long at, float[] dst, int to, int blocks) {
    for (int b = 0; b < blocks; b++, at += 34, to += SIZE) {
      float d = half(src, at);
      for (int i = 0; i < SIZE; i++) {
        dst[to + i] = d * src.get(JAVA_BYTE, at + 2 + i);
      }
    }
  }

  static void q4s0(MemorySegment src, long at, float[] dst, int to, int blocks) {
    for (int b = 0; b < blocks; b++, at += 18, to += SIZE) {
      float d = half(src, at);
      for (int i = 0; i < HALF; i++) {
        int q = src.get(JAVA_BYTE, at + 2 + i);
        dst[to + i] = d * ((q & 15) - 8);
        dst[to + HALF + i] = d * ((q >> 4 & 15) - 8);
      }
    }
  }

  static void q4s1(MemorySegment src, long at, float[] dst, int to, int blocks) {
    for (int b = 0; b < blocks; b++, at += 20, to += SIZE) {
      float d = half(src, at);
      float m = half(src, at + 2);
      for (int i = 0; i < HALF; i++) {
        int q = src.get(JAVA_BYTE, at + 4 + i);
        dst[to + i] = d * (q & 15) + m;
        dst[to + HALF + i] = d * (q >> 4 & 15) + m;
      }
    }
  }

  static void q5s0(MemorySegment src, long at, float[] dst, int to, int blocks) {
    for (int b = 0; b < blocks; b++, at += 22, to += SIZE) {
      float d = half(src, at);
      int fifth = src.get(INT, at + 2);
      for (int i = 0; i < HALF; i++) {
        int q = src.get(JAVA_BYTE, at + 6 + i);
        dst[to + i] = d * (((q & 15) | (fifth >> i & 1) << 4) - 16);
        dst[to + HALF + i] = d * (((q >> 4 & 15) | (fifth >> (HALF + i) & 1) << 4) - 16);
      }
    }
  }

  static void q5s1(MemorySegment src, long at, float[] dst, int to, int blocks) {
    for (int b = 0; b < blocks; b++, at += 24, to += SIZE) {
      float d = half(src, at);
      float m = half(src, at + 2);
      int fifth = src.get(INT, at + 4);
      for (int i = 0; i < HALF; i++) {
        int q = src.get(JAVA_BYTE, at + 8 + i);
        dst[to + i] = d * ((q & 15) | (fifth >> i & 1) << 4) + m;
        dst[to + HALF + i] = d * ((q >> 4 & 15) | (fifth >> (HALF + i) & 1) << 4) + m;
      }
    }
  }

  /**
   * d = amax / 127, q = x (1 / d) to nearest, ties away from zero, in float32; the scale is rounded
   * to binary16 only when it is stored.
   */
  static void toQ8s0(float[] src, MemorySegment dst, int blocks) {
    for (int b = 0; b < blocks; b++) {
      int from = b * SIZE;
      float amax = 0;
      for (int i = 0; i < SIZE; i++) {
        amax = Math.max(amax, Math.abs(src[from + i])); // NaN stays
      }
      float d = amax / 127;
      float inverse = d == 0 ? 0 : 1 / d;
      long at = 34L * b;
      dst.set(SHORT, at, Float.floatToFloat16(d));
      for (int i = 0; i < SIZE; i++) {
        dst.set(JAVA_BYTE, at + 2 + i, (byte) away(src[from + i] * inverse));
      }
    }
  }

  /**
   * The nearest integer, ties away from zero. What is no number of seven bits comes from a block
   * with NaN, infinity or a scale that underflows, whose codes do not matter: zero, as NumPy has it
   * on x86.
   */
  private static int away(float x) {
    float magnitude = Math.abs(x);
    if (!(magnitude < 128)) {
      return 0;
    }
    int floor = (int) magnitude;
    int rounded = magnitude - floor >= 0.5f ? floor + 1 : floor; // the difference is exact
    return x < 0 ? -rounded : rounded;
  }

  /**
   * The first element of the largest magnitude becomes -8: d = it / -8, q = x (1 / d) + 8.5 without
   * its fraction, at most 15, in float32.
   */
  static void toQ4s0(float[] src, MemorySegment dst, int blocks) {
    for (int b = 0; b < blocks; b++) {
      int from = b * SIZE;
      float largest = src[from];
      for (int i = 1; i < SIZE && !Float.isNaN(largest); i++) {
        float x = src[from + i];
        if (!(Math.abs(x) <= Math.abs(largest))) {
          largest = x;
        }
      }
      float d = largest / -8;
      float inverse = d == 0 ? 0 : 1 / d;
      long at = 18L * b;
      dst.set(SHORT, at, Float.floatToFloat16(d));
      for (int i = 0; i < HALF; i++) {
        int low = nibble(src[from + i] * inverse + 8.5f);
        int high = nibble(src[from + HALF + i] * inverse + 8.5f);
        dst.set(JAVA_BYTE, at + 2 + i, (byte) (low | (high << 4)));
      }
    }
  }

  /** Infinities as in {@link #away}. */
  private static int nibble(float x) {
    return x < 256 ? Math.clamp((int) x, 0, 15) : 0;
  }
}
