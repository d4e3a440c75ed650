package dev.narrow.kernels.cuda;

import dev.narrow.kernels.cuda.CudaProbe.Reason;
import dev.narrow.kernels.cuda.CudaProbe.Unavailable;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Whether this process can use CUDA. */
public final class Cuda {
  /** CUDA 12.0, the first whose driver reads PTX of ISA version 8.0. */
  static final int LEAST_DRIVER = 12000;

  private static final int ERROR_NO_DEVICE = 100;
  private static final String INSTALL =
      "install NVIDIA's driver, or, in a container, give it access to the GPU";

  private static final String SEE_GPU =
      "see whether nvidia-smi lists one, and CUDA_VISIBLE_DEVICES does not hide it";

  private static final Logger LOG = System.getLogger(Cuda.class.getName());

  private Cuda() {}

  private record Probed(CudaProbe probe, @Nullable DriverLibrary library) {}

  /** Decided once, when somebody asks. */
  private static final class Holder {
    private static final Probed PROBED = probeAndLog();

    private Holder() {}
  }

  /**
   * What there is: the driver's library is loaded and started, the devices are asked for, and JCuda
   * is loaded. The first call does it, for the life of the process.
   *
   * <p>Never throws: where something is missing, the result names it.
   */
  public static CudaProbe probe() {
    return Holder.PROBED.probe;
  }

  /**
   * The driver's library.
   *
   * @throws IllegalStateException if CUDA cannot be used
   */
  static DriverLibrary library() {
    DriverLibrary library = Holder.PROBED.library;
    if (library == null) {
      throw new IllegalStateException("CUDA cannot be used: " + probe().describe());
    }
    return library;
  }

  /**
   * The properties of a device.
   *
   * @throws IllegalStateException if CUDA cannot be used
   * @throws IllegalArgumentException if there is no such device, or there are no kernels for it
   */
  static CudaDeviceInfo device(int ordinal) {
    if (!(probe() instanceof CudaProbe.Available available)) {
      throw new IllegalStateException("CUDA cannot be used: " + probe().describe());
    }
    List<CudaDeviceInfo> devices = available.devices();
    if (ordinal < 0 || ordinal >= devices.size()) {
      throw new IllegalArgumentException(
          "ordinal = " + ordinal + ", expected 0 to " + (devices.size() - 1));
    }
    CudaDeviceInfo device = devices.get(ordinal);
    if (!device.isSupported()) {
      throw new IllegalArgumentException(
          "ordinal = " + ordinal + ": " + device + ", expected compute capability 7.5 or higher");
    }
    return device;
  }

  /** The version of CUDA that the driver supports, or 0 without one. */
  static int driver() {
    return probe() instanceof CudaProbe.Available available ? available.driver() : 0;
  }

  private static Probed probeAndLog() {
    Probed probed;
    try {
      probed = load(System.getProperty("dev.narrow.cuda.library", "libcuda.so.1"));
    } catch (RuntimeException | LinkageError e) { // whatever a library does, Java can go on
      probed =
          unavailable(Reason.BROKEN_LIBRARY, "the driver fails: " + firstLine(e), "see nvidia-smi");
    }
    LOG.log(Level.DEBUG, "CUDA: {0}", probed.probe.describe());
    return probed;
  }

  private static Probed unavailable(Reason reason, String detail, String remedy) {
    return new Probed(new Unavailable(reason, detail, remedy), null);
  }

  private static Probed load(String name) {
    DriverLibrary library;
    try {
      library = DriverLibrary.load(name);
    } catch (IllegalCallerException e) {
      return unavailable(
          Reason.NO_NATIVE_ACCESS,
          "this module may not call native code",
          "pass --enable-native-access=" + moduleName() + " to java");
    } catch (IllegalArgumentException e) {
      return Files.exists(Path.of(name))
          ? unavailable(
              Reason.BROKEN_LIBRARY, name + " is not a library that can be loaded", INSTALL)
          : unavailable(Reason.NO_LIBRARY, "there is no " + name + kernelModule(), INSTALL);
    }
    List<String> missing = library.missing();
    if (missing.contains("cuInit") || missing.contains("cuDriverGetVersion")) {
      return unavailable(Reason.BROKEN_LIBRARY, lacking(name, missing), INSTALL);
    }
    int version = library.version();
    if (version < LEAST_DRIVER) {
      return unavailable(
          Reason.DRIVER_TOO_OLD,
          "the driver is one for CUDA " + CudaProbe.version(version),
          "install one for 12.0 or later (525.60 or later)");
    }
    if (!missing.isEmpty()) {
      return unavailable(Reason.BROKEN_LIBRARY, lacking(name, missing), INSTALL);
    }
    int started = library.init();
    if (started == ERROR_NO_DEVICE) {
      return unavailable(Reason.NO_DEVICE, "the driver finds no GPU", SEE_GPU);
    }
    if (started != CudaException.SUCCESS) {
      return unavailable(
          Reason.DRIVER_FAILED,
          "the driver does not start: " + library.describe(started).orElse("CUDA error " + started),
          "see nvidia-smi");
    }
    List<CudaDeviceInfo> devices = library.devices();
    if (devices.stream().noneMatch(CudaDeviceInfo::isSupported)) {
      return devices.isEmpty()
          ? unavailable(Reason.NO_DEVICE, "the driver finds no GPU", SEE_GPU)
          : unavailable(
              Reason.NO_DEVICE,
              "there is no kernel for " + devices.getFirst(),
              "a GPU of compute capability 7.5 or higher is needed");
    }
    try {
      JCuda.load();
    } catch (IOException | LinkageError e) {
      boolean isMissing = e instanceof FileNotFoundException || e instanceof NoClassDefFoundError;
      return unavailable(
          Reason.NO_JCUDA,
          "there is " + devices.getFirst() + ", but JCuda cannot be loaded: " + firstLine(e),
          isMissing
              ? "put org.jcuda:jcuda and org.jcuda:jcuda-natives (linux-x86_64) on the class path,"
                  + " or both on the module path with --add-modules jcuda"
              : "JCuda 12.6.0 is needed, and a java.io.tmpdir that libraries can be loaded from");
    }
    return new Probed(new CudaProbe.Available(name, version, devices), library);
  }

  /** A container may have the driver's half that lies in the kernel, and not the library. */
  private static String kernelModule() {
    return Files.exists(Path.of("/proc/driver/nvidia/version"))
        ? ", though NVIDIA's kernel module is there"
        : "";
  }

  private static String lacking(String name, List<String> missing) {
    return name
        + " lacks "
        + missing.getFirst()
        + (missing.size() == 1 ? "" : " and " + (missing.size() - 1) + " more functions");
  }

  private static String moduleName() {
    String name = Cuda.class.getModule().getName();
    return name == null ? "ALL-UNNAMED" : name;
  }

  private static String firstLine(Throwable e) {
    return e.toString().lines().findFirst().orElse("");
  }
}
