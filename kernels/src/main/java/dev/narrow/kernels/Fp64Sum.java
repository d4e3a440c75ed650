package dev.narrow.kernels;

/** {@link Accumulator.Fp64}. */
final class Fp64Sum implements RunningSum {
  private double sum;

  @Override
  public void clear() {
    sum = 0;
  }

  @Override
  public void add(float a, float b) {
    sum += (double) a * b; // exact, so that this is the fused multiply-add
  }

  @Override
  public float result() {
    return (float) sum;
  }
}
