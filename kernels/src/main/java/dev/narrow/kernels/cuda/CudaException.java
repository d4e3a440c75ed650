package dev.narrow.kernels.cuda;

import java.io.Serial;

/** The driver reports a failure. */
public class CudaException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  /** The driver's number of success. */
  static final int SUCCESS = 0;

  /** The driver's number of memory that cannot be had. */
  static final int OUT_OF_MEMORY = 2;

  private final int error;
  private final String operation;

  CudaException(int error, String operation, String message) {
    super(message);
    this.error = error;
    this.operation = operation;
  }

  /** The driver's number of the failure, a CUresult. */
  public int error() {
    return error;
  }

  /** The function of the driver that failed, for example {@code cuLaunchKernel}. */
  public String operation() {
    return operation;
  }

  /** Throws if a function of the driver has failed. */
  static void check(int result, String operation) {
    if (result != SUCCESS) {
      throw of(result, operation, "");
    }
  }

  static CudaException of(int result, String operation, String detail) {
    return new CudaException(
        result, operation, operation + " failed: " + DriverCalls.describe(result) + detail);
  }
}
