package dev.narrow.repro.report;

import java.util.regex.Pattern;

/**
 * A finished plot.
 *
 * @param name the stem of its file's name and of its ids: lower-case letters, digits and hyphens
 * @param title a few words, plain text
 * @param description what it shows, for those who cannot see it, plain text
 * @param svg the whole SVG document, readable on its own
 */
public record Figure(String name, String title, String description, String svg) {
  private static final Pattern NAME = Pattern.compile("[a-z0-9]+(-[a-z0-9]+)*");

  /**
   * Checks the name.
   *
   * @throws IllegalArgumentException if it is not made of lower-case letters, digits and hyphens
   */
  public Figure {
    checkName(name);
  }

  static String checkName(String name) {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "name = \"" + name + "\", expected lower-case letters and digits, joined by hyphens");
    }
    return name;
  }

  /** The document for a page whose own style sheet holds {@link PlotStyle#CSS}. */
  String inline() {
    return svg.replace("<style>\n" + PlotStyle.CSS + "</style>\n", "");
  }

  /**
   * The name of its file.
   *
   * @return the name with {@code .svg}
   */
  public String fileName() {
    return name + ".svg";
  }
}
