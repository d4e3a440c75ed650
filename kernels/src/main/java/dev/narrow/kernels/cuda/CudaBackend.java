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
        CudaConvolutions,
        CudaAttentions,
        CudaPoolings,
        CudaBatchNormalizations,
        CudaEmbeddings,
        CudaLosses,
        CudaNormalizations,
        CudaElementwise,
        CudaArithmetic,
        CudaReductions,
        CudaOptimizerSteps,
        CudaCasts,
        CudaMemory {

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
  public boolean isCapturing() {
    return gpu.device().isCapturing();
  }

  @Override
  public Summation summation() {
    return gpu.summation();
  }

  /**
   * For example {@code cuda, ORDERED, NVIDIA H100 80GB HBM3, compute capability 9.0, 79.1 GiB,
   * driver 13.0, kernels sm_90.cubin}, and if products are summed up in what has no kernel, what
   * computes them: {@code ; products on cpu, ORDERED, sums in bf16 each step, 8 threads}.
   */
  @Override
  public String describe() {
    int driver = Cuda.driver();
    String text =
        "cuda, %s, %s, driver %d.%d, kernels %s"
            .formatted(
                summation(),
                gpu.device().info(),
                driver / 1000,
                driver % 1000 / 10,
                gpu.device().kernels());
    return FloatProduct.takes(gpu.accumulator())
        ? text
        : text + "; products on " + gpu.cpu().describe();
  }
}
