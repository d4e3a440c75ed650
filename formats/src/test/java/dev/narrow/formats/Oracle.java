package dev.narrow.formats;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;

/**
 * What a number becomes, by the definitions and in exact arithmetic: the neighbours are found by
 * comparison with the values of the codes, and the rounding by comparison with points between them.
 * It shares no code with the library; it reads a format's parameters and nothing else of it.
 */
final class Oracle {
  /** Stands for every NaN code. */
  static final int NAN = -1;

  private static final BigDecimal TWO = BigDecimal.TWO;

  private final Grid grid;
  private final boolean signed;
  private final int signBit;
  private final boolean hasZero;
  private final boolean hasNegativeZero;
  private final boolean hasInfinity;
  private final boolean hasNan;
  private final boolean hasSubnormals;
  private final boolean fnuz;
  private final int lowest;
  private final int largest;
  private final int firstNormal;

  Oracle(NumericFormat format) {
    switch (format) {
      case FloatFormat f -> {
        grid = new FloatGrid(f);
        signed = f.signed();
        hasZero = f.zero();
        hasNegativeZero = f.negativeZero();
        hasInfinity = f.infinities();
        boolean nanForNegativeZero = f.signed() && f.zero() && !f.negativeZero();
        fnuz = nanForNegativeZero && !f.infinities();
        hasNan = f.highNans() > 0 || nanForNegativeZero;
        hasSubnormals = f.subnormals();
        int magnitudes = 1 << (f.width() - (f.signed() ? 1 : 0));
        largest = magnitudes - 1 - f.highNans() - (f.infinities() ? 1 : 0);
        firstNormal = 1 << (f.precision() - 1);
      }
      case LogFormat f -> {
        grid = new LogGridByRoots(f);
        signed = true;
        hasZero = f.zero() == LogFormat.Zero.RESERVED;
        hasNegativeZero = false;
        hasInfinity = false;
        fnuz = false;
        hasNan = hasZero;
        hasSubnormals = false;
        largest = (1 << (f.width() - 1)) - 1;
        firstNormal = 0;
      }
      case PositFormat f -> throw new IllegalArgumentException("see ValueOracle: " + f);
      case FixedFormat f -> throw new IllegalArgumentException("see ValueOracle: " + f);
      case TableFormat f -> throw new IllegalArgumentException("see ValueOracle: " + f);
    }
    signBit = signed ? 1 << (format.width() - 1) : 0;
    lowest = hasZero ? 1 : 0;
  }

  /** The code of the largest finite magnitude. */
  int largest() {
    return largest;
  }

  /** The code of the smallest magnitude above zero. */
  int smallest() {
    return lowest;
  }

  /** The code of x, or {@link #NAN}. */
  int encode(double x, Projection projection, int word) {
    Saturation s = projection.saturation();
    boolean negative = Double.doubleToRawLongBits(x) < 0;
    if (Double.isNaN(x)) {
      if (hasNan) {
        return NAN;
      }
      return switch (s.nan()) {
        case NAN_OR_MAX -> largest;
        case NAN_OR_NEGATIVE_ZERO -> hasZero && !hasNegativeZero ? 0 : signBit;
      };
    }
    if (Double.isInfinite(x)) {
      if (negative && !signed) {
        return hasNan ? NAN : 0;
      }
      boolean clamps =
          switch (s.infinity()) {
            case KEEP -> false;
            case KEEP_OR_MAX -> !hasInfinity;
            case MAX_FINITE -> true;
            case MAX_FINITE_UNLESS_FNUZ -> !fnuz;
            case INFINITY_OR_NAN_OR_MAX -> !hasInfinity && (hasNegativeZero || grid.logarithmic());
          };
      return clamps ? finite(largest, negative) : infinity(negative);
    }
    if (x == 0 || (s.flushInputs() && Math.abs(x) < Double.MIN_NORMAL)) {
      if (hasZero) {
        return negative && hasNegativeZero ? signBit : 0;
      }
      return hasNan ? NAN : 0;
    }
    return encode(new BigDecimal(x), projection, word);
  }

  /** The code of a number other than zero, or {@link #NAN}. */
  int encode(BigDecimal x, Projection projection, int word) {
    Saturation s = projection.saturation();
    boolean negative = x.signum() < 0;
    if (negative && !signed) {
      return hasNan ? NAN : 0;
    }
    int magnitude = round(x.abs(), negative, projection.rounding(), word);
    if (magnitude > largest) {
      boolean inward =
          switch (projection.rounding().mode()) {
            case TOWARD_ZERO, TO_ODD -> true;
            case TOWARD_POSITIVE -> negative;
            case TOWARD_NEGATIVE -> !negative;
            default -> false;
          };
      boolean clamps =
          switch (s.overflow()) {
            case BY_DIRECTION -> inward;
            case BY_DIRECTION_OR_MAX -> inward || !hasInfinity;
            case SPECIAL -> false;
            case MAX_FINITE -> true;
            case INFINITY_OR_NAN_OR_MAX -> !hasInfinity && (hasNegativeZero || grid.logarithmic());
          };
      return clamps ? finite(largest, negative) : infinity(negative);
    }
    if (hasSubnormals && magnitude < firstNormal && s.flushResults()) {
      magnitude = 0;
    }
    if (hasZero && !hasSubnormals && magnitude == 0) {
      magnitude = s.underflow() == Saturation.Underflow.CLAMP ? 1 : 0;
    }
    return finite(magnitude, negative);
  }

