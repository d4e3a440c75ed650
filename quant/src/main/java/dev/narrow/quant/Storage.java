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

  /**
   * Copies bytes from memory of the host to here, from a place on; they may change once this
   * returns.
   *
   * @param offset of the first byte that is written
   * @param from gives as many bytes as it has
   * @throws IndexOutOfBoundsException if there are not so many
   * @throws IllegalArgumentException if it can be read only
   */
  void write(long offset, MemorySegment from);

  /** Whether it can be read only. */
  boolean isReadOnly();

  /**
   * What the bytes are part of: an array, the scope of an arena, an allocation of a device. It is
   * one object for as long as they are there, and of no other bytes.
   */
  Object owner();

  /**
   * Where the first byte lies: in an array, in the memory of the host, or on a device.
   *
   * @throws IllegalStateException if it is memory of a device that was freed
   */
  long address();

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
