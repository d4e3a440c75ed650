package dev.narrow.repro;

import dev.narrow.repro.data.Datasets;
import dev.narrow.repro.data.TinyShakespeare;
import java.util.List;

/** The experiments by name. */
public final class Experiments {
  /** With which the names of those begin that need Deep Java Library. */
  public static final String DJL = "djl-";

  private static final String OF_DJL =
      " under an unmodified EasyTrain.fit: bf16 costs at most 0.3 points against DJL's fp32, LNS8 with"
          + " LNS-Madam 0.7; needs DJL";

  private Experiments() {}

  /**
   * An experiment.
   *
   * @param name what the command calls it
   * @param claim what it tests, in one line
   * @param datasets those that it can be run on, by default the first
   */
  public record Entry(String name, String claim, List<String> datasets) {}

  /** All of them. */
  public static List<Entry> all() {
    return List.of(
        new Entry(
            FirstTable.NAME,
            "8-bit logarithmic training (arXiv 2106.13914) costs at most half a point against fp32"
                + " with the same optimizer",
            Datasets.names()),
        new Entry(DJL + "mlp", "an MLP" + OF_DJL, Datasets.names()),
        new Entry(DJL + "lenet", "LeNet" + OF_DJL, Datasets.names()),
        new Entry(
            DJL + "bert", "a small BERT of characters" + OF_DJL, List.of(TinyShakespeare.NAME)));
  }
}
