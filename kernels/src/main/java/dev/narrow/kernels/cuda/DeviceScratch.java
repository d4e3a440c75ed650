package dev.narrow.kernels.cuda;

/** Device memory for the length of an operation: work that was enqueued may still use it. */
final class DeviceScratch implements AutoCloseable {
  private final DeviceStorage storage;

  DeviceScratch(DeviceStorage storage) {
    this.storage = storage;
  }

  /** Its address, a multiple of 256; 0 where there are no bytes. */
  long pointer() {
    return storage.address();
  }

  @Override
  public void close() {
    storage.close();
  }
}
