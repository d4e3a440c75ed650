package dev.narrow.quant.files;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** An element that is no code of a format: it becomes the float32 nearest to its value. */
enum PlainElement implements Element {
  /** A byte: 0 is 0, anything else is 1. */
  BOOL(8),
  /** Two's complement. */
  I32(32),
  /** Unsigned. */
  U32(32),
  /** Two's complement. */
  I64(64),
  /** Unsigned. */
  U64(64),
  /** IEEE 754 binary64. */
  F64(64);

  /** Elements that pass through an array of their own at a time: small in a cache. */
  private static final int BLOCK = 1024;

  private final int width;

  PlainElement(int width) {
    this.width = width;
  }

  @Override
  public int width() {
    return width;
  }

  // Each conversion to float rounds to nearest-even (JLS 5.1.2 and 5.1.3), and is the only one.
  @Override
  public float[] read(MemorySegment bytes, ByteOrder order, long from, float[] dst) {
    switch (this) {
      case BOOL -> {
        for (int i = 0; i < dst.length; i++) {
          dst[i] = bytes.get(ValueLayout.JAVA_BYTE, from + i) == 0 ? 0 : 1;
        }
      }
      case I32, U32 -> readInts(bytes, order, from, dst);
      case I64, U64 -> readLongs(bytes, order, from, dst);
      case F64 -> readDoubles(bytes, order, from, dst);
    }
    return dst;
  }

  private void readInts(MemorySegment bytes, ByteOrder order, long from, float[] dst) {
    ValueLayout.OfInt layout = ValueLayout.JAVA_INT_UNALIGNED.withOrder(order);
    int[] block = new int[Math.min(BLOCK, dst.length)];
    for (int at = 0; at < dst.length; at += BLOCK) {
      int n = Math.min(BLOCK, dst.length - at);
      MemorySegment.copy(bytes, layout, (from + at) * Integer.BYTES, block, 0, n);
      for (int i = 0; i < n; i++) {
        dst[at + i] = this == I32 ? (float) block[i] : (float) Integer.toUnsignedLong(block[i]);
      }
    }
  }

  private void readLongs(MemorySegment bytes, ByteOrder order, long from, float[] dst) {
    ValueLayout.OfLong layout = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(order);
    long[] block = new long[Math.min(BLOCK, dst.length)];
    for (int at = 0; at < dst.length; at += BLOCK) {
      int n = Math.min(BLOCK, dst.length - at);
      MemorySegment.copy(bytes, layout, (from + at) * Long.BYTES, block, 0, n);
      for (int i = 0; i < n; i++) {
        dst[at + i] = this == I64 ? (float) block[i] : ofUnsigned(block[i]);
      }
    }
  }

  private static float ofUnsigned(long x) {
    // Above 2^63, half of x with its lost bit kept below the 24 that count, then twice that.
    return x >= 0 ? (float) x : 2 * (float) ((x >>> 1) | (x & 1));
  }

  private static void readDoubles(MemorySegment bytes, ByteOrder order, long from, float[] dst) {
    ValueLayout.OfDouble layout = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(order);
    double[] block = new double[Math.min(BLOCK, dst.length)];
    for (int at = 0; at < dst.length; at += BLOCK) {
      int n = Math.min(BLOCK, dst.length - at);
      MemorySegment.copy(bytes, layout, (from + at) * Double.BYTES, block, 0, n);
      for (int i = 0; i < n; i++) {
        dst[at + i] = (float) block[i];
      }
    }
  }
}
