package dev.narrow.amp.inspect;

import dev.narrow.amp.AutocastReport;
import dev.narrow.quant.files.AtomicFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/**
 * What an {@link Inspector} has written, as one HTML document that needs nothing else: the worst
 * tensors, what happened to them over the steps, their magnitudes against the ranges of their
 * formats, what other formats would have done, and what casts cost. Light or dark as the reader has
 * it; without a script, the tables are only not sorted.
 */
public final class InspectorPage {
  private static final String CSS =
      """
      :root{color-scheme:light dark;--ground:#fff;--text:#1f2328;--soft:#59636e;--rule:#d9dee3;
      --panel:#f6f8fa;--good:#1a7f37;--fair:#6a8a00;--warn:#b07800;--poor:#d2601a;--bad:#c62a22;
      --line:#0072b2;--range:#0072b2}
      @media (prefers-color-scheme:dark){:root{--ground:#0e1116;--text:#e6edf3;--soft:#9aa5b1;
      --rule:#2b323b;--panel:#161b22;--good:#3fb950;--fair:#a3b83a;--warn:#d8a022;--poor:#ff9650;
      --bad:#ff7b72;--line:#4aa3e0;--range:#4aa3e0}}
      *{box-sizing:border-box}
      body{margin:0;background:var(--ground);color:var(--text);
      font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
      main{max-width:68rem;margin:0 auto;padding:3rem 1.25rem 4rem}
      h1{font-size:1.9rem;line-height:1.2;letter-spacing:-.015em;margin:0 0 1rem}
      h2{font-size:1.25rem;line-height:1.3;margin:3rem 0 1rem;padding-bottom:.35rem;
      border-bottom:1px solid var(--rule)}
      p{margin:0 0 1rem;max-width:46rem}
      .soft{color:var(--soft)}.note{color:var(--soft);font-size:.875rem}
      .finding{margin:0 0 .5rem;max-width:none;padding:.5rem 1rem;background:var(--panel);
      border-left:4px solid var(--bad);border-radius:0 6px 6px 0;overflow-wrap:anywhere}
      .finding.good{border-color:var(--good)}
      .scroll{overflow-x:auto;margin:0 0 .75rem}
      table{border-collapse:collapse;width:100%;font-size:.9375rem;line-height:1.4;
      font-variant-numeric:tabular-nums}
      th,td{padding:.4rem .7rem;text-align:right;border-bottom:1px solid var(--rule);
      white-space:nowrap}
      th.left,td.left{text-align:left}
      thead th{color:var(--soft);font-weight:600;font-size:.8125rem;vertical-align:bottom}
      thead th[aria-sort]{cursor:pointer}
      thead th[aria-sort=ascending]::after{content:" ↑"}
      thead th[aria-sort=descending]::after{content:" ↓"}
      tbody th{font-weight:600;text-align:left}
      tbody th small{display:block;font-weight:400;color:var(--soft)}
      tbody tr:hover{background:var(--panel)}
      td.bad{color:var(--bad);font-weight:600}
      td small{display:block;color:var(--soft);font-size:.75rem}
      td.q{text-align:center;border:2px solid var(--ground);border-radius:6px}
      td.q0{background:color-mix(in srgb,var(--bad) 42%,transparent)}
      td.q1{background:color-mix(in srgb,var(--poor) 34%,transparent)}
      td.q2{background:color-mix(in srgb,var(--warn) 28%,transparent)}
      td.q3{background:color-mix(in srgb,var(--fair) 24%,transparent)}
      td.q4{background:color-mix(in srgb,var(--good) 24%,transparent)}
      td.q small{color:inherit}
      .key{display:inline-block;padding:0 .6rem;margin-right:.25rem;border-radius:4px}
      svg{display:block;font:11px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
      svg text{fill:var(--soft)}svg .name{fill:var(--text);font-size:13px;font-weight:600}
      svg .grid{stroke:var(--rule)}
      .chart{width:14.5rem;min-width:14.5rem;height:auto;display:inline-block}
      .chart .line{fill:none;stroke:var(--line);stroke-width:1.6}
      .chart .point{fill:var(--line)}.chart .bad{fill:var(--bad)}
      .charts td{text-align:left;padding:.15rem .3rem}
      .octaves{width:100%;min-width:44rem;height:auto}
      .octaves .bar{fill:var(--text);fill-opacity:.72}.octaves .out{fill:var(--bad);fill-opacity:1}
      .octaves .normals{fill:var(--range);fill-opacity:.17}
      .octaves .subnormals{fill:var(--range);fill-opacity:.07}
      .span{background:color-mix(in srgb,var(--range) 17%,transparent)}
      .span.sub{background:color-mix(in srgb,var(--range) 7%,transparent)}
      .outside{background:var(--bad);color:var(--ground)}
      @media print{main{max-width:none;padding:0}}
      """;

