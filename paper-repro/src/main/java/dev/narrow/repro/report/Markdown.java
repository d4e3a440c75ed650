package dev.narrow.repro.report;

/** Text made safe for GitHub's Markdown. */
final class Markdown {

  private Markdown() {}

  /** One line of text that shows as it is, in a paragraph, a heading or a table's cell. */
  static String escape(String text) {
    StringBuilder out = new StringBuilder(text.length() + 16);
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '&' -> out.append("&amp;");
        case '<' -> out.append("&lt;");
        case '>' -> out.append("&gt;");
        case '\\', '`', '*', '_', '[', ']', '|', '~', '$' -> out.append('\\').append(c);
        case '#', '+', '-', '=' -> out.append(i == 0 ? "\\" : "").append(c); // start of a block
        case '.', ')' -> out.append(afterDigits(text, i) ? "\\" : "").append(c); // an ordered list
        default -> out.append(Character.isISOControl(c) ? ' ' : c);
      }
    }
    return out.toString().strip();
  }

  private static boolean afterDigits(String text, int end) {
    // 97.81 is no list: only a space after the mark makes it one.
    return end > 0
        && (end + 1 == text.length() || text.charAt(end + 1) == ' ')
        && text.substring(0, end).chars().allMatch(c -> c >= '0' && c <= '9');
  }
}
