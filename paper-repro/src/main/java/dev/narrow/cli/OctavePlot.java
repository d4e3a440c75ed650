package dev.narrow.cli;

import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import dev.narrow.formats.TableFormat;
import java.util.Locale;

/**
 * Where the positive values of a format lie: a bar for each octave, as high as the logarithm of the
 * number of values in it. On the right stands the largest relative error that so many values mean.
 */
final class OctavePlot {
  private static final int COLUMNS = 60;
  private static final int ROWS = 8;
  private static final int BETWEEN_LABELS = 8;
  private static final int MARGIN = 8;
  private static final String BLOCKS = " ▁▂▃▄▅▆▇█";
  private static final String SUBNORMAL = "\u001b[33m";
  private static final String RESET = "\u001b[0m";

  private final int lowest;
  private final int octaves;
  private final int normalFrom;
  private final long[] counts;
  private final boolean logarithmic;

  OctavePlot(NumericFormat format) {
    double min = Math.max(format.limits().minPositive(), Double.MIN_VALUE);
    double max = format.limits().maxFinite();
    max = Double.isInfinite(max) ? 0x1p1022 : max; // the rest lies beyond float64
    lowest = exponent(min);
    octaves = exponent(max) - lowest + 1;
    normalFrom = format instanceof FloatFormat f ? exponent(f.limits().minNormal()) - lowest : 0;
    logarithmic = format instanceof LogFormat;
    counts = new long[octaves];
    for (int i = 0; i < octaves; i++) {
      counts[i] = below(format, lowest + i + 1) - below(format, lowest + i);
    }
  }

  /** Math.getExponent with that of subnormal doubles too. */
  private static int exponent(double x) {
    return x < Double.MIN_NORMAL ? Math.getExponent(x * 0x1p60) - 60 : Math.getExponent(x);
  }

  /** How many codes from that of zero on stand for less than 2^exponent. */
  private static long below(NumericFormat format, int exponent) {
    double limit = Math.scalb(1.0, exponent);
    if (format instanceof TableFormat table) {
      return table.values().stream().filter(v -> v > 0 && v < limit).distinct().count();
    }
    // positive values are in the order of their codes
    Saturation clamp = Saturation.OCP_SAT.withUnderflow(Saturation.Underflow.CLAMP);
    int code = format.encode(limit, new Projection(Rounding.TOWARD_POSITIVE, clamp));
    return Integer.toUnsignedLong(code) + (format.decodeDouble(code) < limit ? 1 : 0);
  }

  /** How many values lie in 2^exponent to below 2^(exponent + 1). */
  long count(int exponent) {
    int i = exponent - lowest;
    return i >= 0 && i < octaves ? counts[i] : 0;
  }

  /** The lines of the plot, at most 80 columns wide, each ended by a line feed. */
  static String render(NumericFormat format, boolean colour) {
    return new OctavePlot(format).lines(colour);
  }

  private String lines(boolean colour) {
    int perOctave = Math.max(1, COLUMNS / octaves);
    int columns = Math.min(COLUMNS, octaves * perOctave);
    double[] levels = new double[columns];
    boolean[] subnormal = new boolean[columns];
    double top = 1;
    for (int c = 0; c < columns; c++) {
      int from = (int) ((long) c * octaves / columns);
      int to = Math.max(from + 1, (int) ((long) (c + 1) * octaves / columns));
      for (int i = from; i < to; i++) {
        levels[c] = Math.max(levels[c], counts[i] == 0 ? 0 : 1 + log2((double) counts[i]));
      }
      subnormal[c] = from < normalFrom;
      top = Math.max(top, levels[c]);
    }
    int bitsPerRow = (int) Math.ceil(top / ROWS);
    int rows = (int) Math.ceil(top / bitsPerRow);

    StringBuilder out = new StringBuilder();
    String title = "values in each octave";
    out.append(title)
        .append(" ".repeat(Math.max(1, MARGIN + columns + 1 - title.length())))
        .append("error\n");
    for (int row = rows - 1; row >= 0; row--) {
      int bits = (row + 1) * bitsPerRow - 1;
      out.append(String.format(Locale.ROOT, "%6s ┤", bits > 13 ? "2^" + bits : 1L << bits));
      String ink = "";
      for (int c = 0; c < columns; c++) {
        double filled = (levels[c] - (double) row * bitsPerRow) / bitsPerRow;
        String wanted = colour && subnormal[c] ? SUBNORMAL : "";
        if (!wanted.equals(ink)) {
          out.append(wanted.isEmpty() ? RESET : wanted);
          ink = wanted;
        }
        out.append(BLOCKS.charAt((int) Math.round(8 * Math.clamp(filled, 0, 1))));
      }
      out.append(ink.isEmpty() ? "" : RESET);
      out.append(' ').append(percent(worst(Math.scalb(1.0, bits)))).append('\n');
    }
    return out.append(axis(columns)).toString();
  }

  private String axis(int columns) {
    int step = 1;
    while ((double) step * columns / octaves < BETWEEN_LABELS) {
      step *= 2;
    }
    StringBuilder line = new StringBuilder(" ".repeat(MARGIN - 1)).append('└');
    StringBuilder labels = new StringBuilder();
    line.append("─".repeat(columns + 1));
    for (int i = Math.floorMod(-lowest, step); i <= octaves; i += step) {
      int column = MARGIN + (int) ((long) i * columns / octaves);
      line.setCharAt(column, '┴');
      int power = lowest + i;
      String label = power == 0 ? "1" : "2^" + power;
      int at = column - label.length() / 2;
      labels.append(" ".repeat(Math.max(0, at - labels.length()))).append(label);
    }
    return line + "\n" + labels + "\n";
  }

  /** The largest relative error among so many evenly spaced values in an octave. */
  private double worst(double values) {
    return logarithmic ? Math.pow(2, 0.5 / values) - 1 : 1 / (2 * values + 1);
  }

  private static double log2(double x) {
    return Math.log(x) / Math.log(2);
  }

  private static String percent(double fraction) {
    return String.format(
        Locale.ROOT,
        fraction < 1e-4 ? "%.0e" : "%.2g %%",
        fraction < 1e-4 ? fraction : 100 * fraction);
  }
}
