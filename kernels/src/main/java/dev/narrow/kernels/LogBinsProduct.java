package dev.narrow.kernels;

import dev.narrow.formats.LogFormat;
import dev.narrow.quant.TensorReader;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Products of matrices of codes in an {@link Accumulator.LogBins}, whose notice on patents applies
 * here.
 */
final class LogBinsProduct {
  /** Exponents that stand for zero and for NaN: sums of those of numbers stay between them. */
  private static final int ZERO = -1 << 28;

  private static final int NAN = 1 << 28;

  /** Powers of two up to 2^15 both, the second at most the first. */
  private record Table(int gamma, int entries) {
    double[] constants() {
      return LogBinsProduct.constants(gamma, entries);
    }
  }

  private static final Map<Table, double[]> CONSTANTS = new ConcurrentHashMap<>();

  private final int gammaBits;
  private final int fractionBits;
  private final long greatest;
  private final double[] constants;

  private LogBinsProduct(Accumulator.LogBins accumulator, int gamma) {
    gammaBits = Integer.numberOfTrailingZeros(gamma);
    fractionBits = accumulator.fractionBits();
    greatest = Long.MAX_VALUE >>> (Long.SIZE - accumulator.bits());
    constants =
        CONSTANTS.computeIfAbsent(new Table(gamma, accumulator.entries()), Table::constants);
  }

  /**
   * Checks that the accumulator takes the operands.
   *
   * @throws IllegalArgumentException if one has no codes of a logarithmic format, or more than one
   *     scale, if the base factors differ, or are less than the entries of the table
   */
  static void check(Accumulator.LogBins accumulator, Operand a, Operand b) {
    LogFormat left = format(a, "a");
    LogFormat right = format(b, "b");
    if (left.gamma() != right.gamma()) {
      throw new IllegalArgumentException(
          "b has format %s of gamma %d, expected gamma %d, that of a"
              .formatted(right.name(), right.gamma(), left.gamma()));
    }
    if (accumulator.entries() > left.gamma()) {
      throw new IllegalArgumentException(
          "entries = %d, expected at most %d, the gamma of %s"
              .formatted(accumulator.entries(), left.gamma(), left.name()));
    }
  }

  private static LogFormat format(Operand operand, String name) {
    TensorReader codes = operand.codes();
    if (codes == null || !(codes.tensor().format() instanceof LogFormat format)) {
      throw new IllegalArgumentException(
          "%s has %s, expected codes of a logarithmic format where sums are made in log bins"
              .formatted(name, codes == null ? "floats" : codes.tensor()));
    }
    if (codes.tensor().scales().count() != 1 || codes.tensor().scales().hasZeroPoints()) {
      throw new IllegalArgumentException(
          "%s = %s has scales %s, expected one where sums are made in log bins"
              .formatted(name, codes.tensor(), codes.tensor().scales()));
    }
    return format;
  }

  /**
   * c = a b, the sums only, as {@link AccumulatorMatmul#multiply}, each times the product of the
   * scales of a and b.
   *
   * @param a with codes that {@link #check} has found fit
   * @param b the same
   */
  static void multiply(Accumulator.LogBins accumulator, Operand a, Operand b, Matrix c) {
    int[] left = Scratch.takeInts(a.rows() * a.columns());
    int[] right = Scratch.takeInts(b.rows() * b.columns());
    multiply(accumulator, CodeMatrix.of(a, left), CodeMatrix.of(b, right), c);
    Scratch.give(right);
    Scratch.give(left);
    float scale = a.scale() * b.scale();
    for (int i = 0; i < c.rows(); i++) {
      for (int j = 0; j < c.columns(); j++) {
        c.array()[c.offset() + i * c.rowStride() + j] *= scale;
      }
    }
  }

  /** The same of codes without scales. */
  static void multiply(Accumulator.LogBins accumulator, CodeMatrix a, CodeMatrix b, Matrix c) {
    new LogBinsProduct(accumulator, a.format().gamma()).multiply(a, b, c);
  }

