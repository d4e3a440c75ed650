package dev.narrow.kernels;

/** All groups of operations on the processor. */
record CpuBackend(Cpu cpu) implements CpuOperations {

  @Override
  public Summation summation() {
    return Summation.ORDERED;
  }

  @Override
  public String describe() {
    return "cpu, %s, %s, %d %s"
        .formatted(
            summation(),
            cpu.kernels().name(),
            cpu.threads(),
            cpu.threads() == 1 ? "thread" : "threads");
  }
}
