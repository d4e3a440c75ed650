package dev.narrow.quant.files;

import static dev.narrow.quant.files.GgufBlocks.half;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/**
 * Blocks of 256 elements in two levels: a binary16 scale d, and where there are minima a binary16
 * scale e of theirs, for the block; small integers s and m for each 16 or 32 elements: {@code
 * block_q2_K} to {@code block_q6_K} of ggml-common.h.
 *
 * <pre>
 * Q2_K   16 bytes of s and m, 64 bytes, d, e                  d s q - e m
 * Q3_K   32 bytes of third bits, 64 bytes, 12 bytes of s, d   d (s - 32) (q - 4)
 * Q4_K   d, e, 12 bytes of s and m, 128 bytes                 d s q - e m
 * Q5_K   d, e, 12 bytes of s and m, 32 bytes of fifth bits, 128 bytes   d s q - e m
 * Q6_K   128 bytes, 64 bytes of high bits, 16 bytes of s, d   d s (q - 32)   s two's complement
 * </pre>
 *
 * <p>Bits of the same weight of 32 consecutive elements lie in 32 consecutive bytes, at the same
 * place of each; runs of 32 elements take the places from the lowest on. Products are exact in
 * float32 but for the last one of Q6_K, so a value is rounded once.
 */
final class GgufKBlocks {
  private static final int SIZE = 256;
  private static final int RUN = 32;
  private static final int RUNS = SIZE / RUN;

  private GgufKBlocks() {}

  private static int bits(MemorySegment src, long at) {
    return src.get(JAVA_BYTE, at) & 0xFF;
  }

  static void q2(MemorySegment src, long at, float[] dst, int to, int blocks) {
    for (int b = 0; b < blocks; b++, at += 84, to += SIZE) {
      float d = half(src, at + 80);
      float e = half(src, at + 82);
      for (int part = 0; part < SIZE / 16; part++) { // half a run
        int packed = bits(src, at + part);
        float scale = d * (packed & 15);
        float minimum = e * (packed >> 4);
        int run = part / 2;
        int codes = 16 + run / 4 * RUN + part % 2 * 16;
        int place = run % 4 * 2;
        for (int i = 0; i < 16; i++) {
          dst[to + part * 16 + i] =
              scale * (src.get(JAVA_BYTE, at + codes + i) >> place & 3) - minimum;
        }
      }
    }
  }

  static void q3(MemorySegment src, long at, float[] dst, int to, int blocks) {
    for (int b = 0; b < blocks; b++, at += 110, to += SIZE) {
      float d = half(src, at + 108);
      for (int part = 0; part < SIZE / 16; part++) {
        float scale = d * (q3Scale(src, at + 96, part) - 32);
        int run = part / 2;
        int third = part % 2 * 16;
        int codes = 32 + run / 4 * RUN + part % 2 * 16;
        int place = run % 4 * 2;
        for (int i = 0; i < 16; i++) {
          int low = src.get(JAVA_BYTE, at + codes + i) >> place & 3;
          int high = src.get(JAVA_BYTE, at + third + i) >> run & 1;
          dst[to + part * 16 + i] = scale * ((low | (high << 2)) - 4);
        }
      }
    }
  }

  /**
   * Scale s of 16: its low four bits are a half of byte s mod 8, the low halves first; its high two
   * are in byte 8 + s mod 4, the lowest place first.
   */
  private static int q3Scale(MemorySegment src, long at, int s) {
    int low = bits(src, at + s % 8) >> (s / 8 * 4) & 15;
    int high = bits(src, at + 8 + s % 4) >> (s / 4 * 2) & 3;
    return low | (high << 4);
  }

  static void q4(MemorySegment src, long at, float[] dst, int to, int blocks) {
    for (int b = 0; b < blocks; b++, at += 144, to += SIZE) {
      float d = half(src, at);
      float e = half(src, at + 2);
      for (int run = 0; run < RUNS; run++) {
        float scale = d * scale(src, at + 4, run);
        float minimum = e * minimum(src, at + 4, run);
        int codes = 16 + run / 2 * RUN;
        int place = run % 2 * 4;
        for (int i = 0; i < RUN; i++) {
          dst[to + run * RUN + i] =
              scale * (src.get(JAVA_BYTE, at + codes + i) >> place & 15) - minimum;
        }
      }
    }
  }

  static void q5(MemorySegment src, long at, float[] dst, int to, int blocks) {
    for (int b = 0; b < blocks; b++, at += 176, to += SIZE) {
      float d = half(src, at);
      float e = half(src, at + 2);
      for (int run = 0; run < RUNS; run++) {
        float scale = d * scale(src, at + 4, run);
        float minimum = e * minimum(src, at + 4, run);
        int fifth = 16;
        int codes = 48 + run / 2 * RUN;
        int place = run % 2 * 4;
        for (int i = 0; i < RUN; i++) {
          int low = src.get(JAVA_BYTE, at + codes + i) >> place & 15;
          int high = src.get(JAVA_BYTE, at + fifth + i) >> run & 1;
          dst[to + run * RUN + i] = scale * (low | (high << 4)) - minimum;
        }
      }
    }
  }

  /**
   * Scale s of 8, six bits: of the first four the low bits of byte s; of the others the low half of
   * byte s + 4 and, above it, the top two bits of byte s - 4.
   */
  private static int scale(MemorySegment src, long at, int s) {
    return s < 4
        ? bits(src, at + s) & 63
        : (bits(src, at + s + 4) & 15) | (bits(src, at + s - 4) >> 6 << 4);
  }

  /** Minimum s of 8: as the scales, with bytes s + 4, and the high half of s + 4 and s. */
  private static int minimum(MemorySegment src, long at, int s) {
    return s < 4
        ? bits(src, at + s + 4) & 63
        : (bits(src, at + s + 4) >> 4) | (bits(src, at + s) >> 6 << 4);
  }

  /** The low halves of 64 bytes are two runs, and their high halves the next two. */
  static void q6(MemorySegment src, long at, float[] dst, int to, int blocks) {
    for (int b = 0; b < blocks; b++, at += 210, to += SIZE) {
      float d = half(src, at + 208);
      for (int part = 0; part < SIZE / 16; part++) {
        float scale = d * src.get(JAVA_BYTE, at + 192 + part);
        int run = part / 2;
        int codes = run / 4 * 64 + part % 4 * 16;
        int place = run / 2 % 2 * 4;
        int high = 128 + run / 4 * RUN + part % 2 * 16;
        int highPlace = run % 4 * 2;
        for (int i = 0; i < 16; i++) {
          int low = src.get(JAVA_BYTE, at + codes + i) >> place & 15;
          int q = low | ((src.get(JAVA_BYTE, at + high + i) >> highPlace & 3) << 4);
          dst[to + part * 16 + i] = scale * (q - 32);
        }
      }
    }
  }
}
