package dev.narrow.kernels;

import static dev.narrow.kernels.RegisterBlock.ROWS;
import static dev.narrow.kernels.RegisterBlock.WIDTH;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Matrix product in the manner of Goto and van de Geijn (ACM TOMS 34(3), 2008): blocks of b are
 * packed into panels as wide as a {@link RegisterBlock}, which then runs over them from the caches.
 * A transposed b is transposed while it is packed; a is read where it is, but packed too where its
 * rows are not contiguous.
 *
 * <p>The lanes are columns of c, so each element keeps its one accumulator, which waits in a tile
 * of scratch memory between blocks of k. What stands beside the columns of b in the last panel is
 * left over from an earlier product, and what comes of it is never stored.
 */
final class VectorMatmul {
  private static final VectorSpecies<Float> SPECIES = VectorKernels.SPECIES;
  private static final int STEP = SPECIES.length();

  /** Half as wide, to copy the rows of a block where ROWS is less than a vector. */
  private static final VectorSpecies<Float> HALF =
      VectorSpecies.of(
          float.class, VectorShape.forBitSize(Math.max(128, SPECIES.vectorBitSize() / 2)));

  // A panel of b of K_BLOCK rows stays in the first-level cache or close to it; the block of b and
  // the tile, half a megabyte together, in the second level.
  private static final int K_BLOCK = 256;
  private static final int ROW_BLOCK = 192;
  private static final int COLUMN_BLOCK = 288 / WIDTH * WIDTH;

  private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

  private VectorMatmul() {}

  /** Memory that a thread keeps from one product to the next. */
  private static final class Scratch {
    final float[] a = new float[ROW_BLOCK * K_BLOCK];
    final float[] b = new float[COLUMN_BLOCK * K_BLOCK];
    final float[] tile = new float[ROW_BLOCK * COLUMN_BLOCK];
  }

  static void matmul(
      Matrix a, Matrix b, Matrix c, float @Nullable [] bias, int biasOffset, boolean accumulate) {
    Scratch scratch = SCRATCH.get();
    int inner = a.columns();
    for (int j = 0; j < c.columns(); j += COLUMN_BLOCK) {
      int columns = Math.min(COLUMN_BLOCK, c.columns() - j);
      for (int i = 0; i < c.rows(); i += ROW_BLOCK) {
        int rows = Math.min(ROW_BLOCK, c.rows() - i);
        int k = 0;
        do {
          int depth = Math.min(K_BLOCK, inner - k);
          if (i == 0 || inner > K_BLOCK) {
            packColumns(b, k, depth, j, columns, scratch.b);
          }
          if (a.columnStride() == 1) {
            int start = a.offset() + i * a.rowStride() + k;
            multiply(a.array(), start, a.rowStride(), 1, scratch, rows, columns, depth, k == 0);
          } else {
            packRows(a, i, rows, k, depth, scratch.a);
            multiply(scratch.a, 0, depth, ROWS, scratch, rows, columns, depth, k == 0);
          }
          k += depth;
        } while (k < inner);
        store(scratch.tile, c, i, rows, j, columns, bias, biasOffset, accumulate);
      }
    }
  }

  /** The width of the panel that starts so many columns before the end. */
  private static int width(int columns) {
    return columns <= STEP ? STEP : WIDTH;
  }

  private static void packRows(Matrix a, int i, int rows, int k, int depth, float[] panels) {
    for (int r = 0; r < rows; r += ROWS) {
      int start = a.offset() + (i + r) * a.rowStride() + k * a.columnStride();
      int count = Math.min(ROWS, rows - r);
      pack(
          a.array(), start, a.rowStride(), a.columnStride(), count, depth, panels, r * depth, ROWS);
    }
  }

  private static void packColumns(Matrix b, int k, int depth, int j, int columns, float[] panels) {
    for (int s = 0; s < columns; s += WIDTH) {
      int start = b.offset() + k * b.rowStride() + (j + s) * b.columnStride();
      int count = Math.min(WIDTH, columns - s);
      int width = width(columns - s);
      pack(
          b.array(),
          start,
          b.columnStride(),
          b.rowStride(),
          count,
          depth,
          panels,
          s * depth,
          width);
    }
  }

