package dev.narrow.kernels;

import java.util.Arrays;

/** The definition of every kernel, and the fallback where the Vector API is not there. */
final class ScalarKernels implements Kernels, ScalarRowKernels, ScalarOptimizerKernels {
  static final ScalarKernels INSTANCE = new ScalarKernels();

  /** The bits of infinity; those of NaN are above. */
  static final int INFINITY_BITS = 0x7f800000;

  private static final ThreadLocal<float[]> LANES_OF_THREAD =
      ThreadLocal.withInitial(() -> new float[LANES]);

  private ScalarKernels() {}

  /** The lanes of a sum, at +0: the same array for all sums that a thread makes. */
  static float[] lanes() {
    float[] lanes = LANES_OF_THREAD.get();
    Arrays.fill(lanes, 0f);
    return lanes;
  }

  /**
   * The sum of sixteen lanes as a fixed tree: lane j with j + 8 for j below 8, then j with j + 4, j
   * with j + 2, and 0 with 1. Lane j holds the elements i with i mod 16 = j, from +0, ascending.
   */
  static float tree(float[] lanes) {
    for (int half = LANES / 2; half >= 1; half /= 2) {
      for (int j = 0; j < half; j++) {
        lanes[j] += lanes[j + half];
      }
    }
    return canonical(lanes[0]);
  }

  static float canonical(float value) {
    return Float.isNaN(value) ? Float.NaN : value;
  }

  @Override
  public String name() {
    return "scalar";
  }

  @Override
  public int bits() {
    return Float.SIZE;
  }

  @Override
  public void matmul(Operand left, Operand right, Matrix c, Epilogue epilogue) {
    float[] leftScratch = Scratch.take(left.array() == null ? left.rows() * left.columns() : 0);
    float[] rightScratch = Scratch.take(right.array() == null ? right.rows() * right.columns() : 0);
    Matrix a = left.decoded(leftScratch);
    Matrix b = right.decoded(rightScratch);
    for (int i = 0; i < c.rows(); i++) {
      for (int j = 0; j < c.columns(); j++) {
        float sum = 0f;
        int ai = a.offset() + i * a.rowStride();
        int bi = b.offset() + j * b.columnStride();
        for (int k = 0; k < a.columns(); k++) {
          sum = Math.fma(a.array()[ai], b.array()[bi], sum);
          ai += a.columnStride();
          bi += b.rowStride();
        }
        int ci = c.offset() + i * c.rowStride() + j;
        c.array()[ci] = epilogue.apply(sum, j, c.array()[ci]);
      }
    }
    Scratch.give(rightScratch);
    Scratch.give(leftScratch);
  }

  @Override
  public AccumulatorMatmul matmulIn(Accumulator accumulator) {
    return new ScalarAccumulatorMatmul(accumulator);
  }

