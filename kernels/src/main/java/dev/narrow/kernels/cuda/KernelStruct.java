package dev.narrow.kernels.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A structure of C, put together field by field: each at a multiple of its size, as compilers lay
 * them out. A field that is itself a structure is the same as its fields, if its size is a multiple
 * of that of its largest field.
 */
final class KernelStruct {
  private static final int BYTES = 256;

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.nativeOrder());
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.nativeOrder());
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.nativeOrder());

  private final MemorySegment bytes = MemorySegment.ofArray(new byte[BYTES]);
  private int size;
  private int alignment = 1;

  private int place(int fieldSize) {
    int at = (size + fieldSize - 1) & -fieldSize;
    size = at + fieldSize;
    alignment = Math.max(alignment, fieldSize);
    return at;
  }

  /** A field of 32 bits. */
  KernelStruct add(int value) {
    bytes.set(INT, place(Integer.BYTES), value);
    return this;
  }

  /** Fields of 32 bits. */
  KernelStruct add(int first, int... others) {
    add(first);
    for (int value : others) {
      add(value);
    }
    return this;
  }

  /** A field of 32 bits that is 0 or 1. */
  KernelStruct add(boolean value) {
    return add(value ? 1 : 0);
  }

  /** A float. */
  KernelStruct add(float value) {
    bytes.set(FLOAT, place(Float.BYTES), value);
    return this;
  }

  /** A pointer, or another field of 64 bits. */
  KernelStruct add(long value) {
    bytes.set(LONG, place(Long.BYTES), value);
    return this;
  }

  /** The structure. */
  MemorySegment segment() {
    return bytes.asSlice(0, (size + alignment - 1) & -alignment);
  }
}
