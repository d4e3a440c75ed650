package dev.narrow.kernels;

/** All groups of operations on the processor, of which a backend may replace some. */
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
        CpuLosses {}
