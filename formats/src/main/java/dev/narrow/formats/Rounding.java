package dev.narrow.formats;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * How a real number becomes one of its two neighbours in a format.
 *
 * @param mode which neighbour is taken
 * @param randomBits for the stochastic modes how many random bits decide, 1 to 32; otherwise 0
 * @param domain where distance is measured by the modes to nearest and stochastic; the directed
 *     modes and to-odd do not measure distance and ignore it
 */
public record Rounding(Mode mode, int randomBits, Domain domain) {

  /** Which neighbour is taken. */
  public enum Mode {
    /** The nearer neighbour; of two equally near the one whose code is even (IEEE 754, 4.3.1). */
    NEAREST_EVEN,
    /** The nearer neighbour; of two equally near the one farther from zero (IEEE 754, 4.3.1). */
    NEAREST_AWAY,
    /** The neighbour nearer to zero. */
    TOWARD_ZERO,
    /** The greater neighbour. */
    TOWARD_POSITIVE,
    /** The smaller neighbour. */
    TOWARD_NEGATIVE,
    /**
     * The number itself if representable, else the neighbour whose code is odd: a second rounding
     * to a format of at least two significand bits fewer is then innocuous (Boldo and Melquiond,
     * 2005).
     */
    TO_ODD,
    /**
     * The neighbour farther from zero with probability f/2^n, where f is the fraction of the step
     * times 2^n, rounded to nearest, ties to even (IEEE P3109, StochasticC). The only one of the
     * three without bias, whatever the number of discarded bits.
     */
    STOCHASTIC,
    /**
     * As {@link #STOCHASTIC}, with f cut off to an integer (IEEE P3109, StochasticA). Over all
     * fractions of d > n bits the mean result is 2^-(n + 1) - 2^-(d + 1) of a step too near to
     * zero.
     */
    STOCHASTIC_A,
    /**
     * As {@link #STOCHASTIC}, with f rounded to nearest, ties away from zero (IEEE P3109,
     * StochasticB). Over all fractions of d > n bits the mean result is 2^-(d + 1) of a step too
     * far from zero.
     */
    STOCHASTIC_B
  }

  /** Where distance to a neighbour is measured. */
  public enum Domain {
    /** The format's own: linear for floats, the logarithm for logarithmic formats. */
    OWN,
    /** The value itself, for logarithmic formats too. */
    LINEAR
  }

  /** {@link Mode#NEAREST_EVEN}. */
  public static final Rounding NEAREST_EVEN = new Rounding(Mode.NEAREST_EVEN, 0, Domain.OWN);

  /** {@link Mode#NEAREST_AWAY}. */
  public static final Rounding NEAREST_AWAY = new Rounding(Mode.NEAREST_AWAY, 0, Domain.OWN);

  /** {@link Mode#TOWARD_ZERO}. */
  public static final Rounding TOWARD_ZERO = new Rounding(Mode.TOWARD_ZERO, 0, Domain.OWN);

  /** {@link Mode#TOWARD_POSITIVE}. */
  public static final Rounding TOWARD_POSITIVE = new Rounding(Mode.TOWARD_POSITIVE, 0, Domain.OWN);

  /** {@link Mode#TOWARD_NEGATIVE}. */
  public static final Rounding TOWARD_NEGATIVE = new Rounding(Mode.TOWARD_NEGATIVE, 0, Domain.OWN);

  /** {@link Mode#TO_ODD}. */
  public static final Rounding TO_ODD = new Rounding(Mode.TO_ODD, 0, Domain.OWN);

  /**
   * Checks the number of random bits.
   *
   * @throws IllegalArgumentException if it does not fit the mode
   */
  public Rounding {
    boolean stochastic = isStochastic(mode);
    if (stochastic ? randomBits < 1 || randomBits > 32 : randomBits != 0) {
      throw new IllegalArgumentException(
          "randomBits = "
              + randomBits
              + ", expected "
              + (stochastic ? "1 to 32" : "0")
              + " for "
              + mode);
    }
  }

