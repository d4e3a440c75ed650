package dev.narrow.formats;

import java.math.BigInteger;
import java.util.Objects;
import java.util.function.Supplier;

/**
 * A logarithmic number system: a sign and an unsigned magnitude m of {@code width - 1} bits that
 * stands for 2^((m - bias) / gamma). Negation flips the top bit, magnitudes sort as integers, and
 * the product of two numbers is the sum of their m, less the bias.
 *
 * <p>Where m = 0 is reserved, it is zero with sign 0 and NaN with sign 1; otherwise it is one more
 * magnitude, and the format has neither zero nor NaN. There are no infinities. LNS-Madam (Zhao et
 * al., IEEE Trans. Computers 71(12), 2022) has neither and the values s * 2^(k / gamma): it shares
 * the grid of the format with a reserved zero (k = m) where s = 2^(-bias / gamma).
 *
 * <p>Rounding to nearest and stochastic rounding measure distance between logarithms unless the
 * rounding's domain is linear. No logarithm is calculated: significands are compared with exact
 * thresholds, since x lies above 2^((m + f) / gamma) exactly if its significand does.
 *
 * <p>Below the smallest magnitude the neighbours are it and zero:
 *
 * <ul>
 *   <li>To nearest in the log domain, magnitudes within half a step (2^(1 / (2 gamma))) of the
 *       smallest become it and those below become zero. Zero has no logarithm, so stochastic
 *       rounding in the log domain does the same, without chance.
 *   <li>To nearest in the linear domain, the border is half the smallest magnitude; stochastic
 *       rounding in the linear domain takes the smallest in proportion to the number.
 *   <li>Directed rounding takes the neighbour of its direction, rounding to odd the smallest
 *       magnitude if its code is odd (it is where zero is reserved).
 *   <li>What so becomes zero is flushed or clamped as {@link Saturation.Underflow} says.
 *   <li>Without a zero everything becomes the smallest magnitude of its sign, in every rounding; a
 *       zero of either sign becomes the positive one.
 * </ul>
 *
 * <p>Magnitudes may lie beyond those of float64: they decode to infinity or zero, while rounding
 * and arithmetic know their values.
 *
 * <p>Above the largest magnitude the steps go on, and what rounds to more than the largest is an
 * overflow: to nearest in the log domain more than half a step above it.
 *
 * @param name the name that {@link Formats#parse} understands, if it is a known one
 * @param width bits of a code, 2 to 16
 * @param gamma the base factor, steps per binade: a power of two from 1 to 32768
 * @param bias the magnitude code of 1
 * @param zero what m = 0 stands for
 */
