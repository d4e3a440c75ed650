package dev.narrow.repro.report;

/** Text made safe for HTML and XML. */
final class Markup {

  private Markup() {}

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
            default -> out.appendCodePoint(allowed(c) ? c : 0xfffd);
          }
        });
    return out.toString();
  }

  /** XML 1.0, production 2, without the carriage return that a parser would change. */
  private static boolean allowed(int c) {
    return c == '\t'
        || c == '\n'
        || (c >= ' ' && c <= 0xd7ff)
        || (c >= 0xe000 && c <= 0xfffd)
        || c >= 0x10000;
  }
}
