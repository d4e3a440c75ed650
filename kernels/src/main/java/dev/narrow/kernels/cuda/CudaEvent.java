package dev.narrow.kernels.cuda;

/** A mark in the stream of a {@link CudaDevice}; two of them measure the time between. */
public final class CudaEvent implements AutoCloseable {
  private final CudaDevice device;
  private final long handle;
  private final Lifetime lifetime;

  CudaEvent(CudaDevice device) {
    this.device = device;
    handle = device.context().createEvent();
    lifetime = device.track("an event", () -> device.context().destroyEvent(handle));
  }

  long handle() {
    device.requireOpen();
    if (lifetime.isOver()) {
      throw new IllegalStateException("the event is closed");
    }
    return handle;
  }

  /**
   * Puts the mark behind all work that was enqueued so far.
   *
   * @throws IllegalStateException if the event or its device is closed
   */
  public void record() {
    device.context().record(handle(), device.streamHandle());
  }

  /**
   * Whether the device has come to the mark; true if it was never put.
   *
   * @throws CudaException if work before it failed
   * @throws IllegalStateException if the event or its device is closed
   */
  public boolean hasHappened() {
    return device.context().hasHappened(handle());
  }

  /**
   * Waits until the device has come to the mark.
   *
   * @throws CudaException if work before it failed
   * @throws IllegalStateException if the event or its device is closed
   */
  public void synchronize() {
    device.context().synchronizeEvent(handle());
  }

  /**
   * The time from an earlier mark to this, in milliseconds, to about half a microsecond.
   *
   * @throws CudaException if one was never put, or the device has not come to both
   * @throws IllegalStateException if an event or its device is closed
   */
  public float millisecondsSince(CudaEvent earlier) {
    return device.context().milliseconds(earlier.handle(), handle());
  }

  @Override
  public void close() {
    lifetime.close();
  }
}
