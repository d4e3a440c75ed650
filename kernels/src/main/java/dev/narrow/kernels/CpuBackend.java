package dev.narrow.kernels;

/** All groups of operations on the processor. */
record CpuBackend(Cpu cpu)
    implements Backend,
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
        CpuLosses {

  @Override
  public Backend with(Accumulator accumulator) {
    return new CpuBackend(cpu.with(accumulator));
  }

  @Override
  public Summation summation() {
    return cpu.accumulator() instanceof Accumulator.Exact ? Summation.EXACT : Summation.ORDERED;
  }

  @Override
  public String describe() {
    boolean plain =
        cpu.accumulator() instanceof Accumulator.Fp32
            || cpu.accumulator() instanceof Accumulator.Exact;
    return "cpu, %s%s, %s, %d %s"
        .formatted(
            summation(),
            plain ? "" : ", " + cpu.accumulator().name(),
            cpu.kernels().name(),
            cpu.threads(),
            cpu.threads() == 1 ? "thread" : "threads");
  }
}
