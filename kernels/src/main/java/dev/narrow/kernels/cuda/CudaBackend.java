package dev.narrow.kernels.cuda;

import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Summation;

/**
 * A device, with the bits of the processor but for {@link Summation#FAST}. An operation works where
 * its tensors lie: on the device if all lie there, on the processor if none does, and anything else
 * is an IllegalArgumentException. Only what returns a number waits for the device.
 *
 * @param gpu what the operations share
 */
record CudaBackend(Gpu gpu)
    implements Backend,
        CudaProducts,
        CudaOnHost,
        CudaNormalizations,
        CudaElementwise,
        CudaArithmetic,
        CudaReductions,
        CudaOptimizerSteps,
        CudaCasts {

  CudaBackend(CudaDevice device) {
    this(new Gpu(device));
  }

  @Override
  public CudaDevice device() {
    return gpu.device();
  }

  @Override
  public Backend with(Accumulator accumulator) {
    return new CudaBackend(gpu.with(accumulator));
  }

  @Override
  public Summation summation() {
    return gpu.summation();
  }

  /**
   * For example {@code cuda, ORDERED, NVIDIA H100 80GB HBM3, compute capability 9.0, 79.1 GiB,
   * driver 13.0, kernels sm_90.cubin; convolutions on cpu, ORDERED, vector 512 bits, 8 threads}. A
   * kernel that has failed its trial is named.
   */
  @Override
  public String describe() {
    int driver = Cuda.driver();
    String fault = gpu.device().hopperGemm().fault().map(f -> ", not used: " + f).orElse("");
    return "cuda, %s, %s, driver %d.%d, kernels %s%s; convolutions on %s"
        .formatted(
            summation(),
            gpu.device().info(),
            driver / 1000,
            driver % 1000 / 10,
            gpu.device().kernels(),
            fault,
            gpu.cpu().describe());
  }
}
