package dev.narrow.kernels;

import static dev.narrow.kernels.RegisterBlock.ROWS;
import static dev.narrow.kernels.RegisterBlock.WIDTH;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Matrix product in the manner of Goto and van de Geijn (ACM TOMS 34(3), 2008): blocks of b are
 * packed into panels as wide as a {@link RegisterBlock}, which then runs over them from the caches;
 * codes are decoded while they are packed. Floats of a are read where they are while there are few
 * columns of c, but packed too where they are codes, where their rows are not contiguous, or where
 * they are read often.
 *
 * <p>The lanes are columns of c, so each element keeps its one accumulator, which waits in a tile
 * of scratch memory between blocks of k. What stands beside the columns of b in the last panel is
 * left over from an earlier product, and what comes of it is never stored.
 */
final class VectorMatmul {
  private static final VectorSpecies<Float> SPECIES = VectorKernels.SPECIES;
  private static final int STEP = SPECIES.length();
  private static final Kernels KERNELS = new VectorKernels();

  // A panel of a of K_BLOCK columns stays in the first-level cache, the block of b, 300 kB, in the
  // second level.
  private static final int K_BLOCK = 256;
  private static final int COLUMN_BLOCK = 288 / WIDTH * WIDTH;

  /** Rows whose accumulators wait in the tile: 1 MB at the most. */
  private static final int ROW_BLOCK = 960;

  /** Rows where no accumulator has to wait: the tile stays in the second level. */
  private static final int SHORT_ROW_BLOCK = 192;

  /** Floats of a that are packed at a time. */
  private static final int A_FLOATS = 1 << 21;

  private VectorMatmul() {}

  /** See {@link Kernels#matmul}. */
  static void matmul(Operand a, Operand b, Matrix c, Epilogue epilogue) {
    if (c.rows() <= FewRows.MOST && b.columnStride() == 1) {
      FewRows.matmul(a, b, c, epilogue);
      return;
    }
    int inner = a.columns();
    boolean few = c.columns() <= COLUMN_BLOCK && a.columnStride() == 1; // a is read in its place
    if (few && a.array() == null && (long) a.rows() * inner <= A_FLOATS) {
      float[] values = Scratch.take(a.rows() * inner);
      matmul(Operand.of(a.decoded(values)), b, c, epilogue);
      Scratch.give(values);
      return;
    }
    float[] floats = a.array();
    boolean packed = floats == null || !few;
    int most = inner > K_BLOCK || packed ? ROW_BLOCK : SHORT_ROW_BLOCK;
    if (packed) {
      int rows = A_FLOATS / Math.max(1, inner) / ROWS * ROWS;
      most = rows == 0 ? most : Math.min(rows, most);
    }
    int rowBlock = Math.min(most, Math.ceilDiv(c.rows(), ROWS) * ROWS);
    boolean whole = inner <= A_FLOATS / ROWS; // else panels of a are packed for each block of b
    float[] panels = Scratch.take(packed ? rowBlock * (whole ? inner : K_BLOCK) : 0);
    float[] block = Scratch.take(COLUMN_BLOCK * Math.min(K_BLOCK, inner));
    float[] tile = Scratch.take(COLUMN_BLOCK * rowBlock);
    for (int i = 0; i < c.rows(); i += rowBlock) {
      int rows = Math.min(rowBlock, c.rows() - i);
      if (packed && whole) {
        packRows(a.rowRange(i, i + rows), panels);
      }
      for (int j = 0; j < c.columns(); j += COLUMN_BLOCK) {
        int columns = Math.min(COLUMN_BLOCK, c.columns() - j);
        int k = 0;
        do {
          int depth = Math.min(K_BLOCK, inner - k);
          if (i == 0 || inner > K_BLOCK || c.columns() > COLUMN_BLOCK) {
            packColumns(b, k, depth, j, columns, block);
          }
          boolean first = k == 0;
          if (packed && !whole) {
            packRows(a.rowRange(i, i + rows).columnRange(k, k + depth), panels);
          }
          if (packed || floats == null) {
            int start = whole ? k * Math.ceilDiv(rows, ROWS) * ROWS : 0;
            multiply(panels, start, depth, 1, ROWS, block, tile, rows, columns, depth, first);
          } else {
            int start = a.offset() + i * a.rowStride() + k;
            int stride = a.rowStride();
            multiply(floats, start, stride, stride, 1, block, tile, rows, columns, depth, first);
          }
          k += depth;
        } while (k < inner);
        store(tile, c, i, rows, j, columns, epilogue);
      }
    }
    Scratch.give(tile);
    Scratch.give(block);
    Scratch.give(panels);
  }

