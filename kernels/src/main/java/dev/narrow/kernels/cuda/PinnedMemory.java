package dev.narrow.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory of the host that does not move, which a device reads and writes by itself: copies between
 * it and a device neither wait nor take a detour. See {@link CudaDevice#pinned}.
 */
@SuppressWarnings("restricted")
public final class PinnedMemory implements AutoCloseable {
  private final CudaDevice device;
  private final Arena arena = Arena.ofShared(); // that later accesses throw, and do not crash
  private final Lifetime lifetime;
  private final MemorySegment segment;

  PinnedMemory(CudaDevice device, long bytes) {
    this.device = device;
    long address = bytes == 0 ? 0 : device.context().allocateHost(bytes);
    segment = MemorySegment.ofAddress(address).reinterpret(bytes, arena, null);
    lifetime =
        device.track(
            bytes + " bytes of pinned memory",
            () -> {
              device.waitBeforeFreeing();
              arena.close();
              device.remove(this);
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

  /**
   * Frees the memory, after the work that was enqueued; with a stream of your own, have its work
   * done before.
   *
   * @throws IllegalStateException if a thread is using the segment, or a graph is being captured
   */
  @Override
  public void close() {
    if (!device.isClosed()) {
      device.requireNotCapturing("closing of pinned memory");
    }
    lifetime.close();
  }
}
