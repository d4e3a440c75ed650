package dev.narrow.kernels.cuda;

import dev.narrow.quant.Storage;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Memory of a {@link CudaDevice}: of its pool, a view of other such memory, or a user's own,
 * wrapped.
 *
 * <p>Closing gives it back to the pool; views of it cannot be used from then on. Work that was
 * enqueued before is not disturbed. Closing a view or a user's own memory frees nothing.
 */
public final class DeviceStorage implements Storage, AutoCloseable {
  private final CudaDevice device;
  private final Lifetime lifetime;
  private final long address;
  private final long byteSize;
  private final boolean isView;

  DeviceStorage(CudaDevice device, Lifetime lifetime, long address, long byteSize, boolean isView) {
    this.device = device;
    this.lifetime = lifetime;
    this.address = address;
    this.byteSize = byteSize;
    this.isView = isView;
  }

  /** The device whose memory it is. */
  public CudaDevice device() {
    return device;
  }

  /**
   * The address of the first byte, on the device; 0 where there are no bytes.
   *
   * @throws IllegalStateException if the memory was freed, or the device is closed
   */
  @Override
  public long address() {
    requireLive("memory");
    return address;
  }

  /**
   * Checks that it can be used.
   *
   * @throws IllegalStateException if the memory was freed, or the device is closed
   */
  void requireLive(String name) {
    if (device.isClosed()) {
      throw new IllegalStateException(name + " is memory of " + device + ", which is closed");
    }
    if (lifetime.isOver()) {
      throw new IllegalStateException(name + " is memory that was freed");
    }
  }

  boolean isLive() {
    return !device.isClosed() && !lifetime.isOver();
  }

  /** Its first bytes, whose end is the end of all of it. */
  DeviceStorage head(long bytes) {
    return new DeviceStorage(device, lifetime, address, bytes, isView);
  }

  @Override
  public long byteSize() {
    return byteSize;
  }

  /**
   * Always throws: the processor cannot reach this memory.
   *
   * @throws UnsupportedOperationException always
   */
  @Override
  public MemorySegment segment() {
    throw new UnsupportedOperationException(
        "this is memory of " + device + ", which the processor cannot reach: download the tensor");
  }

  @Override
  public boolean isHost() {
    return false;
  }

  /**
   * Copies bytes to memory of the host. Waits for the work that was enqueued.
   *
   * @throws IndexOutOfBoundsException if there are not so many bytes
   * @throws CudaException if work before it failed
   * @throws IllegalStateException if memory or device is closed, or a graph is being captured
   */
  @Override
  public void read(long offset, MemorySegment to) {
    Objects.checkFromIndexSize(offset, to.byteSize(), byteSize);
    requireLive("memory");
    device.copyToHost(address + offset, to);
    device.synchronize(); // for what is pinned
  }

  /**
   * Copies bytes from memory of the host, which may change once this returns. Does not wait for the
   * device, unless the copy is so large that it does not fit the staging memory.
   *
   * @throws IndexOutOfBoundsException if there are not so many bytes
   * @throws IllegalStateException if memory or device is closed, or a graph is being captured
   */
  @Override
  public void write(long offset, MemorySegment from) {
    Objects.checkFromIndexSize(offset, from.byteSize(), byteSize);
    requireLive("memory");
    device.copyToDevice(from, address + offset);
    if (device.isPinned(from)) {
      device.synchronize();
    }
  }

  /** The allocation; for a user's own memory, the context. */
  @Override
  public Object owner() {
    return lifetime.isOfOthers() ? device.context() : lifetime;
  }

  @Override
  public boolean isReadOnly() {
    return false;
  }

  @Override
  public boolean overlaps(Storage other) {
    return other instanceof DeviceStorage that
        && device.context().equals(that.device.context())
        && byteSize > 0
        && that.byteSize > 0
        && address < that.address + that.byteSize
        && that.address < address + byteSize;
  }

  @Override
  public boolean sameAs(Storage other) {
    return other instanceof DeviceStorage that
        && device.context().equals(that.device.context())
        && byteSize == that.byteSize
        && address == that.address;
  }

  /**
   * A view of some of its bytes, which lives as long as this.
   *
   * @throws IndexOutOfBoundsException if there are no such bytes
   */
  @Override
  public DeviceStorage slice(long offset, long byteSize) {
    Objects.checkFromIndexSize(offset, byteSize, this.byteSize);
    return new DeviceStorage(device, lifetime, address + offset, byteSize, true);
  }

  @Override
  public void close() {
    if (!isView) {
      lifetime.close();
    }
  }

  @Override
  public String toString() {
    return "%d bytes at 0x%x of %s".formatted(byteSize, address, device);
  }
}
