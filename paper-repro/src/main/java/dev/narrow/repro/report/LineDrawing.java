package dev.narrow.repro.report;

import dev.narrow.repro.report.LineChart.Line;
import java.util.Arrays;
import java.util.Comparator;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/** The geometry of a {@link LineChart}. */
final class LineDrawing {
  private static final double WIDTH = 720;
  private static final double LEFT = 64;
  private static final double LABEL_HEIGHT = 15;
  private static final double LEGEND_TOP = 50;
  private static final double LEGEND_HEIGHT = 20;
  private static final int LABEL_COLUMNS = 18;
  private static final int TICKS = 8;

  /** How many spans beyond the middle arms' span a curve may draw the axis out. */
  private static final double FOCUS = 4;

  private final Svg svg = new Svg();
  private final List<Line> lines;
  private final String axisTitle;
  private final int epochs;
  private final Axis axis;
  private final double right;
  private final double top;
  private final double bottom;

  LineDrawing(List<Line> lines, String axisTitle, boolean logarithmic) {
    this.lines = lines;
    this.axisTitle = axisTitle;
    this.epochs = lines.getFirst().epochs();
    this.axis = valueAxis(lines, logarithmic);
    double labels = lines.stream().mapToDouble(line -> Svg.textWidth(label(line))).max().orElse(0);
    this.right = WIDTH - 16 - labels - 28;
    this.top = drawLegend() + 42;
    this.bottom = top + Math.max(280, LABEL_HEIGHT * lines.size());
  }

  Figure figure(String name, String title) {
    frame();
    // A nested document clips without an id, and its view box keeps the coordinates.
    double width = right - LEFT;
    double height = bottom - top;
    String box = Svg.coordinate(LEFT) + " " + Svg.coordinate(top) + " ";
    box += Svg.coordinate(width) + " " + Svg.coordinate(height);
    svg.open(
        "svg",
        "x",
        LEFT,
        "y",
        top,
        "width",
        width,
        "height",
        height,
        "viewBox",
        box,
        "overflow",
        "hidden",
        "fill",
        "none",
        "stroke-linejoin",
        "round");
    for (int i = lines.size() - 1; i >= 0; i--) { // the first arm, the reference, on top
      curves(i, lines.get(i));
    }
    svg.close("svg");
    for (int i = 0; i < lines.size(); i++) {
      breakMark(i, lines.get(i));
    }
    endLabels();
    return svg.figure(name, title, description(), WIDTH, bottom + 52);
  }

  /** Draws the legend in as many rows as it takes. Returns the last row's base line. */
  private double drawLegend() {
    double x = 16;
    double y = LEGEND_TOP;
    for (int i = 0; i < lines.size(); i++) {
      String text = label(lines.get(i)) + status(lines.get(i));
      double width = 34 + Svg.textWidth(text);
      if (x > 16 && x + width > WIDTH - 16) {
        x = 16;
        y += LEGEND_HEIGHT;
      }
      svg.open("g", "class", PlotStyle.hue(i));
      svg.line(
          x,
          y - 4,
          x + 28,
          y - 4,
          "stroke",
          "currentColor",
          "stroke-width",
          2,
          "stroke-dasharray",
          PlotStyle.dash(i));
      svg.close("g");
      svg.text(x + 34, y, text);
      x += width + 16;
    }
    return y;
  }

  private void frame() {
    for (Axis.Tick tick : axis.ticks()) {
      double y = y(tick.value());
      svg.line(LEFT, y, right, y, "class", "grid");
      svg.text(LEFT - 8, y + 4, tick.label(), "class", "muted", "text-anchor", "end");
    }
    svg.line(LEFT, bottom, right, bottom, "class", "axis");
    for (Axis.Tick tick : Axis.linear(1, epochs, TICKS).ticks()) {
      double epoch = Math.max(1, tick.value()); // a tick at 0 stands for the first epoch
      if (epoch == Math.rint(epoch) && epoch <= epochs) {
        double x = x((int) epoch - 1);
        svg.line(x, bottom, x, bottom + 4, "class", "axis");
        String text = Integer.toString((int) epoch);
        svg.text(x, bottom + 18, text, "class", "muted", "text-anchor", "middle");
      }
    }
    svg.text((LEFT + right) / 2, bottom + 38, "epoch", "class", "muted", "text-anchor", "middle");
    svg.text(16, top - 14, axisTitle, "class", "muted");
  }

  private void curves(int index, Line line) {
    svg.open("g", "class", PlotStyle.hue(index));
    int whole = line.firstLost();
    if (line.runs().size() > 1) {
      band(line, whole);
    }
    for (double[] run : line.runs()) {
      // From where the mean ends, with the piece that leads there.
      polyline(epoch -> run[epoch], Math.max(0, whole - 1), epochs, 1, index);
    }
    polyline(line::mean, 0, whole, 2, index);
    svg.close("g");
  }

