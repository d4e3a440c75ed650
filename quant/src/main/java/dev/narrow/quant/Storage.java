package dev.narrow.quant;

import java.lang.foreign.MemorySegment;

/** Memory that holds the codes of a tensor. Open: a backend adds the memory of its device. */
public interface Storage {

  /** How many bytes there are. */
  long byteSize();

  /** Whether it is memory of the host, which {@link #segment} gives. */
  boolean isHost();

  /**
   * The memory itself, without a copy.
   *
   * @throws UnsupportedOperationException if it is not memory of the host
   */
  MemorySegment segment();

  /**
   * Copies bytes from here on into memory of the host, wherever they lie.
   *
   * @param offset of the first byte
   * @param to receives as many bytes as it has
   * @throws IndexOutOfBoundsException if there are not so many
   */
  void read(long offset, MemorySegment to);

  /** Whether it can be read only. */
  boolean isReadOnly();

  /** Whether this and another have a byte in common. */
  boolean overlaps(Storage other);

  /** Whether this and another are the same bytes, neither more nor fewer. */
  boolean sameAs(Storage other);

  /**
   * Some of the bytes, without a copy.
   *
   * @throws IndexOutOfBoundsException if there are no such bytes
   */
  default Storage slice(long offset, long byteSize) {
    return of(segment().asSlice(offset, byteSize));
  }

  /** An array on the heap, wrapped. */
  static Storage of(float[] array) {
    return new HostStorage(MemorySegment.ofArray(array));
  }

  /** An array on the heap, wrapped. */
  static Storage of(short[] array) {
    return new HostStorage(MemorySegment.ofArray(array));
  }

  /** An array on the heap, wrapped. */
  static Storage of(byte[] array) {
    return new HostStorage(MemorySegment.ofArray(array));
  }

  /** A segment, wrapped; its lifetime stays its arena's. */
  static Storage of(MemorySegment segment) {
    return new HostStorage(segment);
  }
}