  /** panel[base + k width + lane] = source[start + lane laneStride + k kStride]. */
  private static void pack(
      float[] source,
      int start,
      int laneStride,
      int kStride,
      int count,
      int depth,
      float[] panel,
      int base,
      int width) {
    if (laneStride == 1) {
      for (int k = 0; k < depth; k++) {
        copy(source, start + k * kStride, panel, base + k * width, count);
      }
      return;
    }
    int lane = 0;
    for (; lane + 8 <= count; lane += 8) {
      for (int k = 0; k < depth; k++) {
        int from = start + lane * laneStride + k * kStride;
        int to = base + k * width + lane;
        panel[to] = source[from];
        panel[to + 1] = source[from + laneStride];
        panel[to + 2] = source[from + 2 * laneStride];
        panel[to + 3] = source[from + 3 * laneStride];
        panel[to + 4] = source[from + 4 * laneStride];
        panel[to + 5] = source[from + 5 * laneStride];
        panel[to + 6] = source[from + 6 * laneStride];
        panel[to + 7] = source[from + 7 * laneStride];
      }
    }
    for (; lane < count; lane++) {
      for (int k = 0; k < depth; k++) {
        panel[base + k * width + lane] = source[start + lane * laneStride + k * kStride];
      }
    }
  }

  private static void copy(float[] from, int fromBase, float[] to, int toBase, int count) {
    int i = 0;
    for (; i + STEP <= count; i += STEP) {
      load(from, fromBase + i).intoArray(to, toBase + i);
    }
    for (; i + HALF.length() <= count; i += HALF.length()) {
      FloatVector.fromArray(HALF, from, fromBase + i).intoArray(to, toBase + i);
    }
    for (; i < count; i++) {
      to[toBase + i] = from[fromBase + i];
    }
  }

  /**
   * All blocks of the tile; the one at row r of the panel at column s starts at s ROW_BLOCK + r
   * width.
   */
  private static void multiply(
      float[] a,
      int aBase,
      int rowStride,
      int kStep,
      Scratch scratch,
      int rows,
      int columns,
      int depth,
      boolean first) {
    // In a packed a, rows of one block are neighbours, and blocks follow one another.
    int rowStep = kStep == 1 ? rowStride : 1;
    for (int s = 0; s < columns; s += WIDTH) {
      int width = width(columns - s);
      for (int r = 0; r < rows; r += ROWS) {
        RegisterBlock.run(
            a,
            aBase + r * rowStride,
            rowStep,
            Math.min(ROWS, rows - r) - 1,
            kStep,
            scratch.b,
            s * depth,
            width,
            depth,
            scratch.tile,
            s * ROW_BLOCK + r * width,
            first);
      }
    }
  }

  private static void store(
      float[] tile,
      Matrix c,
      int i,
      int rows,
      int j,
      int columns,
      float @Nullable [] bias,
      int biasOffset,
      boolean accumulate) {
    for (int s = 0; s < columns; s += WIDTH) {
      int count = Math.min(WIDTH, columns - s);
      int width = width(columns - s);
      int biasBase = biasOffset + j + s;
      for (int r = 0; r < rows; r++) {
        int from = s * ROW_BLOCK + r * width;
        int to = c.offset() + (i + r) * c.rowStride() + j + s;
        int lane = 0;
        for (; lane + STEP <= count; lane += STEP) {
          FloatVector sum = load(tile, from + lane);
          if (bias != null) {
            sum = sum.add(load(bias, biasBase + lane));
          }
          if (accumulate) {
            sum = sum.add(load(c.array(), to + lane));
          }
          VectorKernels.canonical(sum).intoArray(c.array(), to + lane);
        }
        for (; lane < count; lane++) {
          float sum = tile[from + lane];
          if (bias != null) {
            sum += bias[biasBase + lane];
          }
          if (accumulate) {
            sum += c.array()[to + lane];
          }
          c.array()[to + lane] = ScalarKernels.canonical(sum);
        }
      }
    }
  }

  private static FloatVector load(float[] array, int index) {
    return FloatVector.fromArray(SPECIES, array, index);
  }
}
