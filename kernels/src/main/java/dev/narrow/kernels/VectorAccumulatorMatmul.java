package dev.narrow.kernels;

import java.util.Arrays;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products in vectors whose lanes are columns: b is copied into panels of a few vectors in width,
 * and the accumulators of one row run beside a panel over all of k. Where the vectors meet numbers
 * that are not in their plan, the elements are left to the {@link RunningSum} that defines them.
 */
abstract class VectorAccumulatorMatmul implements AccumulatorMatmul {
  static final VectorSpecies<Float> FLOATS = VectorKernels.SPECIES;
  static final VectorSpecies<Double> DOUBLES =
      VectorSpecies.of(double.class, VectorShape.forBitSize(FLOATS.vectorBitSize()));

  /** As many floats as a vector has doubles. */
  static final VectorSpecies<Float> HALF =
      VectorSpecies.of(float.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));

  private static final int STEP = FLOATS.length();

  /** Most columns of a panel. */
  static final int WIDTH = 128;

  /** Floats of a panel, unless one vector of columns has more. */
  private static final int ROOM = 1 << 22;

  /** Most terms of sums in vectors: a panel of more would take more than 256 MB. */
  private static final int LONGEST = (1 << 26) / STEP;

  final ScalarAccumulatorMatmul definition;

  VectorAccumulatorMatmul(Accumulator accumulator) {
    definition = new ScalarAccumulatorMatmul(accumulator);
  }

  /** Rows of a beside a panel of b, one after the other. */
  @FunctionalInterface
  interface Block {
    /**
     * sums[j] = the sum over k of a[aBase + k aStep] × panel[k width + j], for j below the width.
     *
     * @param width of the panel, a multiple of the floats in a vector; at most WIDTH
     * @param sums with room for two vectors more after WIDTH
     * @param state room for whatever, three times WIDTH
     * @return false if nothing has been summed up, since a number is not in the plan
     */
    boolean run(
        float[] a,
        int aBase,
        int aStep,
        float[] panel,
        int width,
        int k,
        float[] sums,
        long[] state);
  }

  /** What sums up rows of a beside a panel of so many floats. */
  abstract Block block(Matrix a, float[] panel, int size);

  @Override
  public final void multiply(Matrix a, Matrix b, Matrix c) {
    int k = a.columns();
    if (k > LONGEST) {
      definition.multiply(a, b, c);
      return;
    }
    int widest = Math.clamp(ROOM / Math.max(1L, k) / STEP * STEP, STEP, WIDTH);
    int most = Math.min(widest, Math.ceilDiv(c.columns(), STEP) * STEP);
    float[] panel = Scratch.take(k * most);
    float[] sums = Scratch.take(WIDTH + 2 * STEP);
    long[] state = Scratch.takeLongs(3 * WIDTH);
    for (int j = 0; j < c.columns(); j += most) {
      int count = Math.min(most, c.columns() - j);
      int width = Math.ceilDiv(count, STEP) * STEP;
      Matrix columns = b.columnRange(j, j + count);
      pack(columns, panel, width);
      Block block = block(a, panel, k * width);
      for (int i = 0; i < c.rows(); i++) {
        int start = a.offset() + i * a.rowStride();
        if (block.run(a.array(), start, a.columnStride(), panel, width, k, sums, state)) {
          int to = c.offset() + i * c.rowStride() + j;
          for (int lane = 0; lane < count; lane++) {
            c.array()[to + lane] = ScalarKernels.canonical(sums[lane]);
          }
        } else {
          definition.multiply(
              a.rowRange(i, i + 1), columns, c.rowRange(i, i + 1).columnRange(j, j + count));
        }
      }
    }
    Scratch.give(state);
    Scratch.give(sums);
    Scratch.give(panel);
  }

  private static void pack(Matrix b, float[] panel, int width) {
    float[] source = b.array();
    int count = b.columns();
    for (int k = 0; k < b.rows(); k++) {
      int from = b.offset() + k * b.rowStride();
      int to = k * width;
      if (b.columnStride() == 1) {
        System.arraycopy(source, from, panel, to, count);
      } else {
        for (int lane = 0; lane < count; lane++) {
          panel[to + lane] = source[from + lane * b.columnStride()];
        }
      }
      Arrays.fill(panel, to + count, to + width, 0);
    }
  }

  static FloatVector load(float[] array, int index) {
    return FloatVector.fromArray(FLOATS, array, index);
  }

  /** As many floats as a vector has doubles, as doubles. */
  static DoubleVector loadDoubles(float[] array, int index) {
    return (DoubleVector)
        FloatVector.fromArray(HALF, array, index).convertShape(VectorOperators.F2D, DOUBLES, 0);
  }
}
