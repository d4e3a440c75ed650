package dev.narrow.formats;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Objects;

/** Codes of at most 8 bits, from one in a byte to {@link CodeLayout#PACKED} and back. */
public final class PackedCodes {
  private static final int BLOCK = 2048;
  private static final long ONES = 0x0101_0101_0101_0101L;
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private PackedCodes() {}

  /**
   * Packs n codes.
   *
   * @param codes one in the lower bits of each byte; higher bits are ignored
   * @param from index of the first one
   * @param packed receives them from its first bit on; nothing else in it changes
   * @param width bits of a code, 1 to 8
   * @param n how many
   * @throws IllegalArgumentException if the width is none, the segment is too short or read-only
   * @throws IndexOutOfBoundsException if the range lies outside the array
   */
  public static void pack(byte[] codes, int from, MemorySegment packed, int width, int n) {
    Objects.checkFromIndexSize(from, n, codes.length);
    requireSize(packed, width, n);
    if (packed.isReadOnly()) {
      throw new IllegalArgumentException("packed is read-only, expected a writable segment");
    }
    byte[] block = new byte[Math.min(BLOCK, (n + 7) & -8)];
    long mask = ONES * ((1 << width) - 1);
    for (int at = 0; at < n; at += BLOCK) {
      int count = Math.min(BLOCK, n - at);
      int eights = count / 8;
      int size = 0;
      for (int i = 0; i < eights; i++) {
        long eight = Long.compress((long) LONG.get(codes, from + at + 8 * i), mask);
        size = put(block, size, eight, width);
      }
      long offset = (long) at / 8 * width;
      MemorySegment.copy(block, 0, packed, ValueLayout.JAVA_BYTE, offset, size);
      for (int i = 8 * eights; i < count; i++) {
        set(packed, (long) (at + i) * width, codes[from + at + i], width);
      }
    }
  }

  /** The low width bytes of a long. */
  private static int put(byte[] block, int at, long eight, int width) {
    if (at + Long.BYTES <= block.length) {
      LONG.set(block, at, eight); // what follows overwrites the rest
    } else {
      for (int i = 0; i < width; i++) {
        block[at + i] = (byte) (eight >>> (8 * i));
      }
    }
    return at + width;
  }

  /** One code, in one or two bytes. */
  private static void set(MemorySegment packed, long bit, byte code, int width) {
    int shift = (int) bit & 7;
    int mask = ((1 << width) - 1) << shift;
    int bits = (code << shift) & mask;
    for (long at = bit >>> 3; mask != 0; at++, mask >>>= 8, bits >>>= 8) {
      byte old = packed.get(ValueLayout.JAVA_BYTE, at);
      packed.set(ValueLayout.JAVA_BYTE, at, (byte) ((old & ~mask) | bits));
    }
  }

  /**
   * Unpacks n codes.
   *
   * @param packed holds them from its first bit on
   * @param width bits of a code, 1 to 8
   * @param codes receives one in the lower bits of each byte, the higher bits zero
   * @param to index of the first one
   * @param n how many
   * @throws IllegalArgumentException if the width is none, or the segment is too short
   * @throws IndexOutOfBoundsException if the range lies outside the array
   */
  public static void unpack(MemorySegment packed, int width, byte[] codes, int to, int n) {
    Objects.checkFromIndexSize(to, n, codes.length);
    requireSize(packed, width, n);
    byte[] block = new byte[Math.min(BLOCK, (n + 7) & -8) + Long.BYTES];
    long mask = ONES * ((1 << width) - 1);
    for (int at = 0; at < n; at += BLOCK) {
      int count = Math.min(BLOCK, n - at);
      int size = (int) CodeLayout.PACKED.byteSize(width, count);
      long offset = (long) at / 8 * width;
      MemorySegment.copy(packed, ValueLayout.JAVA_BYTE, offset, block, 0, size);
      for (int i = 0; i + 8 <= count; i += 8) {
        long eight = (long) LONG.get(block, i / 8 * width);
        LONG.set(codes, to + at + i, Long.expand(eight, mask));
      }
      if (count % 8 != 0) {
        int i = count & -8;
        long eight = Long.expand((long) LONG.get(block, i / 8 * width), mask);
        for (; i < count; i++) {
          codes[to + at + i] = (byte) eight;
          eight >>>= 8;
        }
      }
    }
  }

  private static void requireSize(MemorySegment packed, int width, int n) {
    CodeLayout.requirePackable(width);
    long expected = CodeLayout.PACKED.byteSize(width, n);
    if (packed.byteSize() < expected) {
      throw new IllegalArgumentException(
          "packed has "
              + packed.byteSize()
              + " bytes, expected at least "
              + expected
              + " for "
              + n
              + " codes of "
              + width
              + " bits");
    }
  }
}
