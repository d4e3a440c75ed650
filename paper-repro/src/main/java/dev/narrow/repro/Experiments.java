package dev.narrow.repro;

import java.util.List;

/** The experiments by name. */
public final class Experiments {
  private Experiments() {}

  /**
   * An experiment.
   *
   * @param name what the command calls it
   * @param claim what it tests, in one line
   */
  public record Entry(String name, String claim) {}

  /** All of them. */
  public static List<Entry> all() {
    return List.of(
        new Entry(
            FirstTable.NAME,
            "8-bit logarithmic training (arXiv 2106.13914) costs at most half a point against fp32"
                + " with the same optimizer"));
  }
}
