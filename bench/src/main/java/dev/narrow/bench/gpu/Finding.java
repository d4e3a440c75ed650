package dev.narrow.bench.gpu;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What the GPU check found of one thing. */
sealed interface Finding {
  /** Of what. */
  String name();

  /** Whether it is as it must be; goals of speed are another matter. */
  boolean isRight();

  /**
   * Results compared with those of the processor.
   *
   * @param name of the operation
   * @param elements of its operands, in all sizes together
   * @param demand what is asked for, for example {@code same bits}
   * @param difference what differs first; empty if nothing does
   */
  record Comparison(String name, long elements, String demand, String difference)
      implements Finding {
    static final String SAME_BITS = "same bits";

    @Override
    public boolean isRight() {
      return difference.isEmpty();
    }

    @Override
    public String toString() {
      return isRight() ? demand : "DIFFERS: " + difference;
    }
  }

  /**
   * A measured figure beside that of something else, which took turns with it.
   *
   * @param name of what was measured
   * @param size of its operands
   * @param unit of both
   * @param ours median
   * @param peer what it is beside
   * @param theirs median; NaN if there is no such peer
   * @param figure what goals are about, of each turn; see the part's heading for its unit
   * @param goal null for none
   */
  record Measurement(
      String name,
      String size,
      String unit,
      double ours,
      String peer,
      double theirs,
      Quartiles figure,
      @Nullable Goal goal)
      implements Finding {

    @Override
    public boolean isRight() {
      return true;
    }

    /** {@code met}, {@code not met}, or empty where there is nothing to meet or to judge. */
    String verdict() {
      return goal == null || Double.isNaN(figure.median())
          ? ""
          : goal.isMet(figure.median()) ? "met" : "not met";
    }

    @Override
    public String toString() {
      String beside =
          Double.isNaN(theirs)
              ? ""
              : String.format(Locale.ROOT, ", %s %s: %.3f", peer, number(theirs), figure.median());
      return "%s: %s %s%s%s"
          .formatted(
              size,
              number(ours),
              unit,
              beside,
              goal == null || verdict().isEmpty() ? "" : ", " + goal + " " + verdict());
    }
  }

  /**
   * What was not looked at, or in which surroundings something was.
   *
   * @param name of what
   * @param text a sentence
   */
  record Note(String name, String text) implements Finding {
    @Override
    public boolean isRight() {
      return true;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** With four significant digits. */
  static String number(double value) {
    if (!Double.isFinite(value)) {
      return "–";
    }
    int digits = value == 0 ? 0 : (int) Math.floor(Math.log10(Math.abs(value)));
    return String.format(Locale.ROOT, "%." + Math.clamp(3 - digits, 0, 6) + "f", value);
  }
}