  /** A click on a header sorts its table by that column, numbers as numbers, largest first. */
  private static final String SCRIPT =
      """
      for (const head of document.querySelectorAll("th[aria-sort]")) {
        head.onclick = () => {
          const down = head.getAttribute("aria-sort") !== "descending";
          for (const other of head.parentNode.children) other.setAttribute("aria-sort", "none");
          head.setAttribute("aria-sort", down ? "descending" : "ascending");
          const body = head.closest("table").tBodies[0], column = head.cellIndex;
          const key = row => row.cells[column].dataset.sort ?? row.cells[column].textContent;
          const order = (a, b) => a - b || (a < b ? -1 : a > b ? 1 : 0);
          const rows = [...body.rows].sort((a, b) => order(key(a), key(b)));
          body.append(...(down ? rows.reverse() : rows));
        };
      }
      """;

  private final String name;
  private final RunFile run;
  private final List<TensorSummary> worst;
  private final Map<String, List<Observation>> byTensor = new LinkedHashMap<>();
  private final StringBuilder out = new StringBuilder();

  private InspectorPage(String name, RunFile run) {
    this.name = name;
    this.run = run;
    this.worst = run.summaries().stream().sorted(TensorSummary.WORST_FIRST).toList();
    for (Observation one : run.observations()) {
      byTensor.computeIfAbsent(label(one), _ -> new ArrayList<>()).add(one);
    }
  }

  private static String label(Observation one) {
    return one.layer() + " " + TensorSummary.word(one.role());
  }

  /**
   * Writes the page into a new file; directories are created.
   *
   * @param ndjson what an inspector has written; of a run that was killed, what is there
   * @throws IOException if a file is not there, or is none of an inspector, or the page is there
   *     already; the message names the file, and the line
   */
  public static void write(Path ndjson, Path html) throws IOException {
    if (Files.exists(html)) {
      throw new IOException(html + " is there already: name another file, or move it away");
    }
    AtomicFiles.write(html, render(ndjson));
  }

  /**
   * The page as text.
   *
   * @param ndjson what an inspector has written; of a run that was killed, what is there
   * @throws IOException if it cannot be read, or is none of an inspector; the message has the line
   */
  public static String render(Path ndjson) throws IOException {
    Path file = ndjson.getFileName();
    RunFile run = RunFile.read(ndjson);
    return new InspectorPage(file == null ? ndjson.toString() : file.toString(), run).page();
  }

  private String page() {
    opening();
    table();
    steps();
    magnitudes();
    whatIf();
    casts();
    // The policy allows this script alone, should escaping ever fail.
    String title = Html.escape("Inspector: " + name);
    return """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width,initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none';\
    style-src 'unsafe-inline';script-src 'sha256-%s'">
    <title>%s</title>
    <style>
    %s</style>
    </head>
    <body>
    <main>
    <h1>%s</h1>
    %s</main>
    <script>%s</script>
    </body>
    </html>
    """
        .formatted(sha256(SCRIPT), title, CSS, title, out, SCRIPT);
  }

