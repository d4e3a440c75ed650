package dev.narrow.repro.report;

import dev.narrow.repro.report.Table.Align;
import dev.narrow.repro.report.Table.Cell;
import java.util.ArrayList;
import java.util.List;

/**
 * A table as aligned lines:
 *
 * <pre>
 * arm       accuracy   time
 * ─────────────────────────
 * fp32  97.81 ± 0.12   41 s
 * </pre>
 */
public final class TerminalTable {
  private static final String GAP = "   ";
  private static final String ESCAPE = "\u001b[";
  private static final String RESET = ESCAPE + "0m";

  private TerminalTable() {}

  /**
   * The table's lines, each ended by a line feed, then its footnotes. Control characters in texts
   * show as pictures, so no text can steer the terminal.
   *
   * @param colour whether to mark headers and tones with ANSI colours
   * @param table what to render
   * @return the text
   */
  public static String render(Table table, boolean colour) {
    List<List<String>> texts = new ArrayList<>();
    texts.add(table.columns().stream().map(column -> visible(column.header())).toList());
    for (List<Cell> row : table.rows()) {
      texts.add(row.stream().map(cell -> visible(cell.text())).toList());
    }
    int[] widths = new int[table.columns().size()];
    for (List<String> row : texts) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], DisplayWidth.of(row.get(i)));
      }
    }
    StringBuilder out = new StringBuilder();
    for (int r = 0; r < texts.size(); r++) {
      for (int i = 0; i < widths.length; i++) {
        String text = texts.get(r).get(i);
        String pad = " ".repeat(widths[i] - DisplayWidth.of(text));
        String code = !colour ? "" : r == 0 ? "1m" : code(table.rows().get(r - 1).get(i).tone());
        String shown = code.isEmpty() ? text : ESCAPE + code + text + RESET;
        boolean right = table.columns().get(i).align() == Align.RIGHT;
        out.append(i == 0 ? "" : GAP).append(right ? pad + shown : shown + pad);
      }
      out.append('\n');
      if (r == 0) {
        int total = GAP.length() * (widths.length - 1);
        for (int width : widths) {
          total += width;
        }
        out.append("─".repeat(total)).append('\n');
      }
    }
    for (String footnote : table.footnotes()) {
      out.append(visible(footnote)).append('\n');
    }
    return out.toString();
  }

  private static String code(Tone tone) {
    return switch (tone) {
      case NEUTRAL -> "";
      case GOOD -> "32m";
      case WARN -> "33m";
      case BAD -> "31m";
    };
  }

  private static String visible(String text) {
    StringBuilder out = new StringBuilder();
    text.codePoints()
        .map(c -> c < ' ' ? 0x2400 + c : c == 0x7f ? 0x2421 : c < 0xa0 && c > 0x7f ? 0xfffd : c)
        .forEach(out::appendCodePoint);
    return out.toString();
  }
}
