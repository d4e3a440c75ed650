package dev.narrow.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Narrow's kernels on a device: modules are loaded when they are first asked for. */
final class KernelModules {
  /** From it on drivers load cubins of the compiler that made ours, CUDA 13. */
  private static final int CUBIN_DRIVER = 13000;

  private static final Logger LOG = System.getLogger(KernelModules.class.getName());

  private final CudaDevice device;
  private final Map<String, CudaModule> modules = new ConcurrentHashMap<>();

  KernelModules(CudaDevice device) {
    this.device = device;
  }

  /**
   * A module.
   *
   * @throws IllegalArgumentException if there is none of this name, or none for this device
   * @throws CudaException if the driver does not take it
   */
  CudaModule module(String name) {
    CudaModule module = modules.get(name);
    return module == null ? modules.computeIfAbsent(name, this::load) : module;
  }

  private CudaModule load(String name) {
    CudaDeviceInfo info = device.info();
    List<String> resources = resources(name, Cuda.driver(), info.major(), info.minor());
    for (String resource : resources) {
      byte[] image = read(resource);
      if (image.length > 0) {
        LOG.log(Level.DEBUG, "CUDA: {0} for {1}", resource, info);
        return new CudaModule(device, resource, image, device.own());
      }
    }
    throw new IllegalArgumentException(
        "there is no module " + name + " for " + info + ": none of " + resources);
  }

  private static byte[] read(String resource) {
    try (InputStream in = KernelModules.class.getResourceAsStream(resource)) {
      return in == null ? new byte[0] : in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The files that a module may come from, the best first: machine code for this device or an
   * earlier one of its generation, then PTX, which the driver compiles. What is for 9.0a runs on
   * 9.0 alone.
   */
  static List<String> resources(String module, int driver, int major, int minor) {
    List<String> names = new ArrayList<>();
    boolean isHopper = major == 9 && minor == 0;
    if (driver >= CUBIN_DRIVER) {
      if (isHopper) {
        names.add(module + ".sm_90a.cubin");
      }
      for (int m = minor; m >= 0; m--) {
        names.add(module + ".sm_" + (10 * major + m) + ".cubin");
      }
    }
    if (isHopper) {
      names.add(module + ".sm_90a.ptx");
    }
    for (int sm = 10 * major + minor; sm >= CudaDeviceInfo.LEAST_CAPABILITY; sm--) {
      names.add(module + ".sm_" + sm + ".ptx");
    }
    return names;
  }

  /** The file that a module comes from, without the module's name; none if there is none. */
  String kind(String module) {
    CudaDeviceInfo info = device.info();
    return resources(module, Cuda.driver(), info.major(), info.minor()).stream()
        .filter(resource -> KernelModules.class.getResource(resource) != null)
        .findFirst()
        .map(resource -> resource.substring(module.length() + 1))
        .orElse("none");
  }
}
