package dev.narrow.quant;

/** The definition, one element after the other. */
final class ScalarBlockKernels implements BlockKernels {
  @Override
  public String name() {
    return "scalar";
  }

  @Override
  public ErrorKernels errors() {
    return new ScalarErrorKernels();
  }

  @Override
  public void amax(float[] x, int from, int n, int block, float[] amax, int first) {
    for (int start = 0, k = first; start < n; start += block, k++) {
      float largest = amax[k];
      for (int i = from + start; i < from + Math.min(n, start + block); i++) {
        float magnitude = Math.abs(x[i]);
        if (magnitude > largest && magnitude <= Float.MAX_VALUE) {
          largest = magnitude;
        }
      }
      amax[k] = largest;
    }
  }

  @Override
  public void divide(
      float[] x, int from, int n, int block, float[] divisors, int first, float[] to, int at) {
    for (int start = 0, k = first; start < n; start += block, k++) {
      float divisor = divisors[k];
      for (int i = start; i < Math.min(n, start + block); i++) {
        to[at + i] = x[from + i] / divisor;
      }
    }
  }

  @Override
  public void multiply(float[] x, int from, int n, int block, float[] factors, int first) {
    for (int start = 0, k = first; start < n; start += block, k++) {
      float factor = factors[k];
      for (int i = from + start; i < from + Math.min(n, start + block); i++) {
        x[i] *= factor;
      }
    }
  }
}
