package dev.narrow.quant;

import java.util.Arrays;

/**
 * Up to {@link #SIZE} elements before and after quantization, and what {@link ErrorKernels} find
 * out about them. Element i of a chunk is added in lane i mod 16 of each sum; then the lanes are
 * added in a tree, so that a sum is the same bits on vectors of any width.
 */
final class ErrorChunk {
  static final int SIZE = 4096;
  static final int LANES = 16;

  // Where the lanes of a sum begin.
  static final int SIGNAL = 0;
  static final int ENERGY = LANES;
  static final int PRODUCT = 2 * LANES;
  static final int NOISE = 3 * LANES;
  static final int RELATIVE = 4 * LANES;
  static final int ULPS = 5 * LANES;

  /** How many elements there is room for. */
  final int size;

  /** A quotient up to here, or from {@link #high} on, is saturated. */
  final float low;

  final float high;

  /** Decoded numbers other than zero of a magnitude below this are subnormal. */
  final float minNormal;

  final float[] before;
  final float[] after;

  /** fl32(x / s), plus the zero point; NaN where the factor is zero or NaN. */
  final float[] quotients;

  /** What codes stand for before they are multiplied by a factor. */
  final float[] decoded;

  /** The format's ulp at each code, above zero. */
  final float[] ulps;

  /** As {@link ErrorKernels#octaves} has them. */
  final int[] octaves;

  boolean someFar;

  final double[] lanes = new double[6 * LANES];
  float maxRelative;
  float maxUlps;
  int subnormal;
  int relativeCount;
  int ulpCount;

  /** Quotients that are NaN. */
  int undefined;

  ErrorChunk(int size, float low, float high, float minNormal) {
    this.size = size;
    this.low = low;
    this.high = high;
    this.minNormal = minNormal;
    before = new float[size];
    after = new float[size];
    quotients = new float[size];
    decoded = new float[size];
    ulps = new float[size];
    octaves = new int[size];
  }

  /** Forgets what has been found. */
  void clear() {
    Arrays.fill(lanes, 0);
    someFar = false;
    maxRelative = 0;
    maxUlps = 0;
    subnormal = 0;
    relativeCount = 0;
    ulpCount = 0;
    undefined = 0;
  }

  /** The sum of the lanes, two halves at a time. */
  double sum(int lane) {
    double[] tree = Arrays.copyOfRange(lanes, lane, lane + LANES);
    for (int half = LANES / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        tree[i] += tree[i + half];
      }
    }
    return tree[0];
  }
}
