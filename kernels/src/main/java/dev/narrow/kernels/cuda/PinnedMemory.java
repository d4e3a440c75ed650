package dev.narrow.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory of the host that does not move, which a device reads and writes by itself: copies between
 * it and a device neither wait nor take a detour. See {@link CudaDevice#pinned}.
 */
@SuppressWarnings("restricted")
public final class PinnedMemory implements AutoCloseable {
  private final Arena arena = Arena.ofShared(); // that later accesses throw, and do not crash
  private final Lifetime lifetime;
  private final MemorySegment segment;

  PinnedMemory(CudaDevice device, long bytes) {
    long address = bytes == 0 ? 0 : device.context().allocateHost(bytes);
    segment = MemorySegment.ofAddress(address).reinterpret(bytes, arena, null);
    lifetime =
        device.track(
            bytes + " bytes of pinned memory",
            () -> {
              device.remove(this);
              arena.close();
              if (bytes > 0) {
                device.context().freeHost(address);
              }
            });
    device.add(this);
  }

  /**
   * The memory, for any thread, until it is closed.
   *
   * @throws IllegalStateException if it is closed
   */
  public MemorySegment segment() {
    if (lifetime.isOver()) {
      throw new IllegalStateException("pinned memory is closed");
    }
    return segment;
  }

  /** Whether memory lies in this. */
  boolean contains(MemorySegment other) {
    return other.isNative()
        && other.address() >= segment.address()
        && other.address() + other.byteSize() <= segment.address() + segment.byteSize();
  }

  /** Frees the memory, after the device's copies to and from it. */
  @Override
  public void close() {
    lifetime.close();
  }
}