  private int finite(int magnitude, boolean negative) {
    boolean unsignedZero = magnitude == 0 && hasZero && !hasNegativeZero;
    return negative && !unsignedZero ? signBit | magnitude : magnitude;
  }

  private int infinity(boolean negative) {
    if (hasInfinity) {
      return (negative ? signBit : 0) | (largest + 1);
    }
    return hasNan ? NAN : finite(largest, negative);
  }

  /** The magnitude code that x > 0 rounds to, largest + 1 for all that lies beyond the largest. */
  private int round(BigDecimal x, boolean negative, Rounding rounding, int word) {
    if (!hasZero && grid.compare(x, lowest, 0, 0, false) < 0) {
      return lowest;
    }
    int low = 0;
    int high = largest + 1;
    if (grid.compare(x, high, 0, 0, false) >= 0) {
      return high;
    }
    while (high - low > 1) { // value(low) <= x < value(high)
      int middle = (low + high) / 2;
      if (grid.compare(x, middle, 0, 0, false) >= 0) {
        low = middle;
      } else {
        high = middle;
      }
    }
    if (grid.compare(x, low, 0, 0, false) == 0) {
      return low;
    }
    int odd = low % 2 == 0 ? high : low;
    int even = low % 2 == 0 ? low : high;
    boolean own = rounding.domain() == Rounding.Domain.OWN;
    if (own && low == 0 && hasZero && grid.logarithmic()) {
      boolean withinHalfStep = grid.compare(x, 0, 1, 1, true) > 0;
      return switch (rounding.mode()) {
        case NEAREST_EVEN, NEAREST_AWAY, STOCHASTIC, STOCHASTIC_A, STOCHASTIC_B ->
            withinHalfStep ? high : low;
        case TOWARD_ZERO -> low;
        case TOWARD_POSITIVE -> negative ? low : high;
        case TOWARD_NEGATIVE -> negative ? high : low;
        case TO_ODD -> odd;
      };
    }
    return switch (rounding.mode()) {
      case TOWARD_ZERO -> low;
      case TOWARD_POSITIVE -> negative ? low : high;
      case TOWARD_NEGATIVE -> negative ? high : low;
      case TO_ODD -> odd;
      case NEAREST_EVEN, NEAREST_AWAY -> {
        int side = grid.compare(x, low, 1, 1, own);
        if (side == 0) {
          yield rounding.mode() == Rounding.Mode.NEAREST_EVEN ? even : high;
        }
        yield side < 0 ? low : high;
      }
      case STOCHASTIC -> {
        int n = rounding.randomBits();
        yield fraction(x, low, n, own) + random(n, word) >= 1L << n ? high : low;
      }
      case STOCHASTIC_A -> {
        int n = rounding.randomBits();
        yield floor(x, low, n, own) + random(n, word) >= 1L << n ? high : low;
      }
      case STOCHASTIC_B -> {
        int n = rounding.randomBits();
        yield floor(x, low, n + 1, own) + 2 * random(n, word) + 1 >= 2L << n ? high : low;
      }
    };
  }

  private static long random(int n, int word) {
    return Integer.toUnsignedLong(word) >>> (32 - n);
  }

