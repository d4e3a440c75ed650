package dev.narrow.repro.report;

import dev.narrow.repro.report.Report.Block;
import java.util.List;
import java.util.Locale;

/** A report as one HTML document, well-formed as XML too. */
final class HtmlPage {
  private static final String CSS =
      """
      :root{color-scheme:light dark;--ground:#fff;--text:#1f2328;--soft:#59636e;--rule:#d9dee3;
      --panel:#f6f8fa;--good:#1a7f37;--warn:#9a6700;--bad:#c62a22}
      @media (prefers-color-scheme:dark){:root{--ground:#0e1116;--text:#e6edf3;--soft:#9aa5b1;
      --rule:#2b323b;--panel:#161b22;--good:#3fb950;--warn:#d8a022;--bad:#ff7b72}}
      *{box-sizing:border-box}
      body{margin:0;background:var(--ground);color:var(--text);
      font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
      main{max-width:60rem;margin:0 auto;padding:3rem 1.25rem 4rem}
      h1{font-size:1.9rem;line-height:1.2;letter-spacing:-.015em;margin:0 0 1.25rem}
      h2{font-size:1.25rem;line-height:1.3;margin:3rem 0 1rem;padding-bottom:.35rem;
      border-bottom:1px solid var(--rule)}
      p{margin:0 0 1rem;max-width:44rem;overflow-wrap:break-word}
      .note{color:var(--soft);font-size:.875rem;margin:.5rem 0}
      .verdict{margin:0 0 1rem;max-width:none;padding:.75rem 1rem;background:var(--panel);
      border-left:4px solid var(--soft);border-radius:0 6px 6px 0;font-size:1.0625rem}
      .verdict.good{border-color:var(--good)}.verdict.warn{border-color:var(--warn)}
      .verdict.bad{border-color:var(--bad)}
      .scroll{overflow-x:auto;margin:0 0 .75rem}
      table{border-collapse:collapse;width:100%;font-size:.9375rem;line-height:1.4;
      font-variant-numeric:tabular-nums}
      th,td{padding:.45rem .75rem;text-align:left;border-bottom:1px solid var(--rule)}
      th:first-child,td:first-child{padding-left:.25rem}
      th:last-child,td:last-child{padding-right:.25rem}
      thead th{color:var(--soft);font-weight:600;font-size:.8125rem;vertical-align:bottom}
      tbody th{font-weight:600}
      tbody tr:hover{background:var(--panel)}
      .right{text-align:right}.right,tbody th{white-space:nowrap}
      td.good,tbody th.good{color:var(--good)}td.warn,tbody th.warn{color:var(--warn)}
      td.bad,tbody th.bad{color:var(--bad)}
      dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.5rem;margin:0 0 1rem;
      font-size:.9375rem}
      dt{color:var(--soft)}
      dd{margin:0;overflow-wrap:anywhere}
      pre{overflow-x:auto;margin:0 0 1rem;padding:.75rem 1rem;background:var(--panel);
      border-radius:6px;font:.875rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
      figure{margin:2rem 0}
      figure svg{display:block;width:100%;min-width:27rem;height:auto}
      figcaption{color:var(--soft);font-size:.875rem;line-height:1.5;margin-top:.25rem}
      @media (max-width:34rem){main{padding-top:1.5rem}h1{font-size:1.5rem}
      dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}}
      @media print{main{max-width:none;padding:0}figure,table,.verdict{break-inside:avoid}}
      """;

  /** On the page its own ground shows through a plot's. */
  private static final String PLOT_CSS =
      PlotStyle.CSS + ".plot .page{fill:none}\n.plot .halo{stroke:var(--ground)}\n";

  private HtmlPage() {}

  static String render(String title, List<Block> blocks) {
    StringBuilder body = new StringBuilder();
    for (Block block : blocks) {
      body.append(render(block));
    }
    // The policy forbids everything a stranger's text could bring in, should escaping ever fail.
    return """
    <!DOCTYPE html>
    <html xmlns="http://www.w3.org/1999/xhtml" lang="en">
    <head>
    <meta charset="utf-8"/>
    <meta name="viewport" content="width=device-width,initial-scale=1"/>
    <meta http-equiv="Content-Security-Policy" content="default-src 'none';style-src 'unsafe-inline'"/>
    <title>%s</title>
    <style>
    %s%s</style>
    </head>
    <body>
    <main>
    <h1>%s</h1>
    %s</main>
    </body>
    </html>
    """
        .formatted(Markup.escape(title), CSS, PLOT_CSS, Markup.escape(title), body);
  }

  private static String render(Block block) {
    return switch (block) {
      case Block.Section(String heading) -> "<h2>" + Markup.escape(heading) + "</h2>\n";
      case Block.Paragraph(String text) -> "<p>" + Markup.escape(text) + "</p>\n";
      case Block.Verdict(Tone tone, String sentence) ->
          "<p class=\"verdict "
              + tone.name().toLowerCase(Locale.ROOT)
              + "\">"
              + Markup.escape(sentence)
              + "</p>\n";
      case Block.Settings settings -> settings(settings);
      case Block.Commands(String text) ->
          "<pre><code>" + Markup.escape(text.strip()) + "</code></pre>\n";
      case Block.Tabular(Table table) -> HtmlTable.render(table);
      case Block.Plot(Figure figure, String caption) ->
          "<figure>\n<div class=\"scroll\">\n"
              + figure.inline()
              + "</div>\n<figcaption>"
              + Markup.escape(caption)
              + "</figcaption>\n</figure>\n";
    };
  }

  private static String settings(Block.Settings settings) {
    StringBuilder out = new StringBuilder("<dl>\n");
    settings
        .entries()
        .forEach((term, text) ->
            out.append("<dt>")
                .append(Markup.escape(term))
                .append("</dt><dd>")
                .append(Markup.escape(text))
                .append("</dd>\n"));
    return out.append("</dl>\n").toString();
  }
}
