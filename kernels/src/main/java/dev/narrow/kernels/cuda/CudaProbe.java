package dev.narrow.kernels.cuda;

import java.util.List;

/** Whether CUDA can be used in this process; see {@link Cuda#probe}. */
public sealed interface CudaProbe {

  /** One line: what was found, or what is missing and what to do. */
  String describe();

  /**
   * CUDA can be used.
   *
   * @param library the driver's library, as it was asked for
   * @param driver the version of CUDA that the driver supports: 12040 is 12.4
   * @param devices all that it found, at least one of them {@linkplain CudaDeviceInfo#isSupported
   *     supported}
   */
  record Available(String library, int driver, List<CudaDeviceInfo> devices) implements CudaProbe {
    public Available {
      devices = List.copyOf(devices);
    }

    @Override
    public String describe() {
      return "driver for CUDA "
          + version(driver)
          + ": "
          + String.join("; ", devices.stream().map(CudaDeviceInfo::toString).toList());
    }
  }

  /**
   * It cannot.
   *
   * @param reason what is missing
   * @param detail what was seen
   * @param remedy what to do about it
   */
  record Unavailable(Reason reason, String detail, String remedy) implements CudaProbe {
    @Override
    public String describe() {
      return detail + ": " + remedy;
    }
  }

  /** What keeps CUDA from being used. */
  enum Reason {
    /** There is no driver's library. */
    NO_LIBRARY,
    /** There is one, but it cannot be loaded, or lacks functions. */
    BROKEN_LIBRARY,
    /** Java was told to keep this module from calling native code. */
    NO_NATIVE_ACCESS,
    /** The driver supports less than CUDA 12.0, which the kernels need (PTX ISA 8.0). */
    DRIVER_TOO_OLD,
    /** The driver would not start. */
    DRIVER_FAILED,
    /** The driver found no GPU, or none that there are kernels for. */
    NO_DEVICE,
    /** JCuda, or its native library, is not there or cannot be loaded. */
    NO_JCUDA
  }

  /** For example {@code 12.4} for 12040. */
  static String version(int driver) {
    return driver / 1000 + "." + driver % 1000 / 10;
  }
}
