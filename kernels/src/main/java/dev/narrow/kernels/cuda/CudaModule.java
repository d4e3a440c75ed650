package dev.narrow.kernels.cuda;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Kernels of your own, on a {@link CudaDevice}; see {@link CudaDevice#load}. {@code narrow.cuh} has
 * the numerics of Narrow's kernels to be included in them.
 */
public final class CudaModule implements AutoCloseable {
  private final CudaDevice device;
  private final String name;
  private final long handle;
  private final Lifetime lifetime;
  private final Map<String, Kernel> kernels = new ConcurrentHashMap<>();

  CudaModule(CudaDevice device, String name, byte[] image, Set<Lifetime> live) {
    this.device = device;
    this.name = name;
    handle = device.context().load(image, name);
    lifetime = new Lifetime("module " + name, live, () -> device.context().unload(handle));
  }

  /**
   * A kernel, by the name that it has in the module: that of an {@code extern "C"} function.
   *
   * @throws IllegalArgumentException if there is none of this name
   * @throws IllegalStateException if the module or the device is closed
   */
  public Kernel kernel(String name) {
    device.requireOpen();
    requireLoaded();
    Kernel kernel = kernels.get(name);
    if (kernel != null) {
      return kernel;
    }
    long function = device.context().function(handle, name);
    if (function == 0) {
      throw new IllegalArgumentException("module " + this.name + " has no kernel " + name);
    }
    return kernels.computeIfAbsent(name, n -> new Kernel(device, this, n, function));
  }

  void requireLoaded() {
    if (lifetime.isOver()) {
      throw new IllegalStateException("module " + name + " is closed");
    }
  }

  /** Unloads it; its kernels must have run. */
  @Override
  public void close() {
    lifetime.close();
  }
}