  private static String sha256(String text) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return Base64.getEncoder().encodeToString(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  private void opening() {
    long first = run.observations().stream().mapToLong(Observation::step).min().orElse(0);
    long last = run.observations().stream().mapToLong(Observation::step).max().orElse(0);
    long steps = run.observations().stream().mapToLong(Observation::step).distinct().count();
    out.append(
        "<p>%d steps sampled, %d to %d; %d tensors.%s</p>\n"
            .formatted(
                steps,
                first,
                last,
                byTensor.size(),
                run.complete() ? "" : " The run has not been completed."));
    List<String> findings = worst.stream().flatMap(t -> Findings.of(t).stream()).toList();
    for (String finding : findings) {
      out.append("<p class=\"finding\">").append(Html.escape(finding)).append("</p>\n");
    }
    if (findings.isEmpty()) {
      out.append(
          "<p class=\"finding good\">Nothing stands out: no tensor loses much of its values to zero,"
              + " saturation, infinities or NaN, and SQNR is 10 dB or more everywhere.</p>\n");
    }
  }

  private void table() {
    section(
        "Tensors, the worst first",
        "Shares of the values that were finite and not zero, over all samples."
            + " A click on a header sorts.");
    out.append("<div class=\"scroll\"><table>\n<thead><tr>");
    for (String column :
        List.of(
            "layer",
            "role",
            "format",
            "amax",
            "flushed",
            "subnormal",
            "saturated",
            "NaN, infinite",
            "SQNR dB")) {
      boolean left = column.equals("layer") || column.equals("role") || column.equals("format");
      out.append("<th scope=\"col\" aria-sort=\"none\"" + (left ? " class=\"left\"" : "") + ">")
          .append(column)
          .append("</th>");
    }
    out.append("</tr></thead>\n<tbody>\n");
    for (TensorSummary tensor : worst) {
      row(tensor);
    }
    out.append("</tbody>\n</table></div>\n");
  }

  private void row(TensorSummary tensor) {
    out.append("<tr><th scope=\"row\">").append(Html.escape(tensor.layer())).append("</th>");
    left(TensorSummary.word(tensor.role()));
    left(tensor.fit().map(Fit::format).orElse("fp32"));
    cell(tensor.before().amax(), Html.number(tensor.before().amax()), false);
    long broken = tensor.before().nan() + tensor.before().infinite();
    if (tensor.fit().isPresent()) {
      Fit fit = tensor.fit().get();
      cell(fit.flushedShare(), Findings.percent(fit.flushedShare()), Findings.isFlushed(fit));
      cell(fit.subnormalShare(), Findings.percent(fit.subnormalShare()), false);
      cell(
          fit.saturatedShare(),
          Findings.percent(fit.saturatedShare()),
          fit.saturatedShare() >= 0.01);
      cell(broken + fit.lost(), broken + fit.lost() > 0);
      double sqnr = fit.sqnrDb();
      cell(sqnr, InspectorReport.decibels(sqnr), sqnr < 10);
    } else {
      out.append("<td data-sort=\"-1\">–</td>".repeat(3));
      cell(broken, broken > 0);
      out.append("<td data-sort=\"1e9\">–</td>");
    }
    out.append("</tr>\n");
  }

  private void left(String text) {
    out.append("<td class=\"left\">").append(Html.escape(text)).append("</td>");
  }

  private void cell(long count, boolean bad) {
    cell((double) count, Long.toString(count), bad);
  }

  private void cell(double sort, String text, boolean bad) {
    double key = Double.isNaN(sort) ? 1e9 : Math.clamp(sort, -1e9, 1e9);
    out.append(bad ? "<td class=\"bad\"" : "<td")
        .append(" data-sort=\"" + key + "\">")
        .append(Html.escape(text))
        .append("</td>");
  }

  private void steps() {
    section(
        "Over the steps",
        "A red dot: values became infinite or NaN. A gap: all zero, or for SQNR that nothing changed.");
    out.append("<div class=\"scroll\"><table class=\"charts\">\n<thead><tr>");
    for (String column : List.of("tensor", "flushed to zero", "saturated", "SQNR")) {
      out.append("<th scope=\"col\" class=\"left\">").append(column).append("</th>");
    }
    out.append("</tr></thead>\n<tbody>\n");
    byTensor.forEach((tensor, samples) -> {
      List<Observation> cast = samples.stream().filter(one -> one.fit().isPresent()).toList();
      if (!cast.isEmpty()) {
        Observation first = cast.getFirst();
        out.append("<tr><th scope=\"row\">").append(Html.escape(first.layer()));
        out.append("<small>" + Html.escape(TensorSummary.word(first.role())) + "</small></th><td>");
        String shares = tensor + ": flushed to zero";
        out.append(StepChart.shares(shares, points(cast, Fit::flushedShare))).append("</td><td>");
        shares = tensor + ": saturated";
        out.append(StepChart.shares(shares, points(cast, Fit::saturatedShare))).append("</td><td>");
        out.append(StepChart.decibels(tensor + ": SQNR", points(cast, Fit::sqnrDb)));
        out.append("</td></tr>\n");
      }
    });
    out.append("</tbody>\n</table></div>\n");
  }

  /** A tensor of zeros has nothing to show. */
  private static List<StepChart.Point> points(
      List<Observation> samples, ToDoubleFunction<Fit> figure) {
    List<StepChart.Point> points = new ArrayList<>();
    for (Observation one : samples) {
      Fit fit = one.fit().orElseThrow();
      double value = fit.values() == 0 ? Double.NaN : figure.applyAsDouble(fit);
      points.add(new StepChart.Point(one.step(), value));
    }
    return points;
  }

  private void magnitudes() {
    out.append("<h2>Magnitudes against the format</h2>\n");
    out.append(
        """
        <p class="note">Of the last sample: how many values lie in each octave; a bar's height is
        the cube root of the count. <span class="key span">values of full precision</span>
        <span class="key span sub">subnormal</span> <span class="key outside">octaves that the
        format does not hold</span></p>
        """);
    out.append(new OctaveChart(byTensor.values().stream().map(List::getLast).toList()).draw());
  }

  private void whatIf() {
    Set<String> formats = new LinkedHashSet<>();
    worst.forEach(tensor -> formats.addAll(tensor.whatIf().keySet()));
    if (formats.isEmpty()) {
      return;
    }
    out.append("<h2>What if</h2>\n<p class=\"note\">SQNR in dB of the same tensors in other");
    out.append(" formats; below, what they flush to zero. ");
    List<String> words = List.of("below 10", "10 to 15", "15 to 20", "20 to 30", "30 and more");
    out.append("</p>\n<table style=\"width:auto;margin-bottom:.75rem\"><tbody><tr>");
    for (int i = 0; i < words.size(); i++) {
      out.append("<td class=\"q q" + i + "\">" + words.get(i) + " dB</td>");
    }
    out.append("</tr></tbody></table>\n");
    out.append("<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\" class=\"left\">tensor");
    out.append("</th><th scope=\"col\" class=\"left\">now</th>");
    formats.forEach(format ->
        out.append("<th scope=\"col\" style=\"text-align:center\">" + Html.escape(format))
            .append("</th>"));
    out.append("</tr></thead>\n<tbody>\n");
    for (TensorSummary tensor : run.summaries()) {
      out.append("<tr><th scope=\"row\">").append(Html.escape(tensor.layer()));
      out.append("<small>" + TensorSummary.word(tensor.role()) + "</small></th>");
      left(tensor.fit().map(Fit::format).orElse("fp32"));
      for (String format : formats) {
        Fit fit = tensor.whatIf().get(format);
        if (fit == null || Double.isNaN(fit.sqnrDb())) {
          out.append("<td class=\"q\">–</td>");
          continue;
        }
        double sqnr = fit.sqnrDb();
        int colour = sqnr >= 30 ? 4 : sqnr >= 20 ? 3 : sqnr >= 15 ? 2 : sqnr >= 10 ? 1 : 0;
        out.append("<td class=\"q q" + colour + "\">" + InspectorReport.decibels(sqnr));
        if (fit.flushedShare() >= 0.0005) {
          out.append("<small>" + Findings.percent(fit.flushedShare()) + "</small>");
        }
        out.append("</td>");
      }
      out.append("</tr>\n");
    }
    out.append("</tbody>\n</table></div>\n");
  }

  private void casts() {
    if (run.casts().isEmpty()) {
      return;
    }
    section("Casts", "Of the whole run, sampled or not. Saved: codes with scales, against fp32.");
    out.append("<div class=\"scroll\"><table>\n<thead><tr>");
    for (String column :
        List.of("layer", "role", "casts", "used again", "MB saved", "ms", "µs a cast")) {
      boolean left = column.equals("layer") || column.equals("role");
      out.append("<th scope=\"col\" aria-sort=\"none\"" + (left ? " class=\"left\"" : "") + ">")
          .append(column)
          .append("</th>");
    }
    out.append("</tr></thead>\n<tbody>\n");
    for (AutocastReport.Casts casts : run.casts()) {
      out.append("<tr><th scope=\"row\">").append(Html.escape(casts.layer())).append("</th>");
      left(TensorSummary.word(casts.role()));
      cell(casts.casts(), false);
      cell(casts.reused(), false);
      double saved = casts.bytesSaved() / 1e6;
      cell(saved, String.format(Locale.ROOT, "%.3f", saved), false);
      cell(casts.nanos() / 1e6, String.format(Locale.ROOT, "%.3f", casts.nanos() / 1e6), false);
      double each = casts.nanos() / 1e3 / Math.max(1, casts.casts());
      cell(each, String.format(Locale.ROOT, "%.2f", each), false);
      out.append("</tr>\n");
    }
    out.append("</tbody>\n</table></div>\n");
  }

  private void section(String heading, String note) {
    out.append("<h2>").append(heading).append("</h2>\n<p class=\"note\">").append(note);
    out.append("</p>\n");
  }
}
