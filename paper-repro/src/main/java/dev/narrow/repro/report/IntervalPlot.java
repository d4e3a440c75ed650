package dev.narrow.repro.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One row for each arm: a dot for each seed, a diamond for the mean, a whisker for its confidence
 * interval, and the figures beside it. A row far from all others is marked at the edge instead of
 * pressing the others together; a value that is not finite is counted, not drawn.
 */
public final class IntervalPlot {
  private static final double WIDTH = 720;
  private static final double TOP = 62;
  private static final double ROW = 36;
  private static final int LABEL_COLUMNS = 24;
  private static final int TICKS = 7;

  /** How many median distances from the median still belong on the axis. */
  private static final double FOCUS = 25;

  private final String name;
  private final String title;
  private final String axisTitle;
  private final double margin;
  private final List<Row> rows = new ArrayList<>();

  private record Row(String label, List<Double> values, Interval interval) {}

  private IntervalPlot(String name, String title, String axisTitle, double margin) {
    this.name = Figure.checkName(name);
    this.title = title;
    this.axisTitle = axisTitle;
    this.margin = margin;
  }

  /**
   * A plot of values.
   *
   * @param name the figure's name, see {@link Figure}
   * @param title a few words
   * @param axisTitle what the values are, with their unit
   * @return a plot without rows yet
   * @throws IllegalArgumentException if the name is not one
   */
  public static IntervalPlot of(String name, String title, String axisTitle) {
    return new IntervalPlot(name, title, axisTitle, 0);
  }

  /**
   * A plot of differences, with a line at zero and a shaded zone around it.
   *
   * @param name the figure's name, see {@link Figure}
   * @param title a few words
   * @param axisTitle what the differences are, with their unit
   * @param margin the zone's reach to either side, in the differences' unit, more than 0
   * @return a plot without rows yet
   * @throws IllegalArgumentException if the name is not one, or margin is out of range
   */
  public static IntervalPlot ofDifferences(
      String name, String title, String axisTitle, double margin) {
    if (!(margin > 0 && Axis.drawable(margin))) {
      throw new IllegalArgumentException(
          "margin = " + margin + ", expected more than 0 and at most 1e300");
    }
    return new IntervalPlot(name, title, axisTitle, margin);
  }

  /**
   * Adds an arm. The same order of arms in all plots gives an arm the same colour in all.
   *
   * @param label the arm's name
   * @param values one for each seed
   * @param interval their mean and its interval
   * @return this plot
   */
  public IntervalPlot row(String label, double[] values, Interval interval) {
    rows.add(new Row(label, Arrays.stream(values).boxed().toList(), interval));
    return this;
  }

  /**
   * Draws it.
   *
   * @return the finished plot
   * @throws IllegalStateException if it has no row
   */
  public Figure figure() {
    if (rows.isEmpty()) {
      throw new IllegalStateException("plot \"" + name + "\" has no row");
    }
    return new Drawing().draw();
  }

  private final class Drawing {
    private final Svg svg = new Svg();
    private final Axis axis = axis();
    private final double left = 16 + labelWidth() + 14;
    private final double right = WIDTH - 16 - figuresWidth() - 14;
    private final double bottom = TOP + ROW * rows.size();

    Figure draw() {
      frame();
      for (int i = 0; i < rows.size(); i++) {
        row(i, rows.get(i));
      }
      return svg.figure(name, title, description(), WIDTH, bottom + 52);
    }

    private void frame() {
      if (margin > 0) {
        double low = Math.max(left, x(-margin));
        double high = Math.min(right, x(margin));
        svg.shape(
            "rect",
            "class",
            "zone",
            "x",
            low,
            "y",
            TOP,
            "width",
            high - low,
            "height",
            bottom - TOP);
      }
      for (Axis.Tick tick : axis.ticks()) {
        double x = x(tick.value());
        String kind = margin > 0 && tick.value() == 0 ? "axis" : "grid";
        svg.line(x, TOP, x, bottom, "class", kind);
        svg.text(x, bottom + 18, tick.label(), "class", "muted", "text-anchor", "middle");
      }
      svg.line(left, bottom, right, bottom, "class", "axis");
      svg.text(
          (left + right) / 2, bottom + 38, axisTitle, "class", "muted", "text-anchor", "middle");
      svg.text(WIDTH - 16, TOP - 8, header(), "class", "muted", "text-anchor", "end");
    }

