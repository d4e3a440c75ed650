package dev.narrow.amp.inspect;

import static dev.narrow.amp.inspect.Html.at;

import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** A small chart of one figure over the steps, as inline SVG. */
final class StepChart {
  private static final double WIDTH = 230;
  private static final double HEIGHT = 64;
  private static final double LEFT = 44;
  private static final double TOP = 8;
  private static final double BOTTOM = 48;
  private static final double RIGHT = WIDTH - 8;

  /** Points that a chart of this width can show. */
  private static final int MOST_POINTS = 200;

  /** A figure at a step; infinite or NaN where it has no place on the axis. */
  record Point(long step, double value) {}

  private StepChart() {}

  /** Shares, on an axis up to the power of ten above the largest, but 1. */
  static String shares(String title, List<Point> points) {
    double largest =
        points.stream().mapToDouble(Point::value).filter(Double::isFinite).max().orElse(0);
    double top = largest > 0.1 ? 1 : largest > 0.01 ? 0.1 : 0.01;
    String label = String.format(Locale.ROOT, "%.0f %%", 100 * top);
    return draw(title, points, 0, top, "0", label);
  }

  /** Decibels, on an axis from 0, or below it, to a multiple of ten. */
  static String decibels(String title, List<Point> points) {
    double low = 0;
    double high = 10;
    for (Point point : points) {
      if (Double.isFinite(point.value)) {
        low = Math.min(low, 10 * Math.floor(point.value / 10));
        high = Math.max(high, 10 * Math.ceil(point.value / 10));
      }
    }
    String bottom = String.format(Locale.ROOT, "%.0f", low);
    return draw(title, points, low, high, bottom, String.format(Locale.ROOT, "%.0f dB", high));
  }

  private static String draw(
      String title, List<Point> all, double low, double high, String bottom, String top) {
    List<Point> points = thinned(all);
    long first = points.getFirst().step;
    long last = points.getLast().step;
    StringBuilder out = new StringBuilder();
    out.append("<svg class=\"chart\" role=\"img\" viewBox=\"0 0 ")
        .append(at(WIDTH) + " " + at(HEIGHT))
        .append("\"><title>" + Html.escape(title) + "</title>\n");
    for (double y : new double[] {TOP, BOTTOM}) {
      out.append(
          "<line class=\"grid\" x1=\"%s\" x2=\"%s\" y1=\"%s\" y2=\"%s\"/>\n"
              .formatted(at(LEFT), at(RIGHT), at(y), at(y)));
    }
    text(out, LEFT - 5, TOP + 4, "end", top);
    text(out, LEFT - 5, BOTTOM + 4, "end", bottom);
    text(out, LEFT, HEIGHT - 3, "start", Long.toString(first));
    if (last > first) {
      text(out, RIGHT, HEIGHT - 3, "end", Long.toString(last));
    }
    StringBuilder path = new StringBuilder();
    boolean pen = false;
    for (Point point : points) {
      double x = last == first ? (LEFT + RIGHT) / 2 : x(point.step, first, last);
      if (!Double.isFinite(point.value)) {
        pen = false;
        if (point.value < 0) {
          out.append(dot("bad", x, BOTTOM));
        }
        continue;
      }
      double y = BOTTOM - (point.value - low) / (high - low) * (BOTTOM - TOP);
      path.append(pen ? 'L' : 'M').append(at(x)).append(' ').append(at(y));
      pen = true;
      if (points.size() <= 40) {
        out.append(dot("point", x, y));
      }
    }
    out.append("<path class=\"line\" d=\"").append(path).append("\"/>\n");
    return out.append("</svg>").toString();
  }

  private static double x(long step, long first, long last) {
    return LEFT + (double) (step - first) / (last - first) * (RIGHT - LEFT);
  }

  private static String dot(String kind, double x, double y) {
    return "<circle class=\"" + kind + "\" r=\"2\" cx=\"" + at(x) + "\" cy=\"" + at(y) + "\"/>\n";
  }

  private static void text(StringBuilder out, double x, double y, String anchor, String text) {
    out.append(
        "<text x=\"%s\" y=\"%s\" text-anchor=\"%s\">%s</text>\n"
            .formatted(at(x), at(y), anchor, Html.escape(text)));
  }

  /** Evenly chosen, the last among them. */
  private static List<Point> thinned(List<Point> points) {
    int every = Math.ceilDiv(points.size(), MOST_POINTS);
    int last = points.size() - 1;
    return IntStream.rangeClosed(0, last)
        .filter(i -> (last - i) % every == 0)
        .mapToObj(points::get)
        .toList();
  }
}
