package dev.narrow.kernels.cuda;

/** The queue that a {@link CudaDevice} puts its work in: it is done one after the other. */
public final class CudaStream {
  private final CudaDevice device;
  private final long handle;

  CudaStream(CudaDevice device, long handle) {
    this.device = device;
    this.handle = handle;
  }

  /**
   * The driver's handle, a CUstream, for work of your own in the same queue.
   *
   * @throws IllegalStateException if the device is closed
   */
  public long handle() {
    device.requireOpen();
    return handle;
  }

  /**
   * Waits until all work is done.
   *
   * @throws CudaException if some of it failed
   * @throws IllegalStateException if the device is closed, or a graph is being captured
   */
  public void synchronize() {
    device.requireNotCapturing("synchronize");
    device.context().synchronize(handle);
  }

  /**
   * Has later work wait for an event, of this device or another in the same context. Returns at
   * once.
   *
   * @throws IllegalStateException if the device or the event is closed
   */
  public void await(CudaEvent event) {
    device.requireOpen();
    device.context().await(event.handle(), handle);
  }
}
