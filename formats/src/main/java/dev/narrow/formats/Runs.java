package dev.narrow.formats;

import java.util.Arrays;

/**
 * Encoding of float32 as a step function, a list of runs: from {@link #start start(i)} on, to the
 * next start, bit patterns taken as unsigned integers have the code {@link #code code(i)}. The
 * first run starts at 0, the last one goes on to the end, and neighbours have different codes.
 *
 * <p>Found by asking the format, so that it holds for every deterministic projection of every
 * format. Between two powers of two, codes move in one direction as the bits grow: where both ends
 * of a stretch have one code, so has all of it. Zero, infinity, and signaling and quiet NaNs are
 * stretches of their own.
 */
public final class Runs {
  private static final int INFINITY = 0x7F80_0000;
  private static final int QUIET = 0x40_0000;
  private static final int BINADE = 1 << 23;

  private final NumericFormat format;
  private final Projection projection;

  private int[] start = new int[1024];
  private int[] code = new int[1024];
  private int count;

  private Runs(NumericFormat format, Projection projection) {
    this.format = format;
    this.projection = projection;
  }

  /**
   * The runs of a projection. The format is asked some times for each run, of which a format of 16
   * bits has about as many as codes: some ten milliseconds.
   *
   * @param format of at most 16 bits
   * @param projection not stochastic
   * @return the runs
   * @throws IllegalArgumentException if the format is wider or the rounding stochastic
   */
  public static Runs of(NumericFormat format, Projection projection) {
    if (format.width() > 16) {
      throw new IllegalArgumentException(
          "format = " + format.name() + " of " + format.width() + " bits, expected at most 16");
    }
    if (projection.rounding().isStochastic()) {
      throw new IllegalArgumentException(
          "rounding = " + projection.rounding() + ", expected none with random words");
    }

    Runs runs = new Runs(format, projection);
    for (int sign : new int[] {0, Integer.MIN_VALUE}) {
      runs.stretch(sign, sign);
      runs.stretch(sign | 1, sign | (BINADE - 1));
      for (int binade = BINADE; binade < INFINITY; binade += BINADE) {
        runs.stretch(sign | binade, sign | (binade + BINADE - 1));
      }
      runs.stretch(sign | INFINITY, sign | INFINITY);
      runs.stretch(sign | (INFINITY + 1), sign | (INFINITY + QUIET - 1));
      runs.stretch(sign | (INFINITY + QUIET), sign | Integer.MAX_VALUE);
    }
    return runs;
  }

  private int encode(int bits) {
    return format.encode(Float.intBitsToFloat(bits), projection);
  }

  private void add(int bits, int codeFromThere) {
    if (count > 0 && code[count - 1] == codeFromThere) {
      return;
    }
    if (count == start.length) {
      start = Arrays.copyOf(start, 2 * count);
      code = Arrays.copyOf(code, 2 * count);
    }
    start[count] = bits;
    code[count++] = codeFromThere;
  }

  /** A range of one sign, both ends included, in which codes move in one direction. */
  private void stretch(int first, int last) {
    int at = first;
    int here = encode(first);
    int end = encode(last);
    int distance = Math.max(1, (last - first) >> 1);
    add(at, here);
    while (here != end) {
      int next = next(at, here, last, distance);
      distance = next - at;
      at = next;
      here = encode(next);
      add(at, here);
    }
  }

  /** The first bits above {@code at} with another code; runs before it suggest how far it is. */
  private int next(int at, int here, int last, int distance) {
    int low = at; // has the code
    int high = last; // has another
    int probe = distance < last - at ? at + distance : last;
    int step = 1;
    while (probe < high) {
      if (encode(probe) != here) {
        high = probe;
        if (encode(probe - 1) == here) {
          return probe;
        }
        high = probe - 1;
        break;
      }
      low = probe;
      probe = step < last - probe ? probe + step : last;
      step *= 4;
    }
    while (high - low > 1) {
      int middle = low + (high - low) / 2;
      if (encode(middle) == here) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return high;
  }

  /**
   * How many runs there are.
   *
   * @return 1 or more
   */
  public int count() {
    return count;
  }

  /**
   * Where a run starts.
   *
   * @param run from 0 on
   * @return the bits of a float32
   */
  public int start(int run) {
    return start[run];
  }

  /**
   * The code of a run.
   *
   * @param run from 0 on
   * @return a code of the format
   */
  public int code(int run) {
    return code[run];
  }
}
