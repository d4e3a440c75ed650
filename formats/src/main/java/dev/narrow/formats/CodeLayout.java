package dev.narrow.formats;

import java.nio.ByteOrder;

/** How codes lie in memory, one after the other, at any alignment. */
public enum CodeLayout {
  /** Each in 1, 2 or 4 bytes, the least that hold its width, the lowest byte first. */
  LITTLE_ENDIAN,
  /** Each in 1, 2 or 4 bytes, the least that hold its width, the highest byte first. */
  BIG_ENDIAN,
  /**
   * Without gaps, for formats of at most 8 bits: the code of element i has the bits from {@code i *
   * width} on, bit b of memory being bit {@code b mod 8} of byte {@code b / 8}. So of two 4-bit
   * codes in a byte the first is in the lower half, and four 6-bit codes are three bytes, lowest
   * first. Bits of the last byte that belong to no code are left as they are.
   */
  PACKED;

  /**
   * The layout in whole bytes, in this order.
   *
   * @param order of the bytes of a code
   * @return {@link #LITTLE_ENDIAN} or {@link #BIG_ENDIAN}
   */
  public static CodeLayout of(ByteOrder order) {
    return order == ByteOrder.LITTLE_ENDIAN ? LITTLE_ENDIAN : BIG_ENDIAN;
  }

  /**
   * Bytes that n codes take.
   *
   * @param width bits of a code, 1 to 32
   * @param n how many
   * @return the size, rounded up to a whole byte
   * @throws IllegalArgumentException if the width is above 8 for packed codes, or n is negative or
   *     above 2^61 - 1
   */
  public long byteSize(int width, long n) {
    if (n < 0 || n > Long.MAX_VALUE / Integer.BYTES) {
      throw new IllegalArgumentException(
          "n = " + n + ", expected 0 to " + Long.MAX_VALUE / Integer.BYTES);
    }
    if (this == PACKED) {
      requirePackable(width);
      return n / 8 * width + (n % 8 * width + 7) / 8;
    }
    return n * bytesPerCode(width);
  }

  static int bytesPerCode(int width) {
    return width <= 8 ? 1 : width <= 16 ? 2 : 4;
  }

  static void requirePackable(int width) {
    if (width < 1 || width > 8) {
      throw new IllegalArgumentException(
          "width = " + width + ", expected 1 to 8 bits for packed codes");
    }
  }
}