  /** What is multiplied with each bin: 2^(r / gamma), or an approximation that is not less. */
  static double[] constants(int gamma, int entries) {
    LogFormat table = new LogFormat("table", 16, entries, 0, LogFormat.Zero.NONE);
    int step = gamma / entries;
    double[] constants = new double[gamma];
    for (int r = 0; r < gamma; r++) {
      double f = (double) (r % step) / gamma;
      constants[r] = table.decodeDouble(r / step) * (1 + f);
    }
    return constants;
  }

  private void multiply(CodeMatrix a, CodeMatrix b, Matrix c) {
    int n = a.columns();
    int[] row = Scratch.takeInts(n);
    int[] rowSigns = Scratch.takeInts(n);
    int[] columns = Scratch.takeInts(n * c.columns());
    int[] columnSigns = Scratch.takeInts(n * c.columns());
    long[] bins = Scratch.takeLongs(constants.length);
    for (int j = 0; j < c.columns(); j++) {
      split(b, b.offset() + j * b.columnStride(), b.rowStride(), columns, columnSigns, j * n, n);
    }
    for (int i = 0; i < c.rows(); i++) {
      split(a, a.offset() + i * a.rowStride(), a.columnStride(), row, rowSigns, 0, n);
      for (int j = 0; j < c.columns(); j++) {
        c.array()[c.offset() + i * c.rowStride() + j] =
            sum(row, rowSigns, columns, columnSigns, j * n, n, bins);
      }
    }
    Scratch.give(bins);
    Scratch.give(columnSigns);
    Scratch.give(columns);
    Scratch.give(rowSigns);
    Scratch.give(row);
  }

  /** The exponents of codes, in units of 1 / gamma, and their signs as 0 or -1. */
  private static void split(
      CodeMatrix matrix, int from, int stride, int[] exponents, int[] signs, int to, int n) {
    LogFormat format = matrix.format();
    int largest = (1 << (format.width() - 1)) - 1;
    boolean hasZero = format.zero() == LogFormat.Zero.RESERVED;
    for (int k = 0; k < n; k++) {
      int code = matrix.codes()[from + k * stride];
      int magnitude = code & largest;
      boolean negative = (code & (largest + 1)) != 0;
      boolean isNumber = magnitude != 0 || !hasZero;
      exponents[to + k] = isNumber ? magnitude - format.bias() : negative ? NAN : ZERO;
      signs[to + k] = negative ? -1 : 0;
    }
  }

  private float sum(int[] a, int[] aSigns, int[] b, int[] bSigns, int from, int n, long[] bins) {
    Arrays.fill(bins, 0, constants.length, 0);
    int mask = constants.length - 1;
    for (int k = 0; k < n; k++) {
      int x = a[k];
      int y = b[from + k];
      if (x == NAN || y == NAN) {
        return Float.NaN;
      }
      int p = x + y;
      int shift = (p >> gammaBits) + fractionBits;
      if (shift >= 0 && x != ZERO && y != ZERO) {
        bins[p & mask] = add(bins[p & mask], shift, aSigns[k] != bSigns[from + k]);
      }
    }
    double sum = 0;
    for (int r = 0; r < constants.length; r++) {
      sum = Math.fma(constants[r], Math.scalb((double) bins[r], -fractionBits), sum);
    }
    return (float) sum;
  }

  /** bin ± 2^shift, within the range. */
  private long add(long bin, int shift, boolean negative) {
    long end = negative ? -greatest - 1 : greatest;
    if (shift < Long.SIZE - 1) {
      long term = negative ? -1L << shift : 1L << shift;
      long next = bin + term;
      boolean overflows = ((bin ^ next) & (term ^ next)) < 0;
      return overflows ? end : Math.clamp(next, -greatest - 1, greatest);
    }
    boolean opposite = bin < 0 != negative;
    boolean fits = shift == Long.SIZE - 1 && opposite;
    return fits ? Math.clamp(bin + Long.MIN_VALUE, -greatest - 1, greatest) : end;
  }
}
