package dev.narrow.cli;

import com.sun.management.OperatingSystemMXBean;
import dev.narrow.formats.Codec;
import dev.narrow.formats.VectorApi;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.NativeLibrary;
import dev.narrow.kernels.cuda.Cuda;
import dev.narrow.kernels.cuda.CudaProbe;
import dev.narrow.quant.Quantizer;
import dev.narrow.repro.Processor;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What this process has to work with.
 *
 * @param java version of the virtual machine
 * @param vendor whose it is
 * @param processor its model
 * @param threads how many can run at once
 * @param memory of the machine or the container, in bytes
 * @param heap that Java may use of it, in bytes
 * @param modules what computes in each module
 * @param libraries what others could compute
 */
record Diagnosis(
    Runtime.Version java,
    String vendor,
    String processor,
    int threads,
    long memory,
    long heap,
    List<Module> modules,
    List<NativeLibrary> libraries) {

  /** Before it, arrays that are pinned while native code uses them can be corrupted. */
  private static final Runtime.Version LEAST = Runtime.Version.parse("25.0.3");

  /**
   * What runs the loops of a module.
   *
   * @param name for example {@code quant}
   * @param code {@code scalar}, or for example {@code vector 512 bits}
   * @param reason why it is not vector code, and what to do
   */
  record Module(String name, String code, Optional<String> reason) {}

  static Diagnosis ofThisProcess() {
    return new Diagnosis(
        Runtime.version(),
        System.getProperty("java.vendor"),
        Processor.model(),
        Runtime.getRuntime().availableProcessors(),
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize(),
        Runtime.getRuntime().maxMemory(),
        List.of(
            module("formats", Codec::kernels),
            module("quant", Quantizer::kernels),
            module("kernels", () -> Backend.cpu().describe())),
        List.of(NativeLibrary.oneDnn(), cuda()));
  }

  private static Module module(String name, Supplier<String> kernels) {
    String code;
    try {
      code = kernels.get();
    } catch (IllegalStateException | IllegalArgumentException | ExceptionInInitializerError e) {
      Throwable cause = e.getCause() == null ? e : e.getCause(); // a provider forced in vain
      return new Module(name, "none", Optional.of(String.valueOf(cause.getMessage())));
    }
    if (!code.contains("scalar")) {
      return new Module(name, code, Optional.empty());
    }
    String property = "dev.narrow." + name + ".provider";
    String forced = System.getProperty(property);
    return new Module(
        name,
        code,
        Optional.of(
            forced == null
                ? VectorApi.obstacle()
                    .orElse("vectors are too short: pass -XX:MaxVectorSize=16 or more to java")
                : "-D" + property + "=" + forced + " asks for it"));
  }

  private static NativeLibrary cuda() {
    CudaProbe probe = Cuda.probe();
    return new NativeLibrary("CUDA", probe instanceof CudaProbe.Available, probe.describe());
  }

  boolean javaIsSupported() {
    return java.compareToIgnoreOptional(LEAST) >= 0;
  }
}
