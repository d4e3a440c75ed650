package dev.narrow.repro.report;

import dev.narrow.repro.report.Table.Align;
import dev.narrow.repro.report.Table.Cell;
import java.util.ArrayList;
import java.util.List;

/** A table in GitHub's Markdown, its source aligned too. */
final class MarkdownTable {

  private MarkdownTable() {}

  static String render(Table table) {
    List<List<String>> texts = new ArrayList<>();
    texts.add(table.columns().stream().map(column -> Markdown.escape(column.header())).toList());
    for (List<Cell> row : table.rows()) {
      texts.add(row.stream().map(cell -> Markdown.escape(cell.text())).toList());
    }
    int[] widths = new int[table.columns().size()];
    for (List<String> row : texts) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(Math.max(widths[i], 3), DisplayWidth.of(row.get(i)));
      }
    }
    StringBuilder out = new StringBuilder();
    for (int r = 0; r < texts.size(); r++) {
      out.append('|');
      for (int i = 0; i < widths.length; i++) {
        String text = texts.get(r).get(i);
        String pad = " ".repeat(widths[i] - DisplayWidth.of(text));
        out.append(' ').append(right(table, i) ? pad + text : text + pad).append(" |");
      }
      out.append('\n');
      if (r == 0) {
        out.append('|');
        for (int i = 0; i < widths.length; i++) {
          out.append(' ').append("-".repeat(widths[i])).append(right(table, i) ? ":|" : " |");
        }
        out.append('\n');
      }
    }
    for (String footnote : table.footnotes()) {
      out.append('\n').append(Markdown.escape(footnote)).append('\n');
    }
    return out.toString();
  }

  private static boolean right(Table table, int column) {
    return table.columns().get(column).align() == Align.RIGHT;
  }
}
