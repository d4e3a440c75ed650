package dev.narrow.repro.report;

import dev.narrow.repro.report.Table.Align;
import dev.narrow.repro.report.Table.Cell;
import dev.narrow.repro.report.Table.Column;
import java.util.List;
import java.util.Locale;

/** A table as an HTML fragment; its first column heads the rows. */
final class HtmlTable {

  private HtmlTable() {}

  static String render(Table table) {
    StringBuilder out = new StringBuilder();
    out.append("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"table\">\n");
    out.append("<table>\n<thead><tr>");
    for (Column column : table.columns()) {
      out.append("<th scope=\"col\"").append(classes(column, Tone.NEUTRAL)).append('>');
      out.append(Markup.escape(column.header())).append("</th>");
    }
    out.append("</tr></thead>\n<tbody>\n");
    for (List<Cell> row : table.rows()) {
      out.append("<tr>");
      for (int i = 0; i < row.size(); i++) {
        Cell cell = row.get(i);
        String tag = i == 0 ? "th" : "td";
        out.append('<').append(tag).append(i == 0 ? " scope=\"row\"" : "");
        out.append(classes(table.columns().get(i), cell.tone())).append('>');
        out.append(Markup.escape(cell.text())).append("</").append(tag).append('>');
      }
      out.append("</tr>\n");
    }
    out.append("</tbody>\n</table>\n</div>\n");
    for (String footnote : table.footnotes()) {
      out.append("<p class=\"note\">").append(Markup.escape(footnote)).append("</p>\n");
    }
    return out.toString();
  }

  private static String classes(Column column, Tone tone) {
    String align = column.align() == Align.RIGHT ? "right" : "";
    String colour = tone == Tone.NEUTRAL ? "" : tone.name().toLowerCase(Locale.ROOT);
    String both = (align + " " + colour).strip();
    return both.isEmpty() ? "" : " class=\"" + both + "\"";
  }
}
