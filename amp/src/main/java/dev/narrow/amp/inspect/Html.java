package dev.narrow.amp.inspect;

import java.util.Locale;

/** Text and numbers in HTML and SVG. */
final class Html {
  private Html() {}

  /** Text that is itself in an element or a quoted attribute, whatever it holds. */
  static String escape(String text) {
    StringBuilder out = new StringBuilder(text.length() + 16);
    text.codePoints()
        .forEach(c -> {
          switch (c) {
            case '&' -> out.append("&amp;");
            case '<' -> out.append("&lt;");
            case '>' -> out.append("&gt;");
            case '"' -> out.append("&quot;");
            case '\'' -> out.append("&#39;");
            default -> out.appendCodePoint(c >= ' ' || c == '\n' ? c : 0xfffd);
          }
        });
    return out.toString();
  }

  /** A coordinate with one decimal. */
  static String at(double coordinate) {
    return String.format(Locale.ROOT, "%.1f", coordinate);
  }

  /** With so many significant digits as a table needs. */
  static String number(double value) {
    return value == 0 ? "0" : String.format(Locale.ROOT, "%.3g", value);
  }
}