  /**
   * Stochastic rounding that compares with {@code randomBits} bits.
   *
   * @param randomBits 1 to 32
   * @return the rounding, in the format's own domain
   * @throws IllegalArgumentException if {@code randomBits} is not in 1..32
   */
  public static Rounding stochastic(int randomBits) {
    return new Rounding(Mode.STOCHASTIC, randomBits, Domain.OWN);
  }

  /**
   * Stochastic rounding by another of the three variants of IEEE P3109.
   *
   * @param variant a stochastic mode
   * @param randomBits 1 to 32
   * @return the rounding, in the format's own domain
   * @throws IllegalArgumentException if {@code variant} is not stochastic, or {@code randomBits} is
   *     not in 1..32
   */
  public static Rounding stochastic(Mode variant, int randomBits) {
    if (!isStochastic(variant)) {
      throw new IllegalArgumentException(
          "variant = " + variant + ", expected STOCHASTIC, STOCHASTIC_A or STOCHASTIC_B");
    }
    return new Rounding(variant, randomBits, Domain.OWN);
  }

  /**
   * The rounding that {@link #toString} writes so, in upper or lower case: {@code nearest-even},
   * {@code to-odd}, {@code stochastic:8}, {@code stochastic-a:2}, {@code nearest-even/linear}.
   *
   * @param text the name of a mode, a colon and the number of random bits where it is stochastic,
   *     and {@code /linear} for the linear domain
   * @return the rounding
   * @throws IllegalArgumentException if there is no such rounding; the message tells the nearest
   *     names
   */
  public static Rounding parse(String text) {
    String key = text.strip().toLowerCase(Locale.ROOT);
    boolean linear = key.endsWith("/linear");
    String mode = linear ? key.substring(0, key.length() - "/linear".length()) : key;
    int colon = mode.indexOf(':');
    String bits = colon < 0 ? "" : mode.substring(colon + 1);
    String name = colon < 0 ? mode : mode.substring(0, colon);
    for (Mode candidate : Mode.values()) {
      if (word(candidate).equals(name)) {
        if (isStochastic(candidate) != bits.matches("[1-9]|[12][0-9]|3[012]")
            || isStochastic(candidate) != (colon >= 0)) {
          throw new IllegalArgumentException(
              "rounding = \""
                  + Names.shown(text)
                  + "\", expected "
                  + name
                  + (isStochastic(candidate) ? ":1 to " + name + ":32" : ""));
        }
        int randomBits = bits.isEmpty() ? 0 : Integer.parseInt(bits);
        return new Rounding(candidate, randomBits, linear ? Domain.LINEAR : Domain.OWN);
      }
    }
    List<String> names = Arrays.stream(Mode.values()).map(Rounding::word).toList();
    throw new IllegalArgumentException(
        "rounding = \""
            + Names.shown(text)
            + "\", expected one of "
            + Names.nearest(name, names)
            + ", ...");
  }

  /**
   * This rounding with distance measured between values, not between logarithms.
   *
   * @return the same mode in the linear domain
   */
  public Rounding linear() {
    return new Rounding(mode, randomBits, Domain.LINEAR);
  }

  /**
   * Whether a random word is needed.
   *
   * @return true for stochastic rounding
   */
  public boolean isStochastic() {
    return isStochastic(mode);
  }

  private static boolean isStochastic(Mode mode) {
    return switch (mode) {
      case STOCHASTIC, STOCHASTIC_A, STOCHASTIC_B -> true;
      case NEAREST_EVEN, NEAREST_AWAY, TOWARD_ZERO, TOWARD_POSITIVE, TOWARD_NEGATIVE, TO_ODD ->
          false;
    };
  }

  private static String word(Mode mode) {
    return mode.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** For example {@code nearest-even}, {@code stochastic:8}, {@code nearest-even/linear}. */
  @Override
  public String toString() {
    return word(mode)
        + (isStochastic() ? ":" + randomBits : "")
        + (domain == Domain.LINEAR ? "/linear" : "");
  }
}