  /** The fraction of the step above a magnitude code, times 2^n, cut off. */
  private long floor(BigDecimal x, int code, int n, boolean own) {
    long low = 0; // not above the fraction
    long high = (1L << n) - 1;
    while (low < high) {
      long middle = (low + high + 1) / 2;
      if (grid.compare(x, code, middle, n, own) >= 0) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  /** The fraction of the step above a magnitude code, times 2^n, rounded to nearest even. */
  private long fraction(BigDecimal x, int code, int n, boolean own) {
    long low = 0; // the rounded fraction is at least this
    long high = 1L << n;
    while (low < high) {
      long middle = (low + high + 1) / 2;
      int side = grid.compare(x, code, 2 * middle - 1, n + 1, own);
      if (side > 0 || (side == 0 && middle % 2 == 0)) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  /** For how many of the 2^n random numbers x rounds away from zero. */
  long roundsUp(double x, int n, boolean own) {
    BigDecimal magnitude = new BigDecimal(Math.abs(x));
    int code = 0;
    while (grid.compare(magnitude, code + 1, 0, 0, false) >= 0) {
      code++;
    }
    return fraction(magnitude, code, n, own);
  }

  /** Whether the value of a magnitude code lies in the closed interval. */
  boolean isBetween(BigDecimal low, int code, BigDecimal high) {
    return grid.compare(low, code, 0, 0, false) <= 0 && grid.compare(high, code, 0, 0, false) >= 0;
  }

  private interface Grid {
    /** Compares x with the point numerator / 2^bits of the way from one magnitude to the next. */
    int compare(BigDecimal x, int code, long numerator, int bits, boolean own);

    boolean logarithmic();
  }

  /** The values of a floating-point format, all of them dyadic. */
  private static final class FloatGrid implements Grid {
    private final List<BigDecimal> values = new ArrayList<>();

    FloatGrid(FloatFormat f) {
      int fractions = 1 << (f.precision() - 1);
      for (int code = 0; code <= 1 << (f.width() - (f.signed() ? 1 : 0)); code++) {
        int exponent = code / fractions;
        int significand = fractions + code % fractions;
        if (f.subnormals() && exponent == 0) {
          exponent = 1;
          significand = code;
        }
        if (f.zero() && code == 0) {
          significand = 0;
        }
        int power = exponent - f.bias() - (f.precision() - 1);
        BigDecimal unit = power < 0 ? BigDecimal.ONE.divide(TWO.pow(-power)) : TWO.pow(power);
        values.add(unit.multiply(BigDecimal.valueOf(significand)));
      }
    }

    @Override
    public int compare(BigDecimal x, int code, long numerator, int bits, boolean own) {
      BigDecimal point = values.get(code);
      if (numerator != 0) {
        BigDecimal step = values.get(code + 1).subtract(point);
        point = point.add(step.multiply(BigDecimal.valueOf(numerator)).divide(TWO.pow(bits)));
      }
      return x.compareTo(point);
    }

    @Override
    public boolean logarithmic() {
      return false;
    }
  }

  /** The values 2^((m - bias) / gamma), most of them irrational. */
  private static final class LogGridByRoots implements Grid {
    private static final MathContext DIGITS = new MathContext(100);
    private static final BigDecimal DECIDED = BigDecimal.ONE.movePointLeft(80);
    private static final List<BigDecimal> ROOTS = new ArrayList<>(List.of(TWO));

    private final int gamma;
    private final int bias;
    private final boolean hasZero;

    LogGridByRoots(LogFormat f) {
      gamma = f.gamma();
      bias = f.bias();
      hasZero = f.zero() == LogFormat.Zero.RESERVED;
    }

    @Override
    public int compare(BigDecimal x, int code, long numerator, int bits, boolean own) {
      if (own || numerator == 0) {
        if (code == 0 && hasZero && numerator == 0) {
          return x.signum();
        }
        return compareWithPower(
            x, ((long) (code - bias) << bits) + numerator, (long) gamma << bits);
      }
      boolean lowIsZero = code == 0 && hasZero;
      BigDecimal low = lowIsZero ? BigDecimal.ZERO : power(code - bias, gamma);
      BigDecimal high = power(code + 1 - bias, gamma);
      BigDecimal weight = BigDecimal.valueOf(numerator).divide(TWO.pow(bits));
      BigDecimal point = low.add(high.subtract(low).multiply(weight));
      boolean rational =
          (lowIsZero || Math.floorMod(code - bias, gamma) == 0)
              && Math.floorMod(code + 1 - bias, gamma) == 0;
      return rational ? x.compareTo(point) : decided(x, point);
    }

    /** Compares x with 2^(a/b), in integers if b is small: x^b with 2^a. */
    private static int compareWithPower(BigDecimal x, long a, long b) {
      while (b > 1 && a % 2 == 0) {
        a /= 2;
        b /= 2;
      }
      if (b == 1) {
        return x.compareTo(power(a, 1));
      }
      if (b <= 32) {
        BigInteger integer = x.unscaledValue().pow((int) b); // times 10^(-scale b)
        long tens = (long) x.scale() * b;
        BigInteger other = BigInteger.ONE;
        if (tens > 0) {
          other = BigInteger.TEN.pow((int) tens);
        } else {
          integer = integer.multiply(BigInteger.TEN.pow((int) -tens));
        }
        return a >= 0
            ? integer.compareTo(other.shiftLeft((int) a))
            : integer.shiftLeft((int) -a).compareTo(other);
      }
      return decided(x, power(a, b));
    }

    /** 2^(a/b) to 100 digits, b a power of two; exact for integers. */
    private static synchronized BigDecimal power(long a, long b) {
      long whole = Math.floorDiv(a, b);
      long part = Math.floorMod(a, b);
      BigDecimal power =
          whole < 0 ? BigDecimal.ONE.divide(TWO.pow((int) -whole)) : TWO.pow((int) whole);
      int bits = Long.numberOfTrailingZeros(b);
      for (int i = 1; i <= bits; i++) {
        if (ROOTS.size() <= i) {
          ROOTS.add(ROOTS.getLast().sqrt(DIGITS));
        }
        if ((part >> (bits - i)) % 2 != 0) {
          power = power.multiply(ROOTS.get(i), DIGITS);
        }
      }
      return power;
    }

    private static int decided(BigDecimal x, BigDecimal point) {
      BigDecimal difference = x.subtract(point);
      if (difference.abs().compareTo(point.multiply(DECIDED)) < 0) {
        throw new AssertionError(x + " is too near to " + point + " to decide");
      }
      return difference.signum();
    }

    @Override
    public boolean logarithmic() {
      return true;
    }
  }
}
