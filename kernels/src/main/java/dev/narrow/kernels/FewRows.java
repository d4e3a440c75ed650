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

  /** Columns at a time: accumulators fit the first-level cache, and memory is read in long runs. */
  private static final int COLUMNS = 4096;

  /** The same where rows are decoded first, four of which must fit too. */
  private static final int DECODED_COLUMNS = 1024;

  /** Columns of a that are decoded at a time, a multiple of four. */
  private static final int TERMS = 4096;

  private FewRows() {}

  /** See {@link Kernels#matmul}; b has contiguous rows. */
  static void matmul(Operand a, Operand b, Matrix c, Epilogue epilogue) {
    int rows = c.rows();
    int inner = a.columns();
    float[] scratch = Scratch.take(a.array() == null ? rows * TERMS : 0);
    RowCodes codes = RowCodes.of(b.codes());
    int block = b.array() == null && codes == null ? DECODED_COLUMNS : COLUMNS;
    float[] sums = Scratch.take(rows * block);
    float[] lines = Scratch.take(4 * DECODED_COLUMNS);
    for (int j = 0; j < c.columns(); j += block) {
      int columns = Math.min(block, c.columns() - j);
      Arrays.fill(sums, 0, rows * block, 0f);
      Matrix left = a.columnRange(0, Math.min(TERMS, inner)).decoded(scratch);
      for (int k = 0; k < inner; k += 4) {
        if (k > 0 && k % TERMS == 0) {
          left = a.columnRange(k, Math.min(k + TERMS, inner)).decoded(scratch);
        }
        int at = k % TERMS;
        int depth = Math.min(4, inner - k);
        int start = b.offset() + k * b.rowStride() + j;
        int stride = b.rowStride();
        float[] source = b.array();
        if (source == null) {
          if (codes != null) {
            for (int p = 0; p < depth; p++) {
              for (int i = 0; i < rows; i++) {
                codes.add(left.at(i, at + p), start + p * stride, sums, i * block, columns);
              }
            }
            continue;
          }
          for (int p = 0; p < depth; p++) {
            b.read(start + p * stride, columns, lines, p * DECODED_COLUMNS);
          }
          source = lines;
          start = 0;
          stride = DECODED_COLUMNS;
        }
        for (int i = 0; i < rows; i++) {
          if (depth == 4) {
            addFour(
                left.at(i, at),
                left.at(i, at + 1),
                left.at(i, at + 2),
                left.at(i, at + 3),
                source,
                start,
                stride,
                sums,
                i * block,
                columns);
          } else {
            for (int p = 0; p < depth; p++) {
              addOne(left.at(i, at + p), source, start + p * stride, sums, i * block, columns);
            }
          }
        }
      }
      for (int i = 0; i < rows; i++) {
        int to = c.offset() + i * c.rowStride() + j;
        VectorMatmul.store(sums, i * block, c.array(), to, columns, epilogue, j);
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
