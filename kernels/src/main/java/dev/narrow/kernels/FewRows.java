package dev.narrow.kernels;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products of few rows, where each element of b is used so seldom that packing it would cost more
 * than the product: bytes decide. Rows of b are read where they are, or decoded piece by piece,
 * four at a time; the accumulators of a piece of c stay in the first-level cache.
 */
final class FewRows {
  /** The most rows of a. */
  static final int MOST = 3;

  private static final VectorSpecies<Float> SPECIES = VectorKernels.SPECIES;
  private static final int STEP = SPECIES.length();

  /**
   * Columns at a time: four decoded rows of them and the accumulators fit the first-level cache.
   */
  private static final int COLUMNS = 1024;

  private FewRows() {}

  /** See {@link Kernels#matmul}; b has contiguous rows. */
  static void matmul(Operand a, Operand b, Matrix c, Epilogue epilogue) {
    int rows = c.rows();
    int inner = a.columns();
    float[] scratch = Scratch.take(rows * inner);
    Matrix left = a.decoded(scratch);
    float[] sums = Scratch.take(rows * COLUMNS);
    float[] lines = Scratch.take(4 * COLUMNS);
    for (int j = 0; j < c.columns(); j += COLUMNS) {
      int columns = Math.min(COLUMNS, c.columns() - j);
      Arrays.fill(sums, 0, rows * COLUMNS, 0f);
      for (int k = 0; k < inner; k += 4) {
        int depth = Math.min(4, inner - k);
        float[] source = b.array();
        int start = b.offset() + k * b.rowStride() + j;
        int stride = b.rowStride();
        if (source == null) {
          for (int p = 0; p < depth; p++) {
            b.read(start + p * stride, columns, lines, p * COLUMNS);
          }
          source = lines;
          start = 0;
          stride = COLUMNS;
        }
        for (int i = 0; i < rows; i++) {
          int at = left.offset() + i * left.rowStride() + k * left.columnStride();
          int next = left.columnStride();
          float[] x = left.array();
          if (depth == 4) {
            addFour(
                x[at],
                x[at + next],
                x[at + 2 * next],
                x[at + 3 * next],
                source,
                start,
                stride,
                sums,
                i * COLUMNS,
                columns);
          } else {
            for (int p = 0; p < depth; p++) {
              addOne(x[at + p * next], source, start + p * stride, sums, i * COLUMNS, columns);
            }
          }
        }
      }
      for (int i = 0; i < rows; i++) {
        int to = c.offset() + i * c.rowStride() + j;
        VectorMatmul.store(sums, i * COLUMNS, c.array(), to, columns, epilogue, j);
      }
    }
    Scratch.give(lines);
    Scratch.give(sums);
    Scratch.give(scratch);
  }

  private static void addFour(
      float x0,
      float x1,
      float x2,
      float x3,
      float[] b,
      int start,
      int stride,
      float[] sums,
      int base,
      int n) {
    FloatVector v0 = FloatVector.broadcast(SPECIES, x0);
    FloatVector v1 = FloatVector.broadcast(SPECIES, x1);
    FloatVector v2 = FloatVector.broadcast(SPECIES, x2);
    FloatVector v3 = FloatVector.broadcast(SPECIES, x3);
    int bound = SPECIES.loopBound(n);
    for (int j = 0; j < bound; j += STEP) {
      FloatVector sum = load(sums, base + j);
      sum = v0.fma(load(b, start + j), sum);
      sum = v1.fma(load(b, start + stride + j), sum);
      sum = v2.fma(load(b, start + 2 * stride + j), sum);
      sum = v3.fma(load(b, start + 3 * stride + j), sum);
      sum.intoArray(sums, base + j);
    }
    for (int j = bound; j < n; j++) {
      float sum = Math.fma(x0, b[start + j], sums[base + j]);
      sum = Math.fma(x1, b[start + stride + j], sum);
      sum = Math.fma(x2, b[start + 2 * stride + j], sum);
      sums[base + j] = Math.fma(x3, b[start + 3 * stride + j], sum);
    }
  }

  private static void addOne(float x, float[] b, int start, float[] sums, int base, int n) {
    FloatVector v = FloatVector.broadcast(SPECIES, x);
    int bound = SPECIES.loopBound(n);
    for (int j = 0; j < bound; j += STEP) {
      v.fma(load(b, start + j), load(sums, base + j)).intoArray(sums, base + j);
    }
    for (int j = bound; j < n; j++) {
      sums[base + j] = Math.fma(x, b[start + j], sums[base + j]);
    }
  }

  private static FloatVector load(float[] array, int index) {
    return FloatVector.fromArray(SPECIES, array, index);
  }
}