  private void band(Line line, int whole) {
    for (int from = 0; from < whole; from++) {
      int to = from;
      while (to < whole && drawn(smallest(line, to))) {
        to++;
      }
      if (to - from > 1) {
        StringBuilder path = new StringBuilder();
        for (int epoch = from; epoch < to; epoch++) {
          point(path, epoch, largest(line, epoch));
        }
        for (int epoch = to - 1; epoch >= from; epoch--) {
          point(path, epoch, smallest(line, epoch));
        }
        svg.shape("path", "d", path.append('Z'), "fill", "currentColor", "fill-opacity", 0.14);
      }
      from = to;
    }
  }

  private void polyline(IntToDoubleFunction value, int start, int end, double width, int index) {
    for (int from = start; from < end; from++) {
      StringBuilder path = new StringBuilder();
      int to = from;
      while (to < end && drawn(value.applyAsDouble(to))) {
        point(path, to, value.applyAsDouble(to));
        to++;
      }
      if (to - from > 1) {
        svg.shape(
            "path",
            "d",
            path,
            "stroke",
            "currentColor",
            "stroke-width",
            width,
            "stroke-dasharray",
            PlotStyle.dash(index));
      } else if (to - from == 1 && width > 1) {
        svg.shape(
            "circle",
            "cx",
            x(from),
            "cy",
            y(value.applyAsDouble(from)),
            "r",
            3,
            "fill",
            "currentColor");
      }
      from = to;
    }
  }

  private void point(StringBuilder path, int epoch, double value) {
    path.append(path.isEmpty() ? 'M' : 'L').append(Svg.coordinate(x(epoch))).append(' ');
    path.append(Svg.coordinate(y(value)));
  }

  private void breakMark(int index, Line line) {
    int last = line.firstLost() - 1;
    if (last >= 0 && last < epochs - 1 && drawn(line.mean(last))) {
      svg.open("g", "class", PlotStyle.hue(index));
      cross(x(last), edge(line.mean(last)));
      svg.close("g");
    }
  }

  private void cross(double x, double y) {
    svg.line(x - 4.5, y - 4.5, x + 4.5, y + 4.5, "stroke", "currentColor", "stroke-width", 2.2);
    svg.line(x - 4.5, y + 4.5, x + 4.5, y - 4.5, "stroke", "currentColor", "stroke-width", 2.2);
  }

  private void endLabels() {
    double[] wanted = lines.stream().mapToDouble(this::end).toArray();
    double[] placed = spread(wanted, LABEL_HEIGHT, top + 4, bottom - 4);
    for (int i = 0; i < placed.length; i++) {
      Line line = lines.get(i);
      svg.open("g", "class", PlotStyle.hue(i));
      if (line.diverged() == 0) {
        svg.line(
            right + 3,
            wanted[i],
            right + 18,
            placed[i],
            "stroke",
            "currentColor",
            "stroke-width",
            1.2);
      } else {
        cross(right + 13, placed[i]);
      }
      svg.close("g");
      svg.text(right + 24, placed[i] + 4, label(line));
    }
  }

  /** The height at which a line, or what is left of it, ends. */
  private double end(Line line) {
    int last =
        Math.max(0, line.diverged() == line.runs().size() ? line.firstLost() - 1 : epochs - 1);
    double sum = 0;
    int count = 0;
    for (double[] run : line.runs()) {
      if (drawn(run[last])) {
        sum += edge(run[last]);
        count++;
      }
    }
    return line.diverged() == 0 && drawn(line.mean(last))
        ? edge(line.mean(last))
        : count == 0 ? bottom : sum / count;
  }

