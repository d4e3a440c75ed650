package dev.narrow.repro.report;

import java.math.BigDecimal;

/** Builds an SVG document as text; coordinates are in user units with two decimals. */
final class Svg {
  /**
   * Wide for most of a sans-serif text of 12 units, since its real width is the viewer's matter.
   */
  private static final double COLUMN = 6.9;

  private final StringBuilder body = new StringBuilder();

  /** How wide a text of 12 units is at most likely to be. */
  static double textWidth(String text) {
    return COLUMN * DisplayWidth.of(text);
  }

  /** An empty element: its tag, then its attributes' names and values in turn. */
  Svg shape(String tag, Object... attributes) {
    open(tag, attributes);
    body.insert(body.length() - 2, '/');
    return this;
  }

  /** An empty element whose text shows under the pointer. */
  Svg titled(String tip, String tag, Object... attributes) {
    open(tag, attributes);
    body.setLength(body.length() - 1);
    body.append("<title>").append(Markup.escape(tip)).append("</title></").append(tag);
    body.append(">\n");
    return this;
  }

  /** A text; attributes follow as in {@link #shape}. */
  Svg text(double x, double y, String text, Object... attributes) {
    body.append("<text x=\"").append(coordinate(x)).append("\" y=\"").append(coordinate(y));
    body.append('"');
    attributes(attributes);
    body.append('>').append(Markup.escape(text)).append("</text>\n");
    return this;
  }

  Svg line(double x1, double y1, double x2, double y2, Object... attributes) {
    body.append("<line x1=\"").append(coordinate(x1)).append("\" y1=\"").append(coordinate(y1));
    body.append("\" x2=\"").append(coordinate(x2)).append("\" y2=\"").append(coordinate(y2));
    body.append('"');
    attributes(attributes);
    body.append("/>\n");
    return this;
  }

  Svg open(String tag, Object... attributes) {
    body.append('<').append(tag);
    attributes(attributes);
    body.append(">\n");
    return this;
  }

  Svg close(String tag) {
    body.append("</").append(tag).append(">\n");
    return this;
  }

  /** The document: role, title and description for screen readers, style, ground, body. */
  Figure figure(String name, String title, String description, double width, double height) {
    String size = coordinate(width) + " " + coordinate(height);
    String svg =
        """
        <svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 %s" role="img" \
        aria-labelledby="%s-title %s-description">
        <title id="%s-title">%s</title>
        <desc id="%s-description">%s</desc>
        <style>
        %s</style>
        <rect class="page" width="100%%" height="100%%"/>
        <text class="title" x="16" y="26">%s</text>
        %s</svg>
        """
            .formatted(
                size,
                name,
                name,
                name,
                Markup.escape(title),
                name,
                Markup.escape(description),
                PlotStyle.CSS,
                Markup.escape(title),
                body);
    return new Figure(name, title, description, svg);
  }

  private void attributes(Object... attributes) {
    for (int i = 0; i < attributes.length; i += 2) {
      body.append(' ').append(attributes[i]).append("=\"");
      Object value = attributes[i + 1];
      body.append(
          value instanceof Number n
              ? coordinate(n.doubleValue())
              : Markup.escape(value.toString()));
      body.append('"');
    }
  }

  static String coordinate(double value) {
    return BigDecimal.valueOf(Math.round(value * 100), 2).stripTrailingZeros().toPlainString();
  }
}