    private void row(int index, Row row) {
      double y = TOP + ROW * (index + 0.5);
      String hue = PlotStyle.hue(index);
      if (index > 0) {
        svg.line(16, y - ROW / 2, WIDTH - 16, y - ROW / 2, "class", "grid");
      }
      svg.text(left - 14, y + 4, shortLabel(row), "text-anchor", "end");
      svg.text(WIDTH - 16, y + 4, figures(row), "text-anchor", "end");
      svg.open("g", "class", hue, "stroke", "currentColor", "fill", "currentColor");
      for (int seed = 0; seed < row.values().size(); seed++) {
        double value = row.values().get(seed);
        if (onAxis(value)) {
          String tip = row.label() + ", run " + (seed + 1) + ": " + number(value);
          svg.titled(
              tip,
              "circle",
              "cx",
              x(value),
              "cy",
              y + 8,
              "r",
              3.2,
              "stroke",
              "none",
              "fill-opacity",
              0.55);
        }
      }
      whisker(row.interval(), y - 5);
      svg.close("g");
    }

    private void whisker(Interval interval, double y) {
      double mean = interval.estimate();
      if (!Axis.drawable(mean)) {
        return;
      }
      if (!onAxis(mean)) {
        boolean below = mean < axis.low();
        double tip = below ? left + 2 : right - 2;
        double back = below ? tip + 9 : tip - 9;
        svg.shape("path", "d", path(tip, y, back, y - 5, back, y + 5), "stroke", "none");
        return;
      }
      if (Axis.drawable(interval.low()) && Axis.drawable(interval.high())) {
        double low = Math.max(left, x(interval.low()));
        double high = Math.min(right, x(interval.high()));
        svg.line(low, y, high, y, "stroke-width", 2);
        if (onAxis(interval.low())) {
          svg.line(low, y - 4, low, y + 4, "stroke-width", 2);
        }
        if (onAxis(interval.high())) {
          svg.line(high, y - 4, high, y + 4, "stroke-width", 2);
        }
      }
      double x = x(mean);
      svg.shape(
          "path",
          "class",
          "halo",
          "d",
          path(x, y - 6, x + 6, y, x, y + 6, x - 6, y),
          "stroke-width",
          1.5);
    }

    private String path(double... points) {
      StringBuilder out = new StringBuilder();
      for (int i = 0; i < points.length; i += 2) {
        out.append(i == 0 ? 'M' : 'L').append(Svg.coordinate(points[i])).append(' ');
        out.append(Svg.coordinate(points[i + 1]));
      }
      return out.append('Z').toString();
    }

    private boolean onAxis(double value) {
      return value >= axis.low() && value <= axis.high();
    }

    private double x(double value) {
      return left + (right - left) * axis.fraction(value);
    }

    private double labelWidth() {
      return rows.stream().mapToDouble(row -> Svg.textWidth(shortLabel(row))).max().orElse(0);
    }

    private double figuresWidth() {
      double widest = rows.stream().mapToDouble(row -> Svg.textWidth(figures(row))).max().orElse(0);
      return Math.max(widest, Svg.textWidth(header()));
    }

    private String figures(Row row) {
      long lost = row.values().stream().filter(value -> !Axis.drawable(value)).count();
      if (lost > 0) {
        return lost + " of " + row.values().size() + " diverged";
      }
      return margin > 0
          ? Numbers.difference(row.interval(), axis.decimals())
          : Numbers.interval(row.interval(), axis.decimals());
    }

    private String number(double value) {
      return margin > 0
          ? Numbers.signed(value, axis.decimals())
          : Numbers.fixed(value, axis.decimals());
    }

    private String header() {
      double confidence = rows.getFirst().interval().confidence() * 100;
      return "mean [" + Svg.coordinate(confidence) + " % interval]";
    }

    private String description() {
      StringBuilder out = new StringBuilder(axisTitle + ". ");
      for (Row row : rows) {
        out.append(row.label()).append(": ").append(figures(row)).append("; ");
      }
      out.append("a dot for each run, a diamond for the mean, a whisker for its interval.");
      return out.toString();
    }
  }

  private static String shortLabel(Row row) {
    return DisplayWidth.truncate(row.label(), LABEL_COLUMNS);
  }

  /** Over all that lies within reach of the median, and over the zone around zero. */
  private Axis axis() {
    double[] dots =
        rows.stream()
            .flatMap(row -> row.values().stream())
            .filter(Axis::drawable)
            .mapToDouble(Double::doubleValue)
            .toArray();
    double centre = median(dots);
    double distance = median(Arrays.stream(dots).map(dot -> Math.abs(dot - centre)).toArray());
    double reach = Math.max(FOCUS * distance, 4 * margin);
    double low = margin > 0 ? -1.2 * margin : Double.POSITIVE_INFINITY;
    double high = -low;
    for (Row row : rows) {
      List<Double> all = new ArrayList<>(row.values());
      all.add(row.interval().low());
      all.add(row.interval().high());
      for (double value : all) {
        if (Axis.drawable(value) && (reach == 0 || Math.abs(value - centre) <= reach)) {
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
      }
    }
    return low <= high ? Axis.linear(low, high, TICKS) : Axis.linear(0, 1, TICKS);
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted.length == 0 ? 0 : sorted[sorted.length / 2];
  }
}
