package dev.narrow.repro.report;

import java.util.ArrayList;
import java.util.List;

/**
 * Histograms of magnitudes, one row each: the darker an octave, the larger its share of the row.
 * Rows have their octaves in common, so that ranges can be compared by eye.
 */
public final class OctaveMap {
  private static final double WIDTH = 720;
  private static final double TOP = 40;
  private static final double ROW = 16;
  private static final double GAP = 8;
  private static final int LABEL_COLUMNS = 34;

  private final String name;
  private final String title;
  private final List<Row> rows = new ArrayList<>();

  private final List<Span> spans = new ArrayList<>();

  private record Row(String label, int least, List<Double> shares) {
    int most() {
      return least + shares.size() - 1;
    }
  }

  private record Span(String label, int least, int most) {}

  /**
   * A plot without rows yet.
   *
   * @param name the figure's name, see {@link Figure}
   * @param title a few words
   * @throws IllegalArgumentException if the name is not one
   */
  public OctaveMap(String name, String title) {
    this.name = Figure.checkName(name);
    this.title = title;
  }

  /**
   * Adds a row, below those before it.
   *
   * @param label what the numbers are
   * @param least the octave of the first share: magnitudes from 2^least up to 2^(least + 1)
   * @param shares of the following octaves, 0 to 1
   * @return this plot
   */
  public OctaveMap row(String label, int least, List<Double> shares) {
    rows.add(new Row(label, least, List.copyOf(shares)));
    return this;
  }

  /**
   * Adds a range to compare the rows with, below all of them: it is drawn as far as they reach.
   *
   * @param label what has this range
   * @param least its first octave
   * @param most its last
   * @return this plot
   */
  public OctaveMap span(String label, int least, int most) {
    spans.add(new Span(label, least, most));
    return this;
  }

  /**
   * Draws it.
   *
   * @return the finished plot
   * @throws IllegalStateException if no row has an octave
   */
  public Figure figure() {
    int least = Integer.MAX_VALUE;
    int most = Integer.MIN_VALUE;
    double labels = 0;
    for (Row row : rows) {
      if (!row.shares().isEmpty()) {
        least = Math.min(least, row.least());
        most = Math.max(most, row.most());
      }
      labels = Math.max(labels, Svg.textWidth(label(row.label())));
    }
    if (least > most) {
      throw new IllegalStateException("plot \"" + name + "\" has no octave");
    }
    Svg svg = new Svg();
    double left = 16 + labels + 12;
    double cell = (WIDTH - 16 - left) / (most - least + 1);
    double bottom = TOP + ROW * rows.size() + (spans.isEmpty() ? 0 : GAP + ROW * spans.size());
    int step = Math.max(1, (int) Math.ceil(48 / cell)); // room for a label
    for (int octave = least; octave <= most; octave++) {
      if (Math.floorMod(octave, step) == 0) {
        double x = left + (octave - least) * cell;
        svg.line(x, TOP, x, bottom + 4, "class", "grid");
        svg.text(x, bottom + 18, "2^" + octave, "class", "muted", "text-anchor", "middle");
      }
    }
    double y = TOP;
    for (Row row : rows) {
      svg.text(left - 12, y + 12, label(row.label()), "text-anchor", "end");
      svg.open("g", "class", PlotStyle.hue(1));
      for (int i = 0; i < row.shares().size(); i++) {
        double share = row.shares().get(i);
        if (share > 0) {
          int octave = row.least() + i;
          svg.titled(
              row.label() + ": " + Numbers.fixed(share * 100, 3) + " % from 2^" + octave,
              "rect",
              "x",
              left + (octave - least) * cell,
              "y",
              y + 1,
              "width",
              Math.max(0.5, cell - 0.5),
              "height",
              ROW - 2,
              "fill",
              "currentColor",
              "fill-opacity",
              opacity(share));
        }
      }
      svg.close("g");
      y += ROW;
    }
    y += GAP;
    for (Span span : spans) {
      svg.text(left - 12, y + 12, span.label(), "class", "muted", "text-anchor", "end");
      double from = left + (Math.max(least, span.least()) - least) * cell;
      double to = left + (Math.min(most, span.most()) - least + 1) * cell;
      if (from < to) {
        String tip = span.label() + ": 2^" + span.least() + " to 2^" + (span.most() + 1);
        svg.open("g", "class", PlotStyle.hue(4));
        svg.titled(
            tip,
            "rect",
            "x",
            from,
            "y",
            y + 5,
            "width",
            to - from,
            "height",
            ROW - 10,
            "fill",
            "currentColor");
        svg.close("g");
      }
      y += ROW;
    }
    String description =
        "Shares of the octaves of " + rows.size() + " rows, as the table has them.";
    return svg.figure(name, title, description, WIDTH, bottom + 30);
  }

  /** By the logarithm, so that a millionth can be seen as well as a third. */
  private static double opacity(double share) {
    return Math.clamp(1 + Math.log10(Math.min(1, share * 3)) / 7, 0.08, 1);
  }

  /** The end of a long name tells more than its beginning. */
  private static String label(String name) {
    int length = name.codePointCount(0, name.length());
    return length <= LABEL_COLUMNS
        ? name
        : "…" + name.substring(name.offsetByCodePoints(0, length - LABEL_COLUMNS + 1));
  }
}