  /** The width of the panel that starts so many columns before the end. */
  private static int width(int columns) {
    return columns <= STEP ? STEP : WIDTH;
  }

  /** Rows in panels of ROWS, one block of k after another. */
  private static void packRows(Operand a, float[] panels) {
    int padded = Math.ceilDiv(a.rows(), ROWS) * ROWS;
    for (int k = 0; k < a.columns(); k += K_BLOCK) {
      int depth = Math.min(K_BLOCK, a.columns() - k);
      Panels.pack(a.transposed(), k, depth, 0, a.rows(), panels, k * padded, ROWS, ROWS);
    }
  }

  private static void packColumns(Operand b, int k, int depth, int j, int columns, float[] block) {
    Panels.pack(b, k, depth, j, columns, block, 0, WIDTH, STEP);
  }

  /**
   * All blocks of the tile; the one at row r of the panel at column s starts at s times the rows
   * (in whole blocks) + r width.
   */
  private static void multiply(
      float[] a,
      int aBase,
      int blockStride,
      int rowStep,
      int kStep,
      float[] block,
      float[] tile,
      int rows,
      int columns,
      int depth,
      boolean first) {
    int padded = Math.ceilDiv(rows, ROWS) * ROWS;
    for (int r = 0; r < rows; r += ROWS) {
      int last = Math.min(ROWS, rows - r) - 1;
      for (int s = 0; s < columns; s += WIDTH) {
        int width = width(columns - s);
        RegisterBlock.run(
            a,
            aBase + r * blockStride,
            rowStep,
            last,
            kStep,
            block,
            s * depth,
            width,
            depth,
            tile,
            s * padded + r * width,
            first);
      }
    }
  }

  private static void store(
      float[] tile, Matrix c, int i, int rows, int j, int columns, Epilogue epilogue) {
    int padded = Math.ceilDiv(rows, ROWS) * ROWS;
    for (int s = 0; s < columns; s += WIDTH) {
      int count = Math.min(WIDTH, columns - s);
      int width = width(columns - s);
      for (int r = 0; r < rows; r++) {
        int to = c.offset() + (i + r) * c.rowStride() + j + s;
        store(tile, s * padded + r * width, c.array(), to, count, epilogue, j + s);
      }
    }
  }

  /** Stores n sums of one row, the first of them that of the column given. */
  static void store(
      float[] sums, int from, float[] c, int to, int n, Epilogue epilogue, int column) {
    float[] bias = epilogue.bias();
    int biasBase = epilogue.biasOffset() + column;
    FloatVector beta = FloatVector.broadcast(SPECIES, epilogue.beta());
    int lane = 0;
    for (; lane + STEP <= n; lane += STEP) {
      FloatVector value = load(sums, from + lane);
      if (epilogue.alpha() != 1f) {
        value = value.mul(epilogue.alpha());
      }
      if (bias != null) {
        value = value.add(load(bias, biasBase + lane));
      }
      if (epilogue.beta() != 0) {
        value = beta.fma(load(c, to + lane), value);
      }
      value = VectorKernels.canonical(value);
      if (epilogue.activation() == Activation.RELU) {
        value = value.blend(0f, value.compare(VectorOperators.LE, 0f));
      }
      value.intoArray(c, to + lane);
    }
    if (epilogue.activation() == Activation.GELU) {
      KERNELS.gelu(c, to, c, to, lane);
    }
    for (; lane < n; lane++) {
      c[to + lane] = epilogue.apply(sums[from + lane], column + lane, c[to + lane]);
    }
  }

  private static FloatVector load(float[] array, int index) {
    return FloatVector.fromArray(SPECIES, array, index);
  }
}
