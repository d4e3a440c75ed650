package dev.narrow.kernels;

/** The processor, and nothing else. */
record CpuBackend(Cpu cpu) implements CpuOperations {

  @Override
  public Summation summation() {
    return cpu.summation();
  }

  @Override
  public String describe() {
    return cpu.describe();
  }
}
