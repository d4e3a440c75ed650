package dev.narrow.kernels.cuda;

/** A kernel, to be launched in a device's stream. */
final class Kernel {
  private static final ThreadLocal<KernelArguments> ARGUMENTS =
      ThreadLocal.withInitial(KernelArguments::new);

  /** Blocks for each multiprocessor: enough to hide memory's latency at 256 threads each. */
  private static final int BLOCKS_EACH = 8;

  private final CudaDevice device;
  private final String name;
  private final long function;

  Kernel(CudaDevice device, String name, long function) {
    this.device = device;
    this.name = name;
    this.function = function;
  }

  /** The calling thread's arguments, none as yet; those of the launch before are lost. */
  KernelArguments arguments() {
    return ARGUMENTS.get().clear();
  }

  /**
   * Launches the kernel in the device's stream, and returns.
   *
   * @param blocks how many, 1 or more
   * @param threads in a block, 1 to 1024
   * @param sharedBytes dynamic shared memory
   * @param arguments as many and as large as the kernel has parameters
   * @throws CudaException if the driver refuses, or something that ran before has failed
   * @throws IllegalStateException if the device is closed
   */
  void launch(int blocks, int threads, int sharedBytes, KernelArguments arguments) {
    device.requireOpen();
    long context = device.context().handle();
    boolean entered = DriverCalls.enter(context);
    int result;
    try {
      result =
          DriverCalls.launch(
              function, blocks, threads, sharedBytes, device.streamHandle(), arguments.pointers());
    } finally {
      if (entered) {
        DriverCalls.leave();
      }
    }
    if (result != CudaException.SUCCESS) {
      throw CudaException.of(
          result,
          "cuLaunchKernel",
          ", for %s in %d blocks of %d threads".formatted(name, blocks, threads));
    }
  }

  /**
   * How many blocks to launch for so many elements: one for each perBlock of them, but no more than
   * fill the device, since kernels go over the elements in strides of the grid; at least one.
   */
  int gridFor(long n, int perBlock) {
    long blocks = Math.ceilDiv(n, (long) perBlock);
    return (int) Math.clamp(blocks, 1, (long) BLOCKS_EACH * device.info().multiprocessors());
  }

  @Override
  public String toString() {
    return name;
  }
}
