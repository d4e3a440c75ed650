package dev.narrow.formats;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * One binade of a logarithmic format: the powers 2^(j/gamma), and the half steps and midpoints
 * between them as exact thresholds on 53-bit significands.
 *
 * <p>A comparison of a significand with an irrational number is one with the next integer above it.
 * All the thresholds are irrational but 1 and, at gamma = 1, the numbers between 1 and 2 where
 * linear rounding changes.
 */
final class LogGrid {
  static final int MAX_GAMMA_BITS = 15;

  private static final double APPROXIMATION = 0x1p-46;
  private static final double LN_2 = 0x1.62e42fefa39efp-1;

  /** 1 / i!, correctly rounded: i! is exact for these. */
  private static final double[] EXPONENTIAL = new double[18];

  static {
    double factorial = 1;
    EXPONENTIAL[0] = 1;
    for (int i = 1; i < EXPONENTIAL.length; i++) {
      factorial *= i;
      EXPONENTIAL[i] = 1 / factorial;
    }
  }

  private static final AtomicReferenceArray<LogGrid> GRIDS =
      new AtomicReferenceArray<>(MAX_GAMMA_BITS + 1);

  final int gammaBits;

  /** The first significand not below 2^(i / (2 gamma)), for i in 0..2 gamma - 1. */
  final long[] halfSteps;

  /** The first significand not below (2^(j/gamma) + 2^((j+1)/gamma)) / 2, for j in 0..gamma - 1. */
  final long[] midpoints;

  /** 2^(j/gamma), correctly rounded, for j in 0..gamma - 1. */
  final float[] floats;

  /** 2^(j/gamma), correctly rounded, for j in 0..gamma - 1. */
  final double[] doubles;

  /** The terms of exp(y), y up to ln(2) / gamma, that are not below 2^-60: 17 at gamma = 1. */
  private final int seriesTerms;

  private LogGrid(int gammaBits) {
    this.gammaBits = gammaBits;
    int terms = 0;
    double term = 1;
    while (term >= 0x1p-60) {
      terms++;
      term *= Math.scalb(LN_2, -gammaBits) / terms;
    }
    seriesTerms = terms - 1;
    int gamma = 1 << gammaBits;
    halfSteps = new long[2 * gamma];
    midpoints = new long[gamma];
    floats = new float[gamma];
    doubles = new double[gamma];
    for (int i = 0; i < 2 * gamma; i++) {
      int numerator = i;
      halfSteps[i] = Pow2.ceiling(p -> p.power(numerator, gammaBits + 1), 52);
    }
    for (int i = 0; i < gamma; i++) {
      int j = i;
      floats[j] = Math.scalb((float) Pow2.nearest(p -> p.power(j, gammaBits), 23), -23);
      doubles[j] = Math.scalb((double) Pow2.nearest(p -> p.power(j, gammaBits), 52), -52);
      midpoints[j] = Pow2.ceiling(p -> p.power(j, gammaBits).plus(p.power(j + 1, gammaBits)), 51);
    }
  }

  static LogGrid of(int gamma) {
    int bits = Integer.numberOfTrailingZeros(gamma);
    LogGrid grid = GRIDS.get(bits);
    if (grid == null) {
      grid = new LogGrid(bits); // in a race both threads make the same grid
      GRIDS.set(bits, grid);
    }
    return grid;
  }

  /** 2^(steps / gamma), correctly rounded. */
  float toFloat(int steps) {
    int j = steps & ((1 << gammaBits) - 1);
    int exponent = steps >> gammaBits;
    return j == 0 || exponent >= Float.MIN_EXPONENT
        ? Math.scalb(floats[j], exponent)
        : subnormal(j, 23 + exponent - Float.MIN_EXPONENT) * Float.MIN_VALUE;
  }

  /** 2^(steps / gamma), correctly rounded. */
  double toDouble(int steps) {
    int j = steps & ((1 << gammaBits) - 1);
    int exponent = steps >> gammaBits;
    return j == 0 || exponent >= Double.MIN_EXPONENT
        ? Math.scalb(doubles[j], exponent)
        : subnormal(j, 52 + exponent - Double.MIN_EXPONENT) * Double.MIN_VALUE;
  }

  /** 2^(j / gamma + bits), rounded once to an integer. */
  private long subnormal(int j, int bits) {
    return bits < -1 ? 0 : Pow2.nearest(p -> p.power(j, gammaBits), bits);
  }

  /** The largest i with 2^(i / (2 gamma)) not above the significand in [2^52, 2^53). */
  int halfStep(long significand) {
    int found = Arrays.binarySearch(halfSteps, significand);
    return found >= 0 ? found : -found - 2;
  }

