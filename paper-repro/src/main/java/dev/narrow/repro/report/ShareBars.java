package dev.narrow.repro.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Stacked bars for shares of a whole, in groups: of all values in a tensor role, how many were
 * flushed to zero, how many saturated.
 */
public final class ShareBars {
  private static final double WIDTH = 720;
  private static final double TOP = 66;
  private static final double ROW = 20;
  private static final double GROUP = 26;
  private static final double FIGURES = 96;
  private static final int LABEL_COLUMNS = 24;
  private static final int TICKS = 6;

  /** Hues of the parts: blue and vermilion first, the pair furthest apart for all eyes. */
  private static final int[] HUES = {1, 4, 3, 5};

  private final String name;
  private final String title;
  private final List<String> parts;
  private final List<Bar> bars = new ArrayList<>();

  private record Bar(String group, String label, List<Double> shares) {
    double total() {
      return shares.stream().filter(Double::isFinite).mapToDouble(Double::doubleValue).sum();
    }
  }

  /**
   * A plot without bars yet.
   *
   * @param name the figure's name, see {@link Figure}
   * @param title a few words
   * @param parts what the shares are of, one to four, for example "flushed to zero"
   * @throws IllegalArgumentException if the name is not one, or the number of parts is out of range
   */
  public ShareBars(String name, String title, String... parts) {
    if (parts.length < 1 || parts.length > HUES.length) {
      throw new IllegalArgumentException("parts has " + parts.length + ", expected 1 to 4");
    }
    this.name = Figure.checkName(name);
    this.title = title;
    this.parts = List.of(parts);
  }

  /**
   * Adds a bar, below those before it.
   *
   * @param group its group; a new heading where it differs from the bar before
   * @param label its own label
   * @param shares for each part, 0 to 1, together at most 1; NaN where there were no values
   * @return this plot
   * @throws IllegalArgumentException if their number is not that of the parts, or they are out of
   *     range
   */
  public ShareBars bar(String group, String label, double... shares) {
    if (shares.length != parts.size()) {
      throw new IllegalArgumentException(
          "shares has " + shares.length + ", expected " + parts.size() + " as there are parts");
    }
    Bar bar = new Bar(group, label, Arrays.stream(shares).boxed().toList());
    for (double share : shares) {
      if (share < 0 || share > 1 || bar.total() > 1 + 1e-9) {
        throw new IllegalArgumentException(
            "shares = " + Arrays.toString(shares) + ", expected 0 to 1, together at most 1");
      }
    }
    bars.add(bar);
    return this;
  }

  /**
   * Draws it.
   *
   * @return the finished plot
   * @throws IllegalStateException if it has no bar
   */
  public Figure figure() {
    if (bars.isEmpty()) {
      throw new IllegalStateException("plot \"" + name + "\" has no bar");
    }
    Svg svg = new Svg();
    double labels = bars.stream().mapToDouble(b -> Svg.textWidth(label(b))).max().orElse(0);
    double left = 32 + labels + 12;
    double right = WIDTH - 16 - FIGURES * parts.size();
    double most = bars.stream().mapToDouble(Bar::total).max().orElse(0) * 100;
    Axis axis = Axis.linear(0, most > 0 ? most : 1, TICKS);
    double bottom = TOP + ROW * bars.size() + GROUP * groups();

    for (Axis.Tick tick : axis.ticks()) {
      double x = left + (right - left) * axis.fraction(tick.value());
      svg.line(x, TOP, x, bottom, "class", "grid");
      svg.text(x, bottom + 18, tick.label(), "class", "muted", "text-anchor", "middle");
    }
    String unit = "share of values, %";
    svg.text((left + right) / 2, bottom + 38, unit, "class", "muted", "text-anchor", "middle");
    for (int part = 0; part < parts.size(); part++) {
      double end = right + FIGURES * (part + 1);
      String text = DisplayWidth.truncate(parts.get(part), 15);
      svg.text(end, TOP - 10, text, "class", "muted", "text-anchor", "end");
      svg.open("g", "class", PlotStyle.hue(HUES[part]));
      svg.shape(
          "rect", "x", end - 22, "y", TOP - 34, "width", 22, "height", 9, "fill", "currentColor");
      svg.close("g");
    }

    double y = TOP;
    for (int i = 0; i < bars.size(); i++) {
      if (heads(i)) {
        String group = DisplayWidth.truncate(bars.get(i).group(), 60);
        svg.text(16, y + 18, group, "class", "strong");
        y += GROUP;
      }
      bar(svg, bars.get(i), axis, left, right, y);
      y += ROW;
    }
    svg.line(left, TOP, left, bottom, "class", "axis");
    return svg.figure(name, title, description(), WIDTH, bottom + 52);
  }

  private void bar(Svg svg, Bar bar, Axis axis, double left, double right, double y) {
    svg.text(left - 12, y + 14, label(bar), "text-anchor", "end");
    double x = left;
    for (int part = 0; part < parts.size(); part++) {
      double share = bar.shares().get(part);
      String figure = percent(share);
      double end = right + FIGURES * (part + 1);
      svg.text(end, y + 14, figure, "text-anchor", "end");
      if (share > 0) {
        // A share too small to see still shows as a hair line; the figure beside it is exact.
        double width = Math.max(1, (right - left) * axis.fraction(share * 100));
        String tip = bar.group() + ", " + bar.label() + ": " + figure + " " + parts.get(part);
        svg.open("g", "class", PlotStyle.hue(HUES[part]));
        svg.titled(
            tip,
            "rect",
            "x",
            x,
            "y",
            y + 3,
            "width",
            width,
            "height",
            ROW - 6,
            "fill",
            "currentColor");
        svg.close("g");
        x += width;
      }
    }
  }

  private int groups() {
    int count = 0;
    for (int i = 0; i < bars.size(); i++) {
      count += heads(i) ? 1 : 0;
    }
    return count;
  }

  private boolean heads(int bar) {
    return bar == 0 || !bars.get(bar).group().equals(bars.get(bar - 1).group());
  }

  private String description() {
    return bars.stream()
        .map(bar -> bar.group() + ", " + bar.label() + ": " + figures(bar))
        .collect(Collectors.joining("; ", "Share of values. ", "."));
  }

  private String figures(Bar bar) {
    List<String> texts = new ArrayList<>();
    for (int part = 0; part < parts.size(); part++) {
      texts.add(percent(bar.shares().get(part)) + " " + parts.get(part));
    }
    return String.join(", ", texts);
  }

  private static String percent(double share) {
    if (!Double.isFinite(share)) {
      return Numbers.NONE;
    }
    return share == 0 ? "0 %" : share < 5e-5 ? "< 0.01 %" : Numbers.fixed(share * 100, 2) + " %";
  }

  private static String label(Bar bar) {
    return DisplayWidth.truncate(bar.label(), LABEL_COLUMNS);
  }
}
