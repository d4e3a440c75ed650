package dev.narrow.kernels;

/** Sums in sixteen lanes and their tree, written out once more, as plain as can be. */
final class Lanes {
  private final float[] lanes = new float[16];
  private int next;

  /** Adds a product to the next lane. */
  void addProduct(float x, float y) {
    lanes[next % 16] = Math.fma(x, y, lanes[next % 16]);
    next++;
  }

  /** Adds a term to the next lane. */
  void add(float x) {
    lanes[next % 16] += x;
    next++;
  }

  float sum() {
    float[] a = lanes;
    float even = ((a[0] + a[8]) + (a[4] + a[12])) + ((a[2] + a[10]) + (a[6] + a[14]));
    float odd = ((a[1] + a[9]) + (a[5] + a[13])) + ((a[3] + a[11]) + (a[7] + a[15]));
    return canonical(even + odd);
  }

  static float canonical(float x) {
    return Float.isNaN(x) ? Float.NaN : x;
  }
}
