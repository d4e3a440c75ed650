package dev.narrow.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The arguments of a launch, in the order of the kernel's parameters; see {@link Kernel#arguments}.
 * Each thread has one, which is used again for its next launch.
 */
public final class KernelArguments {
  /** What a kernel's parameters may take in all, by the definition of PTX ISA 8.0. */
  static final int BYTES = 4096;

  /** How many there may be. */
  static final int COUNT = 128;

  private static final int ALIGNMENT = 16; // the largest that a vector type has

  private final MemorySegment values;
  private final MemorySegment pointers;
  private int count;
  private int used;

  KernelArguments() {
    Arena arena = Arena.ofAuto();
    values = arena.allocate(BYTES, ALIGNMENT);
    pointers = arena.allocate(JAVA_LONG, COUNT);
    for (int i = 0; i < COUNT; i++) { // a driver that reads too many reads something
      pointers.setAtIndex(JAVA_LONG, i, values.address());
    }
  }

  /** Forgets all arguments. */
  KernelArguments clear() {
    count = 0;
    used = 0;
    return this;
  }

  /**
   * A pointer, or a number of 64 bits.
   *
   * @throws IllegalArgumentException if it is the 129th argument, or goes beyond 4096 bytes
   */
  public KernelArguments add(long value) {
    values.set(JAVA_LONG, place(Long.BYTES, Long.BYTES), value);
    return this;
  }

  /**
   * A number of 32 bits.
   *
   * @throws IllegalArgumentException if it is the 129th argument, or goes beyond 4096 bytes
   */
  public KernelArguments add(int value) {
    values.set(JAVA_INT, place(Integer.BYTES, Integer.BYTES), value);
    return this;
  }

  /**
   * A float.
   *
   * @throws IllegalArgumentException if it is the 129th argument, or goes beyond 4096 bytes
   */
  public KernelArguments add(float value) {
    values.set(JAVA_FLOAT, place(Float.BYTES, Float.BYTES), value);
    return this;
  }

  /**
   * A double.
   *
   * @throws IllegalArgumentException if it is the 129th argument, or goes beyond 4096 bytes
   */
  public KernelArguments add(double value) {
    values.set(JAVA_DOUBLE, place(Double.BYTES, Double.BYTES), value);
    return this;
  }

  /**
   * A structure, which is copied.
   *
   * @throws IllegalArgumentException if it is the 129th argument, or goes beyond 4096 bytes
   */
  public KernelArguments add(MemorySegment struct) {
    MemorySegment.copy(struct, 0, values, place(struct.byteSize(), ALIGNMENT), struct.byteSize());
    return this;
  }

  private int place(long bytes, int alignment) {
    int at = (used + alignment - 1) & -alignment;
    if (bytes > BYTES - at || count == COUNT) {
      throw new IllegalArgumentException(
          "argument "
              + count
              + " of "
              + bytes
              + " bytes after "
              + used
              + ", expected at most "
              + COUNT
              + " arguments of "
              + BYTES
              + " bytes in all");
    }
    pointers.setAtIndex(JAVA_LONG, count++, values.address() + at);
    used = at + (int) bytes;
    return at;
  }

  /** An array of addresses of values, as the driver takes it. */
  MemorySegment pointers() {
    return pointers;
  }
}
