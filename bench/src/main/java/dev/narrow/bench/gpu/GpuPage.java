package dev.narrow.bench.gpu;

import dev.narrow.bench.gpu.Finding.Comparison;
import dev.narrow.bench.gpu.Finding.Measurement;
import dev.narrow.bench.gpu.Finding.Note;
import java.util.List;
import java.util.Locale;

/** The results as one HTML file, which needs nothing else: what is wrong first, then bars. */
final class GpuPage {
  private static final double ROW = 22;
  private static final double LEFT = 400;
  private static final double RIGHT = 700;
  private static final double WIDTH = 900;
  private static final double TOP = 22;

  private static final String STYLE =
      """
      :root { color-scheme: light dark; --ink: #1d1d1f; --page: #fff; --soft: #8a8a8e;
        --line: #d8d8dc; --bar: #6f8fb3; --met: #2a7d4f; --bad: #b3261e; }
      @media (prefers-color-scheme: dark) { :root { --ink: #e8e8ea; --page: #161618;
        --soft: #98989d; --line: #3a3a3d; --bar: #5b7ea6; --met: #4caf7d; --bad: #ff6f61; } }
      body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
        max-width: 60em; margin: 2em auto; padding: 0 1em; }
      h1, h2 { font-weight: 600; } h2 { margin-top: 2em; font-size: 1.15em; }
      p.soft { color: var(--soft); } .bad { color: var(--bad); fill: var(--bad); }
      svg { width: 100%; height: auto; } svg text { font-size: 12px; fill: var(--ink); }
      svg text.soft { fill: var(--soft); } svg text.met { fill: var(--met); }
      svg text.bad { fill: var(--bad); } rect { fill: var(--bar); } rect.met { fill: var(--met); }
      rect.bad { fill: var(--bad); } line { stroke: var(--line); }
      line.goal { stroke: var(--ink); stroke-width: 2; }
      """;

  private GpuPage() {}

  static String of(GpuReport report, String date) {
    StringBuilder out = new StringBuilder();
    out.append("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n")
        .append(
            "<meta name=\"viewport\" content=\"width=device-width\">\n<title>GPU check</title>\n")
        .append("<style>\n" + STYLE + "</style>\n<h1>GPU check</h1>\n");
    paragraph(
        out,
        "",
        "%s, driver for CUDA %s, %s".formatted(report.device(), report.driverVersion(), date));
    paragraph(out, report.isRight() ? "" : "bad", report.summary());
    if (report.quick()) {
      paragraph(
          out, "soft", "Small sizes: no goal is judged, and no figure says anything of speed.");
    }
    List<Comparison> wrong =
        report.all(Comparison.class).stream().filter(found -> !found.isRight()).toList();
    if (!wrong.isEmpty()) {
      out.append("<ul class=\"bad\">\n");
      for (Comparison comparison : wrong) {
        out.append("<li>" + escape(comparison.name() + ": " + comparison) + "</li>\n");
      }
      out.append("</ul>\n");
    }
    report
        .sections()
        .forEach((part, section) -> {
          out.append("<h2>" + escape(part.heading()) + "</h2>\n");
          for (Note note : section.of(Note.class)) {
            paragraph(out, "soft", note.name() + ": " + note.text());
          }
          List<Measurement> measurements = section.of(Measurement.class);
          if (!measurements.isEmpty()) {
            bars(out, part, measurements);
          }
          List<Comparison> right =
              section.of(Comparison.class).stream().filter(Finding::isRight).toList();
          if (!right.isEmpty()) {
            list(out, right);
          }
        });
    paragraph(out, "soft", report.backend());
    return out.toString();
  }

  private static void list(StringBuilder out, List<Comparison> comparisons) {
    long elements = comparisons.stream().mapToLong(Comparison::elements).sum();
    out.append(
        "<details><summary>%d are right, on %,d elements</summary>\n<ul>\n"
            .formatted(comparisons.size(), elements));
    for (Comparison comparison : comparisons) {
      out.append("<li>" + escape(comparison.name() + ": " + comparison) + "</li>\n");
    }
    out.append("</ul></details>\n");
  }

  private static void paragraph(StringBuilder out, String kind, String text) {
    out.append("<p class=\"" + kind + "\">" + escape(text) + "</p>\n");
  }

  /** A bar for each figure, from 0, its goal a stroke across it. */
  private static void bars(StringBuilder out, Part part, List<Measurement> measurements) {
    double most = 0;
    for (Measurement m : measurements) {
      most = Math.max(most, Double.isFinite(m.figure().high()) ? m.figure().high() : 0);
      most = Math.max(most, m.goal() == null ? 0 : 1.1 * m.goal().limit());
    }
    double unit = most == 0 ? 0 : (RIGHT - LEFT) / most;
    double bottom = TOP + ROW * measurements.size();
    out.append("<svg role=\"img\" viewBox=\"0 0 " + at(WIDTH) + " " + at(bottom + 4) + "\">\n");
    out.append("<title>" + escape(part.heading() + ": " + part.figure()) + "</title>\n");
    boolean judged = measurements.stream().anyMatch(m -> m.goal() != null);
    String goals = judged ? "; the stroke is the goal" : "";
    text(out, LEFT, 14, "start", "soft", part.figure() + goals);
    out.append(line("", LEFT, TOP, bottom));
    double y = TOP;
    for (Measurement m : measurements) {
      double figure = m.figure().median();
      String verdict = m.verdict();
      String kind = verdict.equals("met") ? "met" : verdict.isEmpty() ? "" : "bad";
      text(out, LEFT - 110, y + 15, "end", "", m.name());
      text(out, LEFT - 8, y + 15, "end", "soft", m.size());
      if (Double.isFinite(figure)) {
        double width = Math.max(1, figure * unit);
        out.append(
            "<rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"/>\n"
                .formatted(kind, at(LEFT), at(y + 4), at(width), at(ROW - 8)));
      }
      if (m.goal() != null) {
        out.append(line("goal", LEFT + m.goal().limit() * unit, y + 1, y + ROW - 1));
      }
      String label = Finding.number(figure) + (verdict.isEmpty() ? "" : ", " + verdict);
      text(out, RIGHT + 8, y + 15, "start", kind, label);
      text(out, WIDTH, y + 15, "end", "soft", Finding.number(m.ours()) + " " + m.unit());
      y += ROW;
    }
    out.append("</svg>\n");
  }

  private static String line(String kind, double x, double top, double bottom) {
    return "<line class=\"%s\" x1=\"%s\" x2=\"%s\" y1=\"%s\" y2=\"%s\"/>\n"
        .formatted(kind, at(x), at(x), at(top), at(bottom));
  }

  private static void text(
      StringBuilder out, double x, double y, String anchor, String kind, String text) {
    out.append(
        "<text class=\"%s\" x=\"%s\" y=\"%s\" text-anchor=\"%s\">%s</text>\n"
            .formatted(kind, at(x), at(y), anchor, escape(text)));
  }

  private static String at(double coordinate) {
    return String.format(Locale.ROOT, "%.1f", coordinate);
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
