package dev.narrow.formats;

import org.jspecify.annotations.Nullable;

/**
 * Any deterministic projection of any format of at most 8 bits, by one table look-up, one addition
 * and one more look-up.
 *
 * <p>The upper bits of a float name its cell; cells are so small that the code changes at most once
 * inside of one. The runs of equal codes ({@link Runs}) are numbered as the bits of the floats
 * grow. To the bits is added what the cell's table entry says, so that above the cell's lower bits,
 * which the shift drops, stands the number of the run: from the point on where the code changes,
 * the sum of the lower bits carries one into it.
 */
class CellKernel extends Kernel {
  /** Numbers that are encoded one by one before a table pays. */
  private static final int PATIENCE = 1024;

  private static final int MAX_CELLS = 1 << 18;

  /** A benign race: counts may get lost. */
  private int patience = PATIENCE;

  private volatile @Nullable Cells cells;

  CellKernel(NumericFormat format, Projection projection) {
    super(format, projection);
  }

  static boolean supports(NumericFormat format, Projection projection) {
    return format.width() <= 8 && !projection.rounding().isStochastic();
  }

  /** The tables. */
  private static final class Cells {
    /** How far to the right a cell's number is from its bits. */
    final int shift;

    /** For each cell what to add to the bits; empty if there would be too many cells. */
    final int[] add;

    /** For each run its code. */
    final byte[] codes;

    /** For each run the value of its code. */
    final float[] values;

    Cells(int shift, int[] add, byte[] codes, float[] values) {
      this.shift = shift;
      this.add = add;
      this.codes = codes;
      this.values = values;
    }
  }

  /** The tables, or null while they do not pay or if there would be too many cells. */
  private @Nullable Cells cells(int n) {
    Cells made = cells;
    if (made == null) {
      patience -= Math.min(n, PATIENCE);
      if (patience > 0) {
        return null;
      }
      made = make();
      cells = made;
    }
    return made.add.length == 0 ? null : made;
  }

  private Cells make() {
    Runs runs = Runs.of(format, projection);
    byte[] codes = new byte[runs.count()];
    float[] values = new float[runs.count()];
    for (int run = 0; run < codes.length; run++) {
      codes[run] = (byte) runs.code(run);
      values[run] = format.decode(runs.code(run));
    }
    for (int shift = 22; 1 << (32 - shift) <= MAX_CELLS; shift--) {
      int[] add = add(runs, shift);
      if (add.length > 0) {
        return new Cells(shift, add, codes, values);
      }
    }
    return new Cells(0, new int[0], codes, values);
  }

  /** The table for a size of cells, empty if the code changes twice in one of them. */
  private static int[] add(Runs runs, int shift) {
    int[] add = new int[1 << (32 - shift)];
    int run = 0;
    if (runs.count() > add.length) {
      return new int[0]; // their numbers would not fit above the shift
    }
    for (int cell = 0; cell < add.length; cell++) {
      int first = cell << shift;
      if (run + 1 < runs.count() && runs.start(run + 1) == first) {
        run++;
      }
      add[cell] = (run << shift) - first;
      if (run + 1 < runs.count() && runs.start(run + 1) >>> shift == cell) {
        run++;
        add[cell] += (1 << shift) - (runs.start(run) - first);
        if (run + 1 < runs.count() && runs.start(run + 1) >>> shift == cell) {
          return new int[0];
        }
      }
    }
    return add;
  }

  @Override
  void encode(float[] src, int from, byte[] codes, int to, int n) {
    Cells made = cells(n);
    if (made == null) {
      super.encode(src, from, codes, to, n);
      return;
    }
    int shift = made.shift;
    int[] add = made.add;
    byte[] ofRun = made.codes;
    for (int i = 0; i < n; i++) {
      int bits = Float.floatToRawIntBits(src[from + i]);
      codes[to + i] = ofRun[(bits + add[bits >>> shift]) >>> shift];
    }
  }

  @Override
  void quantize(float[] values, int from, int n, float scale) {
    Cells made = cells(n);
    if (made == null) {
      super.quantize(values, from, n, scale);
      return;
    }
    int shift = made.shift;
    int[] add = made.add;
    float[] ofRun = made.values;
    boolean keeps = keepsZero || keepsNan;
    for (int i = from; i < from + n; i++) {
      float x = values[i] / scale;
      int bits = Float.floatToRawIntBits(x);
      float value = ofRun[(bits + add[bits >>> shift]) >>> shift];
      if (keeps && (x == 0 ? keepsZero : keepsNan && Float.isNaN(x))) {
        value = x;
      }
      values[i] = scale * value;
    }
  }
}
