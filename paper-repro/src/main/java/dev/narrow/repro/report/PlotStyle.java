package dev.narrow.repro.report;

/**
 * The look of all plots. Colours are plain CSS classes with a dark variant, not CSS variables,
 * which several SVG viewers do not know. The hues are those of Okabe and Ito (2008), made for
 * colour blindness, the light ones darkened to stand out on white; each line has a dash pattern
 * too.
 */
final class PlotStyle {
  /** Hues before they repeat. The first, the text's own colour, suits the reference arm. */
  static final int HUES = 7;

  private static final String[] DASHES = {"", "7 3", "2 2.5", "10 3 2 3", "14 4", "7 2 2 2 2 2"};

  static final String CSS =
      """
      .plot{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
      .plot,.plot .s0{color:#1f2328}
      .plot text{fill:currentColor}
      .plot .title{font-size:15px;font-weight:600}
      .plot .strong{font-weight:600}
      .plot .muted{color:#59636e}
      .plot .page{fill:#ffffff}
      .plot .halo{stroke:#ffffff}
      .plot .grid{stroke:#e4e7eb}
      .plot .axis{stroke:#818b98}
      .plot .zone{fill:#0072b2;fill-opacity:.1}
      .plot .s1{color:#0072b2}
      .plot .s2{color:#c97a00}
      .plot .s3{color:#008a64}
      .plot .s4{color:#d04a02}
      .plot .s5{color:#b5568b}
      .plot .s6{color:#3a93c9}
      @media (prefers-color-scheme:dark){
      .plot,.plot .s0{color:#e6edf3}
      .plot .muted{color:#9aa5b1}
      .plot .page{fill:#0e1116}
      .plot .halo{stroke:#0e1116}
      .plot .grid{stroke:#262c35}
      .plot .axis{stroke:#6e7885}
      .plot .zone{fill:#56b4e9;fill-opacity:.16}
      .plot .s1{color:#4aa3e0}
      .plot .s2{color:#e69f00}
      .plot .s3{color:#1fb98a}
      .plot .s4{color:#ff7a3d}
      .plot .s5{color:#dd8fbc}
      .plot .s6{color:#8fd0f5}
      }
      """;

  private PlotStyle() {}

  /** The class that sets the colour of the arm with this index. */
  static String hue(int index) {
    return "s" + index % HUES;
  }

  /** The dash pattern of the arm with this index; 7 hues and 6 patterns tell 42 arms apart. */
  static String dash(int index) {
    return DASHES[index % DASHES.length];
  }
}
