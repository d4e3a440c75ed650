package dev.narrow.kernels.cuda;

import java.io.Serial;

/** There is not as much device memory as was asked for, even after all unused memory was freed. */
public final class CudaOutOfMemoryException extends CudaException {
  @Serial private static final long serialVersionUID = 1;

  private final long requested;
  private final long free;
  private final long limit;

  CudaOutOfMemoryException(String what, long requested, long used, long free, long limit) {
    super(
        OUT_OF_MEMORY,
        "cuMemAlloc",
        what
            + " takes "
            + requested
            + " bytes of device memory: "
            + used
            + " of the limit of "
            + limit
            + " are in use, and the device has "
            + free
            + " free");
    this.requested = requested;
    this.free = free;
    this.limit = limit;
  }

  /** Bytes that were asked for. */
  public long requested() {
    return requested;
  }

  /** Bytes that the driver reports as free on the device. */
  public long free() {
    return free;
  }

  /** Bytes that the {@link CudaDevice} may have in all. */
  public long limit() {
    return limit;
  }
}
