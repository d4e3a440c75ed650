package dev.narrow.kernels.cuda;

/**
 * A GPU that the driver has found.
 *
 * @param ordinal its number, from 0
 * @param name for example {@code NVIDIA H100 80GB HBM3}
 * @param major of its compute capability
 * @param minor of its compute capability
 * @param memory in bytes
 * @param multiprocessors how many it has
 */
public record CudaDeviceInfo(
    int ordinal, String name, int major, int minor, long memory, int multiprocessors) {

  /** Below compute capability 7.5 there is no kernel for a device. */
  static final int LEAST_CAPABILITY = 75;

  /** The compute capability times ten: 90 for 9.0. */
  int capability() {
    return major * 10 + minor;
  }

  /** Whether there are kernels for it: from compute capability 7.5 on. */
  public boolean isSupported() {
    return capability() >= LEAST_CAPABILITY;
  }

  /** For example {@code NVIDIA H100 80GB HBM3, compute capability 9.0, 79.1 GiB}. */
  @Override
  public String toString() {
    return "%s, compute capability %d.%d, %.1f GiB".formatted(name, major, minor, memory * 0x1p-30);
  }
}
