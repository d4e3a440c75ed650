package dev.narrow.kernels.cuda;

/**
 * A kernel, to be launched in a device's stream: one of Narrow's, or of your own {@link
 * CudaModule}.
 *
 * <p>A launch allocates nothing: {@code kernel.launch(kernel.gridFor(n, 256), 256, 0,
 * kernel.arguments().add(address).add(n))}.
 */
public final class Kernel {
  private static final ThreadLocal<KernelArguments> ARGUMENTS =
      ThreadLocal.withInitial(KernelArguments::new);

  /** Blocks for each multiprocessor: enough to hide memory's latency at 256 threads each. */
  private static final int BLOCKS_EACH = 8;

  private final CudaDevice device;
  private final CudaModule module;
  private final String name;
  private final long function;

  Kernel(CudaDevice device, CudaModule module, String name, long function) {
    this.device = device;
    this.module = module;
    this.name = name;
    this.function = function;
  }

  /** The calling thread's arguments, none as yet; those of the launch before are lost. */
  public KernelArguments arguments() {
    return ARGUMENTS.get().clear();
  }

  /**
   * Launches the kernel in the device's stream, and returns.
   *
   * @param blocks how many, 1 or more, along the first axis of the grid
   * @param threads in a block, 1 to 1024, along its first axis
   * @param sharedBytes dynamic shared memory
   * @param arguments as many and as large as the kernel has parameters, which nobody can check:
   *     with others it works on what it finds
   * @throws CudaException if the driver refuses, or something that ran before has failed
   * @throws IllegalStateException if the module or the device is closed
   */
  public void launch(int blocks, int threads, int sharedBytes, KernelArguments arguments) {
    device.requireOpen();
    module.requireLoaded();
    boolean entered = DriverCalls.enter(device.context().handle());
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

  /** Launches blocks of {@link Gpu#THREADS} threads over n elements: see {@link #gridFor}. */
  void launchOver(long n, int perBlock, KernelArguments arguments) {
    launch(gridFor(n, perBlock), Gpu.THREADS, 0, arguments);
  }

  /** Lets launches have more dynamic shared memory than 48 KiB. */
  void allowShared(int bytes) {
    device.requireOpen();
    device.context().allowShared(function, bytes);
  }

  /**
   * How many blocks to launch for so many elements: one for each perBlock of them, but no more than
   * fill the device, since kernels go over the elements in strides of the grid; at least one.
   */
  public int gridFor(long n, int perBlock) {
    long blocks = Math.ceilDiv(n, (long) perBlock);
    return (int) Math.clamp(blocks, 1, (long) BLOCKS_EACH * device.info().multiprocessors());
  }

  /** The driver's handle, a CUfunction. */
  public long handle() {
    return function;
  }

  /** The name. */
  @Override
  public String toString() {
    return name;
  }
}