  /**
   * Positions at least a gap apart, within low to high where that is possible, as near as can be to
   * those wanted (least squares): isotonic regression of the wanted positions less their gaps, by
   * pooling adjacent violators.
   */
  static double[] spread(double[] wanted, double gap, double low, double high) {
    int n = wanted.length;
    int[] order =
        IntStream.range(0, n)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> wanted[i])) // stable: ties keep their order
            .mapToInt(Integer::intValue)
            .toArray();
    double[] sums = new double[n];
    int[] sizes = new int[n];
    int pools = 0;
    for (int rank = 0; rank < n; rank++) {
      sums[pools] = wanted[order[rank]] - rank * gap;
      sizes[pools++] = 1;
      while (pools > 1 && sums[pools - 2] / sizes[pools - 2] > sums[pools - 1] / sizes[pools - 1]) {
        pools--;
        sums[pools - 1] += sums[pools];
        sizes[pools - 1] += sizes[pools];
      }
    }
    double highest = Math.max(low, high - (n - 1) * gap);
    double[] placed = new double[n];
    int rank = 0;
    for (int pool = 0; pool < pools; pool++) {
      double base = Math.clamp(sums[pool] / sizes[pool], low, highest);
      for (int i = 0; i < sizes[pool]; i++, rank++) {
        placed[order[rank]] = base + rank * gap;
      }
    }
    return placed;
  }

  private String status(Line line) {
    int diverged = line.diverged();
    int runs = line.runs().size();
    if (diverged == runs) {
      return " – diverged from epoch " + (line.firstLost() + 1);
    }
    if (diverged > 0) {
      return " – " + diverged + " of " + runs + " diverged";
    }
    DoubleSummaryStatistics all = drawn(line, axis.logarithmic());
    if (all.getCount() > 0 && all.getMax() > axis.high()) {
      return " – off the scale, up to " + Numbers.brief(all.getMax());
    }
    return all.getCount() > 0 && all.getMin() < axis.low()
        ? " – off the scale, down to " + Numbers.brief(all.getMin())
        : "";
  }

  private String description() {
    StringBuilder out = new StringBuilder(axisTitle).append(" over ").append(epochs);
    out.append(epochs == 1 ? " epoch. " : " epochs. ");
    for (Line line : lines) {
      double last = line.mean(epochs - 1);
      String text = status(line);
      out.append(line.label()).append(text.isEmpty() ? " ends at " + Numbers.brief(last) : text);
      out.append("; ");
    }
    return out.append(
            "lines are means over runs, bands reach from the smallest to the largest run.")
        .toString();
  }

  /** Over all curves but those that would draw the axis out by several times. */
  private static Axis valueAxis(List<Line> lines, boolean logarithmic) {
    List<DoubleSummaryStatistics> ranges =
        lines.stream()
            .map(line -> drawn(line, logarithmic))
            .filter(range -> range.getCount() > 0)
            .toList();
    if (ranges.isEmpty()) {
      return logarithmic ? Axis.logarithmic(0.1, 1, TICKS) : Axis.linear(0, 1, TICKS);
    }
    double[] highs = ranges.stream().mapToDouble(r -> place(r.getMax(), logarithmic)).toArray();
    double[] lows = ranges.stream().mapToDouble(r -> place(r.getMin(), logarithmic)).toArray();
    Arrays.sort(highs);
    Arrays.sort(lows);
    double middleHigh = highs[highs.length / 2];
    double middleLow = lows[(lows.length - 1) / 2];
    double span = middleHigh - middleLow;
    double reach = span > 0 ? FOCUS * span : Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    double low = Double.POSITIVE_INFINITY;
    for (DoubleSummaryStatistics range : ranges) {
      if (place(range.getMax(), logarithmic) <= middleHigh + reach) {
        high = Math.max(high, range.getMax());
      }
      if (place(range.getMin(), logarithmic) >= middleLow - reach) {
        low = Math.min(low, range.getMin());
      }
    }
    return logarithmic ? Axis.logarithmic(low, high, TICKS) : Axis.linear(low, high, TICKS);
  }

  private static double place(double value, boolean logarithmic) {
    return logarithmic ? StrictMath.log10(value) : value;
  }

  private static DoubleSummaryStatistics drawn(Line line, boolean logarithmic) {
    return line.runs().stream()
        .flatMapToDouble(Arrays::stream)
        .filter(value -> drawn(value, logarithmic))
        .summaryStatistics();
  }

  private static boolean drawn(double value, boolean logarithmic) {
    return Axis.drawable(value) && (!logarithmic || value > 0);
  }

  private boolean drawn(double value) {
    return drawn(value, axis.logarithmic());
  }

  private static double smallest(Line line, int epoch) {
    return line.runs().stream().mapToDouble(run -> run[epoch]).min().orElseThrow();
  }

  private static double largest(Line line, int epoch) {
    return line.runs().stream().mapToDouble(run -> run[epoch]).max().orElseThrow();
  }

  private static String label(Line line) {
    return DisplayWidth.truncate(line.label(), LABEL_COLUMNS);
  }

  /** The height of a value, beyond the axis's ends if it is. */
  private double y(double value) {
    // Far above or below is as good as further: coordinates stay numbers of reasonable length.
    double fraction = Math.clamp(axis.fraction(value), -1e3, 1e3);
    return bottom - (bottom - top) * fraction;
  }

  private double edge(double value) {
    return Math.clamp(y(value), top, bottom);
  }

  private double x(int epoch) {
    return epochs == 1 ? (LEFT + right) / 2 : LEFT + (right - LEFT) * epoch / (epochs - 1);
  }
}
