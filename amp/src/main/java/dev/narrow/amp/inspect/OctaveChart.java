package dev.narrow.amp.inspect;

import static dev.narrow.amp.inspect.Html.at;

import java.util.List;
import java.util.Locale;

/**
 * The histograms of tensors' magnitudes, a row each, over the range of the format that each is cast
 * to; all rows share the axis of octaves.
 */
final class OctaveChart {
  private static final double WIDTH = 960;
  private static final double LEFT = 230;
  private static final double RIGHT = WIDTH - 12;
  private static final double ROW = 44;
  private static final double TOP = 6;

  private final List<Observation> rows;
  private final int least;
  private final int most;

  /** The octaves from the least to the most of all tensors, and one on each side. */
  OctaveChart(List<Observation> tensors) {
    rows = tensors.stream().filter(one -> !one.before().octaves().isEmpty()).toList();
    least = rows.stream().mapToInt(one -> one.before().octaves().firstKey()).min().orElse(0) - 1;
    most = rows.stream().mapToInt(one -> one.before().octaves().lastKey()).max().orElse(0) + 1;
  }

  String draw() {
    if (rows.isEmpty()) {
      return "<p>No tensor has a value other than zero.</p>\n";
    }
    double bottom = TOP + ROW * rows.size();
    StringBuilder out = new StringBuilder();
    out.append(
        "<div class=\"scroll\"><svg class=\"octaves\" role=\"img\" viewBox=\"0 0 %s %s\">\n"
            .formatted(at(WIDTH), at(bottom + 24)));
    out.append("<title>Histograms of magnitudes and ranges of formats</title>\n");
    int step = 1;
    while (step * cell() < 46) {
      step *= 2;
    }
    for (int octave = least; octave <= most; octave++) {
      if (Math.floorMod(octave, step) == 0) {
        out.append(
            "<line class=\"grid\" x1=\"%s\" x2=\"%s\" y1=\"%s\" y2=\"%s\"/>\n"
                .formatted(at(x(octave)), at(x(octave)), at(TOP), at(bottom + 4)));
        out.append(
            "<text x=\"%s\" y=\"%s\" text-anchor=\"middle\">2^%d</text>\n"
                .formatted(at(x(octave)), at(bottom + 18), octave));
      }
    }
    for (int i = 0; i < rows.size(); i++) {
      row(out, rows.get(i), TOP + ROW * i);
    }
    return out.append("</svg></div>\n").toString();
  }

  private void row(StringBuilder out, Observation one, double y) {
    double floor = y + ROW - 6;
    String name = one.layer() + " " + TensorSummary.word(one.role());
    text(out, y + 20, "name", name);
    one.fit()
        .ifPresent(fit -> {
          text(out, y + 34, "soft", fit.format() + (fit.scaled() ? ", scaled" : ""));
          band(out, "subnormals", fit.least(), fit.leastNormal(), y + 4, floor);
          band(out, "normals", fit.leastNormal(), 2 * fit.most(), y + 4, floor);
        });
    long peak = one.before().octaves().values().stream().mapToLong(Long::longValue).max().orElse(1);
    one.before()
        .octaves()
        .forEach((octave, count) -> {
          double share = (double) count / one.before().elements();
          // A root, so that a thousandth of the peak can be seen.
          double height = Math.max(1, Math.cbrt((double) count / peak) * (ROW - 12));
          out.append(
              "<rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"><title>%s</title></rect>\n"
                  .formatted(
                      isHeld(one, octave) ? "bar" : "bar out",
                      at(x(octave) + 0.5),
                      at(floor - height),
                      at(Math.max(0.5, cell() - 1)),
                      at(height),
                      String.format(
                          Locale.ROOT,
                          "2^%d to 2^%d: %d, %.3g %%",
                          octave,
                          octave + 1,
                          count,
                          100 * share)));
        });
  }

  /** Whether some of the octave rounds to a value of the format, other than zero and its end. */
  private static boolean isHeld(Observation one, int octave) {
    return one.fit()
        .map(fit ->
            Math.scalb(2.0, octave) > fit.least() / 2 && Math.scalb(1.0, octave) <= fit.most())
        .orElse(true);
  }

  private void band(
      StringBuilder out, String kind, double from, double to, double top, double bottom) {
    double left = Math.clamp(x(log2(from)), LEFT, RIGHT);
    double right = Math.clamp(x(log2(to)), LEFT, RIGHT);
    if (right > left) {
      out.append(
          "<rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"/>\n"
              .formatted(kind, at(left), at(top), at(right - left), at(bottom - top)));
    }
  }

  private static double log2(double x) {
    return Math.log(x) / Math.log(2);
  }

  private double cell() {
    return (RIGHT - LEFT) / (most - least + 1);
  }

  private double x(double octave) {
    return LEFT + (octave - least) * cell();
  }

  private static void text(StringBuilder out, double y, String kind, String text) {
    out.append(
        "<text class=\"%s\" x=\"%s\" y=\"%s\" text-anchor=\"end\">%s</text>\n"
            .formatted(kind, at(LEFT - 12), at(y), Html.escape(text)));
  }
}