public record LogFormat(String name, int width, int gamma, int bias, Zero zero)
    implements NumericFormat {

  /** What the magnitude code 0 stands for. */
  public enum Zero {
    /** Zero with sign 0, NaN with sign 1. */
    RESERVED,
    /** The smallest magnitude: the format has no zero and no NaN. */
    NONE
  }

  private static final long HIDDEN = 1L << 52;
  private static final int MAX_BIAS = 1 << 17;

  /**
   * Checks the parameters.
   *
   * @throws IllegalArgumentException if one is out of range
   */
  public LogFormat {
    if (width < 2 || width > 16) {
      throw new IllegalArgumentException("width = " + width + ", expected 2 to 16");
    }
    if (gamma < 1 || gamma > 1 << LogGrid.MAX_GAMMA_BITS || Integer.bitCount(gamma) != 1) {
      throw new IllegalArgumentException(
          "gamma = "
              + gamma
              + ", expected a power of two from 1 to "
              + (1 << LogGrid.MAX_GAMMA_BITS));
    }
    if (bias < -MAX_BIAS || bias > MAX_BIAS) {
      throw new IllegalArgumentException(
          "bias = " + bias + ", expected " + -MAX_BIAS + " to " + MAX_BIAS);
    }
  }

  /**
   * The format with the bias 2^(width - 2), named as {@link Formats#parse} understands it.
   *
   * @param width bits of a code, 2 to 16
   * @param gamma the base factor, a power of two from 1 to 32768
   * @param zero what the magnitude code 0 stands for
   * @return the format
   * @throws IllegalArgumentException as the constructor does
   */
  public static LogFormat of(int width, int gamma, Zero zero) {
    String name = "lns:b" + width + "g" + gamma + (zero == Zero.NONE ? "-madam" : "");
    return new LogFormat(name, width, gamma, width < 2 ? 0 : 1 << Math.min(width - 2, 30), zero);
  }

  /** Nearest-even in the log domain; overflow to the largest magnitude, infinity and NaN to NaN. */
  @Override
  public Projection defaultProjection() {
    return new Projection(
        Rounding.NEAREST_EVEN,
        new Saturation(
            Saturation.Overflow.MAX_FINITE,
            Saturation.Infinity.KEEP,
            Saturation.Nan.NAN_OR_MAX,
            Saturation.Underflow.FLUSH,
            false,
            false));
  }

  @Override
  public float decode(int code) {
    int magnitude = code & largest();
    if (magnitude == 0 && zero == Zero.RESERVED) {
      return isNegative(code) ? Float.NaN : 0;
    }
    float value = LogGrid.of(gamma).toFloat(magnitude - bias);
    return isNegative(code) ? -value : value;
  }

  @Override
  public double decodeDouble(int code) {
    int magnitude = code & largest();
    if (magnitude == 0 && zero == Zero.RESERVED) {
      return isNegative(code) ? Double.NaN : 0;
    }
    double value = LogGrid.of(gamma).toDouble(magnitude - bias);
    return isNegative(code) ? -value : value;
  }

  @Override
  public int encode(double x, Projection projection, int randomWord) {
    long bits = Double.doubleToRawLongBits(x);
    boolean negative = bits < 0;
    Saturation saturation = projection.saturation();
    if (Double.isNaN(x)) {
      return nan(saturation);
    }
    if (Double.isInfinite(x)) {
      return saturation.clampsInfinity(false, false, true) ? largest(negative) : special(negative);
    }
    if (x == 0 || saturation.flushesInput(x)) {
      return 0;
    }
    int exponent = Binary64.exponent(x);
    long significand = Binary64.significand(x) >>> 11; // in [2^52, 2^53)

    // floor is the magnitude code of the neighbour nearer to zero, codes going on both ways
    LogGrid grid = LogGrid.of(gamma);
    int half = grid.halfStep(significand);
    long floor = (long) gamma * exponent + bias + (half >> 1);
    Rounding rounding = projection.rounding();
    boolean up;
    int smallest = smallest();
    if (floor < smallest) {
      if (zero == Zero.NONE) {
        return withSign(0, negative);
      }
      up =
          reachesSmallest(grid, floor, half, exponent, significand, negative, rounding, randomWord);
      floor = 0;
    } else {
      boolean odd = (floor & 1) != 0;
      up =
          significand != HIDDEN // the only power among them
              && grid.up(rounding, negative, odd, half, significand, randomWord);
    }
    return finish(floor + (up ? 1 : 0), negative, projection);
  }

  /** The code of a rounded magnitude, magnitudes going on beyond the largest. */
  private int finish(long rounded, boolean negative, Projection projection) {
    Saturation saturation = projection.saturation();
    if (rounded > largest()) {
      return saturation.clampsOverflow(projection.rounding().mode(), negative, false, true)
          ? largest(negative)
          : special(negative);
    }
    if (rounded == 0 && zero == Zero.RESERVED) {
      return saturation.underflow() == Saturation.Underflow.CLAMP ? withSign(1, negative) : 0;
    }
    return withSign((int) rounded, negative);
  }

  /** Whether a number between zero and the smallest magnitude, code 1, becomes the latter. */
  private boolean reachesSmallest(
      LogGrid grid,
      long floor,
      int half,
      int exponent,
      long significand,
      boolean negative,
      Rounding rounding,
      int randomWord) {
    boolean logarithmic = rounding.domain() == Rounding.Domain.OWN;
    return switch (rounding.mode()) {
      case TOWARD_ZERO -> false;
      case TOWARD_POSITIVE -> !negative;
      case TOWARD_NEGATIVE -> negative;
      case TO_ODD -> true;
      case NEAREST_EVEN, NEAREST_AWAY, STOCHASTIC, STOCHASTIC_A, STOCHASTIC_B -> {
        if (logarithmic) {
          yield floor == 0 && (half & 1) != 0;
        }
        // the fraction of the smallest magnitude, 2^((1 - bias) / gamma)
        int steps = 1 - bias;
        int j = steps & (gamma - 1);
        int shift = exponent - (steps >> grid.gammaBits);
        yield grid.upFromZero(rounding, j, significand, shift, randomWord);
      }
    };
  }

  /** The code of the number +-2^(numerator / 2^logDenominator). */
  int round(
      boolean negative, long numerator, int logDenominator, Projection projection, int randomWord) {
    int drop = logDenominator - LogGrid.of(gamma).gammaBits - 1;
    long half = drop <= 0 ? numerator << -drop : numerator >> drop;
    boolean exact = drop <= 0 || half << drop == numerator;
    Supplier<Real> x = () -> Power.of(negative, numerator, logDenominator);
    return round(negative, half, exact, x, projection, randomWord);
  }

  /** The code of a number. */
  int round(Real x, Projection projection, int randomWord) {
    LogGrid grid = LogGrid.of(gamma);
    long half;
    boolean exact;
    if (x instanceof Power power) {
      Dyadic halves = power.log2().scaled(grid.gammaBits + 1);
      BigInteger signed = halves.negative() ? halves.significand().negate() : halves.significand();
      half = signed.shiftLeft(halves.exponent()).longValueExact(); // to the right it is floor
      exact = halves.isInteger();
    } else {
      Real.Truncation t = x.truncate(53);
      long significand = t.significand().longValue();
      int place = grid.halfStep(significand);
      half = ((long) t.exponent() << (grid.gammaBits + 1)) + place;
      exact = t.exact() && significand == HIDDEN; // no other power is dyadic
      boolean mayReachNext = !t.exact() && place + 1 < 2 * gamma;
      if (mayReachNext && grid.halfSteps[place + 1] == significand + 1) {
        Real next = Power.of(false, half + 1, grid.gammaBits + 1);
        half += PowerSum.compareMagnitudes(x, next) > 0 ? 1 : 0; // equal to no power
      }
    }
    return round(x.negative(), half, exact, () -> x, projection, randomWord);
  }

  /**
   * The code of a number whose magnitude is 2^(half / (2 gamma)) if exact, else between that and
   * the next half step.
   */
  private int round(
      boolean negative,
      long half,
      boolean exact,
      Supplier<Real> x,
      Projection projection,
      int randomWord) {
    long floor = (half >> 1) + bias;
    Rounding rounding = projection.rounding();
    Rounding.Mode mode = rounding.mode();
    boolean fromZero = floor < smallest();
    if (fromZero && zero == Zero.NONE) {
      return withSign(0, negative);
    }
    boolean floorOdd = !fromZero && (floor & 1) != 0;
    boolean pastHalf = (half & 1) != 0 && (!fromZero || floor == 0);
    if (exact && !fromZero && !pastHalf) {
      return finish(floor, negative, projection);
    }
    boolean up =
        switch (mode) {
          case TOWARD_ZERO -> false;
          case TOWARD_POSITIVE -> !negative;
          case TOWARD_NEGATIVE -> negative;
          case TO_ODD -> !floorOdd;
          case NEAREST_EVEN, NEAREST_AWAY, STOCHASTIC, STOCHASTIC_A, STOCHASTIC_B -> {
            boolean logarithmic = rounding.domain() == Rounding.Domain.OWN;
            if (logarithmic && (fromZero || !rounding.isStochastic())) {
              boolean tie = exact && pastHalf;
              yield tie ? mode == Rounding.Mode.NEAREST_AWAY || floorOdd : pastHalf;
            }
            long step = fromZero ? Long.MIN_VALUE : floor - bias;
            int side = PowerSum.compareMagnitudes(x.get(), border(step, rounding, randomWord));
            yield side > 0 || (side == 0 && LogGrid.upAtThreshold(rounding, floorOdd, randomWord));
          }
        };
    return finish((fromZero ? 0 : floor) + (up ? 1 : 0), negative, projection);
  }

  /**
   * The number from which those above a step, or {@code Long.MIN_VALUE} for zero, round to the next
   * one.
   */
  private Real border(long step, Rounding rounding, int randomWord) {
    int gammaBits = LogGrid.of(gamma).gammaBits;
    int bits = rounding.randomBits() + 1;
    long q = LogGrid.threshold(rounding.mode(), rounding.randomBits(), randomWord);
    if (rounding.domain() == Rounding.Domain.OWN) {
      return Power.of(false, (step << bits) + q, gammaBits + bits);
    }
    boolean fromZero = step == Long.MIN_VALUE;
    PowerSum sum = new PowerSum(gammaBits);
    sum.add(Dyadic.of(q, -bits), fromZero ? 1L - bias : step + 1);
    if (!fromZero && q != 1L << bits) {
      sum.add(Dyadic.of((1L << bits) - q, -bits), step);
    }
    return Objects.requireNonNull(sum.value());
  }

  private int nan(Saturation saturation) {
    if (zero == Zero.RESERVED) {
      return signMask();
    }
    return saturation.nan() == Saturation.Nan.NAN_OR_MAX ? largest() : signMask();
  }

  private int special(boolean negative) {
    return zero == Zero.RESERVED ? signMask() : largest(negative);
  }

  private int largest(boolean negative) {
    return withSign(largest(), negative);
  }

  private int withSign(int magnitude, boolean negative) {
    return negative ? signMask() | magnitude : magnitude;
  }

  @Override
  public boolean isNan(int code) {
    return zero == Zero.RESERVED && (code & (signMask() | largest())) == signMask();
  }

  /** Always false. */
  @Override
  public boolean isInfinite(int code) {
    return false;
  }

  @Override
  public float maxFinite() {
    return LogGrid.of(gamma).toFloat(largest() - bias);
  }

  @Override
  public float minPositive() {
    return LogGrid.of(gamma).toFloat(smallest() - bias);
  }

  @Override
  public Limits limits() {
    LogGrid grid = LogGrid.of(gamma);
    double smallest = grid.toDouble(smallest() - bias);
    double octaves = (double) (largest() - smallest()) / gamma;
    return Limits.of(this, grid.toDouble(largest() - bias), smallest, smallest, octaves);
  }

  boolean isZero(int code) {
    return zero == Zero.RESERVED && (code & (signMask() | largest())) == 0;
  }

  /** The logarithm of a magnitude that is not zero, in units of 1 / gamma. */
  int steps(int code) {
    return (code & largest()) - bias;
  }

  /** An integer that counts the values upward from zero, or from the smallest positive one. */
  long rank(int code) {
    int magnitude = code & largest();
    return !isNegative(code) ? magnitude : zero == Zero.RESERVED ? -magnitude : -1 - magnitude;
  }

  /** The code of a rank. */
  int atRank(long rank) {
    int magnitude = (int) (rank >= 0 ? rank : zero == Zero.RESERVED ? -rank : -1 - rank);
    return rank >= 0 ? magnitude : signMask() | magnitude;
  }

  /** The rank of the greatest value. */
  long highestRank() {
    return largest();
  }

  /** The rank of the least value. */
  long lowestRank() {
    return zero == Zero.RESERVED ? -largest() : -1 - largest();
  }

  private int smallest() {
    return zero == Zero.RESERVED ? 1 : 0;
  }

  boolean isNegative(int code) {
    return (code & signMask()) != 0;
  }

  private int signMask() {
    return 1 << (width - 1);
  }

  private int largest() {
    return signMask() - 1;
  }
}
