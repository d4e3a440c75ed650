package dev.narrow.quant.files;

import static dev.narrow.quant.files.GgufBlocks.half;
import static dev.narrow.quant.files.GgufPlain.SHORT;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/**
 * Blocks whose four-bit codes are places in a table of 16 values: {@code block_mxfp4}, {@code
 * block_nvfp4}, {@code block_iq4_nl} and {@code block_iq4_xs} of ggml-common.h.
 *
 * <pre>
 * MXFP4    E8M0 scale, 16 bytes                     32 elements
 * NVFP4    4 E4M3 scales, 4 times 8 bytes           64 elements, 16 to a scale
 * IQ4_NL   binary16 scale d, 16 bytes               32 elements
 * IQ4_XS   d, 8 times 2 bits, 8 times 4 bits, 8 times 16 bytes   256 elements, 32 to a scale
 * </pre>
 *
 * <p>Of n bytes byte i has the code of element i in its low half and that of element i + n in its
 * high half. The scales of IQ4_XS are d (s - 32) with six bits s, first the high two of all, then
 * the low four of all. All products are exact in float32, or subnormal and exact.
 */
final class GgufTableBlocks {
  /** E2M1 times two; ggml has no negative zero. */
  private static final float[] E2M1 = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

  private static final float[] NON_LINEAR = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };

  private GgufTableBlocks() {}

  private static void run(
      float[] table, float d, MemorySegment src, long at, int n, float[] dst, int to) {
    for (int i = 0; i < n; i++) {
      int codes = src.get(JAVA_BYTE, at + i);
      dst[to + i] = d * table[codes & 15];
      dst[to + n + i] = d * table[codes >> 4 & 15];
    }
  }

  static void mxfp4(MemorySegment src, long at, float[] dst, int to, int blocks) {
    for (int b = 0; b < blocks; b++, at += 17, to += 32) {
      run(E2M1, halfOfE8m0(src.get(JAVA_BYTE, at) & 0xFF), src, at + 1, 16, dst, to);
    }
  }

  /** 2^(code - 128), also for the code 255, which OCP MX has as NaN and ggml as 2^128. */
  private static float halfOfE8m0(int code) {
    return Float.intBitsToFloat(code < 2 ? 1 << (21 + code) : (code - 1) << 23);
  }

  static void nvfp4(MemorySegment src, long at, float[] dst, int to, int blocks) {
    for (int b = 0; b < blocks; b++, at += 36, to += 64) {
      for (int part = 0; part < 4; part++) {
        float d = halfOfE4m3(src.get(JAVA_BYTE, at + part) & 0xFF);
        int codes = 4 + part * 8;
        run(E2M1, d, src, at + codes, 8, dst, to + part * 16);
      }
    }
  }

  /** Without sign; the code of NaN is zero, as ggml has it, unless its sign bit is set. */
  private static float halfOfE4m3(int code) {
    int exponent = code >> 3 & 15;
    int fraction = code & 7;
    if (code == 0x7F) {
      return 0;
    }
    return exponent == 0
        ? fraction * 0x1p-10f
        : Float.intBitsToFloat((exponent - 8 + 127) << 23 | fraction << 20);
  }

  static void iq4nl(MemorySegment src, long at, float[] dst, int to, int blocks) {
    for (int b = 0; b < blocks; b++, at += 18, to += 32) {
      run(NON_LINEAR, half(src, at), src, at + 2, 16, dst, to);
    }
  }

  static void iq4xs(MemorySegment src, long at, float[] dst, int to, int blocks) {
    for (int b = 0; b < blocks; b++, at += 136, to += 256) {
      float d = half(src, at);
      int high = src.get(SHORT, at + 2);
      for (int s = 0; s < 8; s++) {
        int low = src.get(JAVA_BYTE, at + 4 + s / 2) >> (s % 2 * 4) & 15;
        float scale = d * ((low | (high >> (s * 2) & 3) << 4) - 32);
        int codes = 8 + s * 16;
        run(NON_LINEAR, scale, src, at + codes, 16, dst, to + s * 32);
      }
    }
  }
}
