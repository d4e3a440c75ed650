package dev.narrow.kernels;

/** All groups of operations on the processor. */
interface CpuOperations
    extends Backend,
        CpuProducts,
        CpuConvolutions,
        CpuPoolings,
        CpuAttentions,
        CpuEmbeddings,
        CpuNormalizations,
        CpuBatchNormalizations,
        CpuElementwise,
        CpuArithmetic,
        CpuReductions,
        CpuLosses,
        CpuOptimizerSteps,
        CpuCasts,
        CpuMemory {

  @Override
  default Backend with(Accumulator accumulator) {
    return new CpuBackend(new Cpu(cpu().threads(), cpu().kernels(), accumulator));
  }
}