  /**
   * Whether a significand strictly between 2^(step/gamma) and 2^((step+1)/gamma) rounds away from
   * zero.
   *
   * @param half its {@link #halfStep}, of which step is the half
   * @param odd whether the code of the lower power is odd
   */
  boolean up(
      Rounding rounding,
      boolean negative,
      boolean odd,
      int half,
      long significand,
      int randomWord) {
    boolean logarithmic = rounding.domain() == Rounding.Domain.OWN;
    if (gammaBits == 0 && !logarithmic) {
      return Rounder.up(rounding, negative, odd, significand << 12, false, randomWord);
    }
    int step = half >> 1;
    return switch (rounding.mode()) {
      case NEAREST_EVEN, NEAREST_AWAY ->
          logarithmic ? (half & 1) != 0 : significand >= midpoints[step];
      case TOWARD_ZERO -> false;
      case TOWARD_POSITIVE -> !negative;
      case TOWARD_NEGATIVE -> negative;
      case TO_ODD -> !odd;
      case STOCHASTIC, STOCHASTIC_A, STOCHASTIC_B -> {
        int n = rounding.randomBits();
        long q = threshold(rounding.mode(), n, randomWord);
        double x = significand * 0x1p-52;
        double border = approximateThreshold(step, n + 1, q, logarithmic);
        if (Math.abs(x - border) > APPROXIMATION) {
          yield x > border;
        }
        yield significand
            >= (logarithmic ? logThreshold(step, n + 1, q) : linearThreshold(step, n + 1, q));
      }
    };
  }

  /**
   * The fraction, in units of 2^-(n + 1), from which a number rounds up: with R the top n bits of
   * the word, a fraction f does if f 2^n rounded to nearest is at least 2^n - R, that is from 2^n -
   * R - 1/2 on; in variant A, which does not round, from 2^n - R on.
   */
  static long threshold(Rounding.Mode mode, int n, int randomWord) {
    long whole = 2 * ((1L << n) - Rounder.randomNumber(n, randomWord));
    return mode == Rounding.Mode.STOCHASTIC_A ? whole : whole - 1;
  }

  /** Whether a number at the {@link #threshold} rounds up. */
  static boolean upAtThreshold(Rounding rounding, boolean floorOdd, int randomWord) {
    return switch (rounding.mode()) {
      case NEAREST_EVEN -> floorOdd;
      case STOCHASTIC -> {
        // the fraction lies halfway between two multiples of 2^-n and becomes the even one
        long q = threshold(rounding.mode(), rounding.randomBits(), randomWord);
        yield ((q + 1) / 2 & 1) == 0;
      }
      default -> true;
    };
  }

  /**
   * One of the two thresholds below, in [1, 2], to within {@link #APPROXIMATION}: the powers and
   * the operations are correctly rounded, and the series, cut off below 2^-60, has positive terms,
   * so that the relative errors add up to less than 32 units of 2^-53.
   */
  private double approximateThreshold(int step, int bits, long q, boolean logarithmic) {
    double part = Math.scalb((double) q, -bits); // exact
    double low = doubles[step];
    if (!logarithmic) {
      double high = step + 1 < doubles.length ? doubles[step + 1] : 2;
      return low + (high - low) * part;
    }
    double y = Math.scalb(part, -gammaBits) * LN_2;
    double series = EXPONENTIAL[seriesTerms];
    for (int i = seriesTerms - 1; i >= 0; i--) {
      series = series * y + EXPONENTIAL[i];
    }
    return low * series;
  }

  /** The first significand not below 2^((step + q / 2^bits) / gamma). */
  private long logThreshold(int step, int bits, long q) {
    return Pow2.ceiling(p -> p.power(((long) step << bits) + q, gammaBits + bits), 52);
  }

  /** The first significand not below the number q / 2^bits of the way from a power to the next. */
  private long linearThreshold(int step, int bits, long q) {
    return Pow2.ceiling(
        p ->
            p.power(step, gammaBits)
                .times((1L << bits) - q)
                .plus(p.power(step + 1, gammaBits).times(q)),
        52 - bits);
  }

  /**
   * Whether a number between zero, whose code is even, and a smallest magnitude rounds to the
   * latter where distance is linear.
   *
   * @param rounding to nearest or stochastic
   * @param j the smallest magnitude is 2^(j/gamma), j in 0..gamma - 1, times a power of two
   * @param shift the number is the significand times 2^(shift - 52) times that power of two
   */
  boolean upFromZero(Rounding rounding, int j, long significand, int shift, int randomWord) {
    int n = rounding.randomBits(); // 0 to nearest: the same rule without a random number
    long q = threshold(rounding.mode(), n, randomWord);
    int bits = 51 - n - shift;
    if (63 - Long.numberOfLeadingZeros(q) + bits >= 53) {
      return false; // q 2^bits, and so the border, is at least 2^53
    }
    if (j == 0) {
      long border = q << bits;
      return significand > border
          || (significand == border && upAtThreshold(rounding, false, randomWord));
    }
    return significand >= Pow2.ceiling(p -> p.power(j, gammaBits).times(q), bits);
  }
}
