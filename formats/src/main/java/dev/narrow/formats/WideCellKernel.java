package dev.narrow.formats;

import org.jspecify.annotations.Nullable;

/**
 * Any deterministic projection of any format of 9 to 16 bits, by two table look-ups.
 *
 * <p>As in {@link CellKernel} the code changes at most once within a cell, but the cells of each
 * eighth of a binade have a size of their own, since wide formats may be dense in one place and
 * sparse in another. A cell's entry holds the first bits with its second code, the first code and
 * the second.
 */
final class WideCellKernel extends Kernel {
  /** Numbers that are encoded one by one before a table pays. */
  private static final int PATIENCE = 1 << 16;

  private static final int REGION_SHIFT = 20;
  private static final int REGION_MASK = (1 << REGION_SHIFT) - 1;
  private static final int REGIONS = 1 << (32 - REGION_SHIFT);

  /** A benign race: counts may get lost. */
  private int patience = PATIENCE;

  private volatile @Nullable Cells cells;

  WideCellKernel(NumericFormat format, Projection projection) {
    super(format, projection);
  }

  static boolean supports(NumericFormat format, Projection projection) {
    return format.width() > 8 && format.width() <= 16 && !projection.rounding().isStochastic();
  }

  /** The tables. */
  private static final class Cells {
    /** For each region the index of its first cell, above the shift from bits to cells. */
    final long[] regions;

    /** For each cell the first bits with its second code, its first code and its second. */
    final long[] entries;

    Cells(long[] regions, long[] entries) {
      this.regions = regions;
      this.entries = entries;
    }
  }

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
    return made;
  }

  private Cells make() {
    Runs runs = Runs.of(format, projection);
    long[] regions = new long[REGIONS];
    int[] firstRuns = new int[REGIONS]; // the run that the region begins in
    int total = 0;
    int run = 0;
    for (int region = 0; region < REGIONS; region++) {
      int first = region << REGION_SHIFT;
      while (run + 1 < runs.count() && Integer.compareUnsigned(runs.start(run + 1), first) <= 0) {
        run++;
      }
      firstRuns[region] = run;
      int shift = shift(runs, run, region);
      regions[region] = (long) total << 32 | shift;
      total += 1 << (REGION_SHIFT - shift);
    }
    long[] entries = new long[total];
    for (int region = 0; region < REGIONS; region++) {
      fill(entries, (int) (regions[region] >>> 32), (int) regions[region], runs, region, firstRuns);
    }
    return new Cells(regions, entries);
  }

  /** The largest shift at which no cell of the region has two changes inside. */
  private static int shift(Runs runs, int firstRun, int region) {
    int shift = REGION_SHIFT;
    int lastCell = -1;
    for (int run = firstRun + 1;
        run < runs.count() && runs.start(run) >>> REGION_SHIFT == region;
        run++) {
      int at = runs.start(run);
      while (shift > 0 && (at & ((1 << shift) - 1)) != 0 && at >>> shift == lastCell) {
        shift--;
        lastCell = runs.start(run - 1) >>> shift;
        if ((runs.start(run - 1) & ((1 << shift) - 1)) == 0) {
          lastCell = -1;
        }
      }
      if ((at & ((1 << shift) - 1)) != 0) {
        lastCell = at >>> shift;
      }
    }
    return shift;
  }

  private static void fill(
      long[] entries, int firstCell, int shift, Runs runs, int region, int[] firstRuns) {
    int run = firstRuns[region];
    for (int cell = 0; cell < 1 << (REGION_SHIFT - shift); cell++) {
      int first = (region << REGION_SHIFT) + (cell << shift);
      if (run + 1 < runs.count() && runs.start(run + 1) == first) {
        run++;
      }
      int change = first;
      int before = runs.code(run);
      if (run + 1 < runs.count() && runs.start(run + 1) >>> shift == first >>> shift) {
        run++;
        change = runs.start(run);
      }
      entries[firstCell + cell] =
          (long) change << 32 | (before & 0xFFFFL) << 16 | (runs.code(run) & 0xFFFFL);
    }
  }

  private static short code(long[] regions, long[] entries, int bits) {
    long region = regions[bits >>> REGION_SHIFT];
    long entry = entries[(int) (region >>> 32) + ((bits & REGION_MASK) >>> (int) region)];
    long before = (bits - (entry >> 32)) >>> 63; // 1 where the bits lie before the change
    return (short) (entry >>> (before << 4));
  }

  @Override
  void encode(float[] src, int from, short[] codes, int to, int n) {
    Cells made = cells(n);
    if (made == null) {
      super.encode(src, from, codes, to, n);
      return;
    }
    long[] regions = made.regions;
    long[] entries = made.entries;
    for (int i = 0; i < n; i++) {
      codes[to + i] = code(regions, entries, Float.floatToRawIntBits(src[from + i]));
    }
  }

  @Override
  void quantize(float[] values, int from, int n, float scale) {
    Cells made = cells(n);
    if (made == null) {
      super.quantize(values, from, n, scale);
      return;
    }
    long[] regions = made.regions;
    long[] entries = made.entries;
    int mask = table.length - 1;
    for (int i = from; i < from + n; i++) {
      float x = values[i] / scale;
      float value = table[code(regions, entries, Float.floatToRawIntBits(x)) & mask];
      if (x == 0 ? keepsZero : keepsNan && Float.isNaN(x)) {
        value = x;
      }
      values[i] = scale * value;
    }
  }
}
