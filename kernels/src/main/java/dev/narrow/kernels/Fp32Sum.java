package dev.narrow.kernels;

/** {@link Accumulator.Fp32}. */
final class Fp32Sum implements RunningSum {
  private float sum;

  @Override
  public void clear() {
    sum = 0;
  }

  @Override
  public void add(float a, float b) {
    sum = Math.fma(a, b, sum);
  }

  @Override
  public float result() {
    return sum;
  }
}
