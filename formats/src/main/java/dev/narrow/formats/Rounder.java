package dev.narrow.formats;

/** The choice between the two neighbours of a number, the one place where rounding modes differ. */
final class Rounder {
  private static final long HALF = 1L << 63;

  private Rounder() {}

  /**
   * Whether the neighbour farther from zero is taken.
   *
   * @param negative the sign of the number
   * @param floorOdd whether the code of the neighbour nearer to zero is odd
   * @param fraction the number's place between its neighbours in units of 2^-64, unsigned, cut off
   * @param sticky whether the cut lost anything
   */
  static boolean up(
      Rounding rounding,
      boolean negative,
      boolean floorOdd,
      long fraction,
      boolean sticky,
      int randomWord) {
    if (fraction == 0 && !sticky) {
      return false;
    }
    return switch (rounding.mode()) {
      case NEAREST_EVEN -> (fraction == HALF && !sticky) ? floorOdd : fraction < 0;
      case NEAREST_AWAY -> fraction < 0;
      case TOWARD_ZERO -> false;
      case TOWARD_POSITIVE -> !negative;
      case TOWARD_NEGATIVE -> negative;
      case TO_ODD -> !floorOdd;
      case STOCHASTIC_A -> {
        int n = rounding.randomBits();
        yield (fraction >>> (64 - n)) + randomNumber(n, randomWord) >= 1L << n;
      }
      case STOCHASTIC_B -> {
        int n = rounding.randomBits();
        yield (fraction >>> (63 - n)) + 2 * randomNumber(n, randomWord) + 1 >= 2L << n;
      }
      case STOCHASTIC -> {
        int n = rounding.randomBits();
        long rest = fraction << n;
        long f = fraction >>> (64 - n);
        boolean odd = (f & 1) != 0;
        f += ((rest == HALF && !sticky) ? odd : rest < 0) ? 1 : 0;
        yield f + randomNumber(n, randomWord) >= 1L << n;
      }
    };
  }

  /**
   * The bits that significand / 2^drop has after the binary point, in units of 2^-64, cut off.
   *
   * @param drop 1 or more
   */
  static long fraction(long significand, long drop) {
    return drop <= 64 ? significand << (64 - drop) : drop < 128 ? significand >>> (drop - 64) : 0;
  }

  /** Whether {@link #fraction} cuts off anything. */
  static boolean loses(long significand, long drop) {
    return significand != 0
        && (drop >= 128
            || (drop > 64 && fraction(significand, drop) << (drop - 64) != significand));
  }

  /** The top n bits of a random word, n in 0..32. */
  static long randomNumber(int n, int randomWord) {
    return Integer.toUnsignedLong(randomWord) >>> (32 - n);
  }
}
