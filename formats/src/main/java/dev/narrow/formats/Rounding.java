package dev.narrow.formats;

import java.util.Locale;

/**
 * How a real number becomes one of its two neighbours in a format.
 *
 * @param mode which neighbour is taken
 * @param randomBits for {@link Mode#STOCHASTIC} how many random bits decide, 1 to 32; otherwise 0
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
     * times 2^n, rounded to nearest, ties to even (IEEE P3109, StochasticC): unbiased among the
     * stochastic variants of few bits.
     */
    STOCHASTIC
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
    if (mode == Mode.STOCHASTIC ? randomBits < 1 || randomBits > 32 : randomBits != 0) {
      throw new IllegalArgumentException(
          "randomBits = "
              + randomBits
              + ", expected "
              + (mode == Mode.STOCHASTIC ? "1 to 32" : "0")
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
    return mode == Mode.STOCHASTIC;
  }

  /** For example {@code nearest-even}, {@code stochastic:8}, {@code nearest-even/linear}. */
  @Override
  public String toString() {
    String name = mode.name().toLowerCase(Locale.ROOT).replace('_', '-');
    return name
        + (isStochastic() ? ":" + randomBits : "")
        + (domain == Domain.LINEAR ? "/linear" : "");
  }
}