  @Override
  public void exp(float[] x, int xOffset, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i++) {
      y[yOffset + i] = Elementary.exp(x[xOffset + i]);
    }
  }

  @Override
  public void exp2(float[] x, int xOffset, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i++) {
      y[yOffset + i] = Elementary.exp2(x[xOffset + i]);
    }
  }

  @Override
  public void log(float[] x, int xOffset, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i++) {
      y[yOffset + i] = Elementary.log(x[xOffset + i]);
    }
  }

  @Override
  public void tanh(float[] x, int xOffset, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i++) {
      y[yOffset + i] = Elementary.tanh(x[xOffset + i]);
    }
  }

  @Override
  public void erf(float[] x, int xOffset, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i++) {
      y[yOffset + i] = Elementary.erf(x[xOffset + i]);
    }
  }

  @Override
  public void reciprocalSqrt(float[] x, int xOffset, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i++) {
      y[yOffset + i] = Elementary.reciprocalSqrt(x[xOffset + i]);
    }
  }

  @Override
  public void sigmoid(float[] x, int xOffset, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i++) {
      y[yOffset + i] = Activations.sigmoid(x[xOffset + i]);
    }
  }

  @Override
  public void gelu(float[] x, int xOffset, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i++) {
      y[yOffset + i] = Activations.gelu(x[xOffset + i]);
    }
  }

  @Override
  public void geluTanh(float[] x, int xOffset, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i++) {
      y[yOffset + i] = Activations.geluTanh(x[xOffset + i]);
    }
  }

  @Override
  public void geluGradient(
      float[] x, int xOffset, float[] dy, int dyOffset, float[] dx, int dxOffset, int n) {
    for (int i = 0; i < n; i++) {
      dx[dxOffset + i] = canonical(Activations.geluGradient(x[xOffset + i]) * dy[dyOffset + i]);
    }
  }

  @Override
  public void geluTanhGradient(
      float[] x, int xOffset, float[] dy, int dyOffset, float[] dx, int dxOffset, int n) {
    for (int i = 0; i < n; i++) {
      dx[dxOffset + i] = canonical(Activations.geluTanhGradient(x[xOffset + i]) * dy[dyOffset + i]);
    }
  }

  @Override
  public void relu(float[] x, int xOffset, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i++) {
      float value = x[xOffset + i];
      y[yOffset + i] = value <= 0f ? 0f : value;
    }
  }

  @Override
  public void reluGradient(
      float[] y, int yOffset, float[] dy, int dyOffset, float[] dx, int dxOffset, int n) {
    for (int i = 0; i < n; i++) {
      dx[dxOffset + i] = y[yOffset + i] > 0f ? dy[dyOffset + i] : 0f;
    }
  }

  @Override
  public void add(float[] x, int xOffset, float[] y, int yOffset, float[] z, int zOffset, int n) {
    for (int i = 0; i < n; i++) {
      z[zOffset + i] = canonical(x[xOffset + i] + y[yOffset + i]);
    }
  }

  @Override
  public void scale(float factor, float[] x, int xOffset, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i++) {
      y[yOffset + i] = canonical(factor * x[xOffset + i]);
    }
  }

  @Override
  public void addScaled(float factor, float[] x, int xOffset, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i++) {
      y[yOffset + i] = canonical(Math.fma(factor, x[xOffset + i], y[yOffset + i]));
    }
  }

  @Override
  public void divide(float[] x, int xOffset, float divisor, float[] y, int yOffset, int n) {
    for (int i = 0; i < n; i++) {
      y[yOffset + i] = canonical(x[xOffset + i] / divisor);
    }
  }

  @Override
  public void correlate(
      float[] w,
      int wOffset,
      int[] offsets,
      int terms,
      float[] x,
      int xOffset,
      float addend,
      float[] y,
      int yOffset,
      int n) {
    for (int i = 0; i < n; i++) {
      float sum = 0f;
      for (int t = 0; t < terms; t++) {
        sum = Math.fma(w[wOffset + t], x[xOffset + i + offsets[t]], sum);
      }
      y[yOffset + i] = canonical(sum + addend);
    }
  }

  @Override
  public float sumOfNormalized(
      float[] dy, int dyOffset, float[] x, int xOffset, float mean, float factor, int n) {
    float[] lanes = lanes();
    for (int i = 0; i < n; i++) {
      float normalized = (x[xOffset + i] - mean) * factor;
      lanes[i % LANES] = Math.fma(dy[dyOffset + i], normalized, lanes[i % LANES]);
    }
    return tree(lanes);
  }

  @Override
  public void normalize(
      float[] x,
      int xOffset,
      float mean,
      float factor,
      float gamma,
      float beta,
      float[] y,
      int yOffset,
      int n) {
    for (int i = 0; i < n; i++) {
      float normalized = (x[xOffset + i] - mean) * factor;
      y[yOffset + i] = canonical(Math.fma(normalized, gamma, beta));
    }
  }

  @Override
  public void normalizeGradient(
      float[] dy,
      int dyOffset,
      float a,
      float[] x,
      int xOffset,
      float mean,
      float factor,
      float b,
      float scale,
      float[] dx,
      int dxOffset,
      int n) {
    for (int i = 0; i < n; i++) {
      float normalized = (x[xOffset + i] - mean) * factor;
      dx[dxOffset + i] = canonical(Math.fma(-normalized, b, dy[dyOffset + i] - a) * scale);
    }
  }

  @Override
  public float sum(float[] x, int xOffset, int n) {
    float[] lanes = lanes();
    for (int i = 0; i < n; i++) {
      lanes[i % LANES] += x[xOffset + i];
    }
    return tree(lanes);
  }

  @Override
  public float sumOfSquares(float[] x, int xOffset, int n) {
    float[] lanes = lanes();
    for (int i = 0; i < n; i++) {
      float value = x[xOffset + i];
      lanes[i % LANES] = Math.fma(value, value, lanes[i % LANES]);
    }
    return tree(lanes);
  }

  @Override
  public void sumRows(Matrix x, float[] y, int yOffset) {
    for (int j = 0; j < x.columns(); j++) {
      float sum = 0f;
      for (int i = 0; i < x.rows(); i++) {
        sum += x.array()[x.offset() + i * x.rowStride() + j * x.columnStride()];
      }
      y[yOffset + j] = canonical(sum);
    }
  }

  @Override
  public float expShifted(float[] x, int xOffset, float shift, float[] y, int yOffset, int n) {
    float[] lanes = lanes();
    for (int i = 0; i < n; i++) {
      float value = Elementary.exp(x[xOffset + i] - shift);
      y[yOffset + i] = value;
      lanes[i % LANES] += value;
    }
    return tree(lanes);
  }

  @Override
  public Scan scan(float[] x, int xOffset, int n) {
    int amax = 0;
    int nonFinite = 0;
    int first = -1;
    for (int i = 0; i < n; i++) {
      int magnitude = Float.floatToRawIntBits(x[xOffset + i]) & Integer.MAX_VALUE;
      if (magnitude < INFINITY_BITS) {
        amax = Math.max(amax, magnitude);
      } else {
        first = nonFinite == 0 ? i : first;
        nonFinite++;
      }
    }
    return new Scan(Float.intBitsToFloat(amax), nonFinite, first);
  }
}
