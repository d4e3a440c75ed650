package dev.narrow.formats;

import java.math.BigInteger;
import java.util.function.DoubleFunction;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Arithmetic on codes: each result is the exact one, rounded once by the projection, in every
 * format and every rounding.
 *
 * <p>The rules are those of IEEE 754-2019 wherever the formats have what it speaks of:
 *
 * <ul>
 *   <li>NaN operands give NaN. NaN results are what {@link NumericFormat#encode(double,
 *       Projection)} makes of NaN; signs and payloads do not propagate. Infinite results are
 *       likewise what encode makes of infinity, so that a saturation that clamps infinities clamps
 *       these.
 *   <li>Infinity less infinity, zero times infinity, 0/0, infinity over infinity, the remainder of
 *       infinity or by zero, the root of a negative number and its logarithm are NaN (7.2).
 *   <li>x/0, 1/0 and 1 / sqrt(0) are the infinity of the sign where the operands' format tells +0
 *       from -0 (7.3). Elsewhere the sign of zero is unknown, and they are NaN, as in IEEE P3109
 *       (Divide, Recip, RSqrt). The logarithm of zero is negative infinity in every format, as in
 *       both.
 *   <li>A sum that is exactly zero is +0, or -0 if the rounding is toward negative; but zeros of
 *       one sign add up to the zero of that sign (6.3). Other results that become zero keep the
 *       sign of the exact result, and a product or quotient of zero has the product of the signs.
 *   <li>Where the saturation flushes inputs, operands that are subnormal in their own format count
 *       as zeros of their sign, in every operation.
 * </ul>
 *
 * <p>Values of logarithmic formats are taken as what they are, not as they decode: 2^(1/8) times
 * itself is 2^(1/4). Whether a sum of them lies on a border between two roundings is decided
 * exactly.
 *
 * <p>Arithmetic is a value and may be shared between threads.
 */
public final class Arithmetic {
  private static final int TABLE_BITS = 8;

  private final NumericFormat operands;
  private final Projector result;
  private final boolean seeded;
  private final int gammaBits;
  private final Operand @Nullable [] table;

  private Arithmetic(
      NumericFormat operands, Projector result, boolean seeded, Operand @Nullable [] table) {
    this.operands = operands;
    this.result = result;
    this.seeded = seeded;
    this.table = table;
    gammaBits = operands instanceof LogFormat f ? Integer.numberOfTrailingZeros(f.gamma()) : 0;
  }

  /**
   * Arithmetic within a format.
   *
   * @param format of operands and results
   * @param projection rounding and saturation of the results
   * @return the arithmetic; with a stochastic rounding it calculates nothing until it has a random
   *     word
   */
  public static Arithmetic of(NumericFormat format, Projection projection) {
    return of(format, format, projection);
  }

  /**
   * Arithmetic from one format into another, with a single rounding.
   *
   * @param operands the format of the operands
   * @param result the format of the results
   * @param projection rounding and saturation of the results
   * @return the arithmetic; with a stochastic rounding it calculates nothing until it has a random
   *     word
   */
  public static Arithmetic of(NumericFormat operands, NumericFormat result, Projection projection) {
    Operand[] table = null;
    if (operands.width() <= TABLE_BITS) {
      table = new Operand[1 << operands.width()];
      for (int code = 0; code < table.length; code++) {
        table[code] = Operand.of(operands, code, projection.saturation().flushInputs());
      }
    }
    boolean seeded = !projection.rounding().isStochastic();
    return new Arithmetic(operands, new Projector(result, projection, 0), seeded, table);
  }

  /**
   * The same with a random word for stochastic rounding.
   *
   * @param word its top {@code projection.rounding().randomBits()} bits are compared; not looked at
   *     unless the rounding is stochastic
   * @return the arithmetic
   */
  public Arithmetic withRandomWord(int word) {
    Projector projector = new Projector(result.format(), result.projection(), word);
    return new Arithmetic(operands, projector, true, table);
  }

  private Operand operand(int code) {
    if (!seeded) {
      throw new IllegalArgumentException(
          "rounding = "
              + result.projection().rounding()
              + " needs a random word: call withRandomWord(word)");
    }
    return value(code);
  }

  private Operand value(int code) {
    return table != null
        ? table[code & (table.length - 1)]
        : Operand.of(operands, code, result.projection().saturation().flushInputs());
  }

  /** The code of an operand, which may be an exact product. */
  private int project(Operand x) {
    return switch (x.kind()) {
      case NAN -> result.nan();
      case INFINITE -> result.infinity(x.negative());
      case ZERO -> result.zero(x.negative());
      case FINITE -> {
        if (gammaBits != 0) {
          yield result.round(x.negative(), x.exponent(), gammaBits);
        }
        int zeros = Long.numberOfLeadingZeros(x.significand());
        yield result.round(
            x.negative(), x.significand() << zeros, x.exponent() + 63 - zeros, false);
      }
    };
  }

  /**
   * The value in the result's format.
   *
   * @param a a code of the operands' format
   * @return the code of the result
   */
  public int convert(int a) {
    return project(operand(a));
  }

  /**
   * -a. Unlike IEEE 754's it is rounded and saturated like every other result, as in IEEE P3109,
   * which changes nothing where the result's format has the number; NaN becomes the canonical one.
   *
   * @param a a code of the operands' format
   * @return the code of the result
   */
  public int negate(int a) {
    return project(operand(a).negated());
  }

  /**
   * |a|, rounded and saturated as {@link #negate} is.
   *
   * @param a a code of the operands' format
   * @return the code of the result
   */
  public int abs(int a) {
    return project(operand(a).magnitude());
  }

  /**
   * a + b.
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the code of the result
   */
  public int add(int a, int b) {
    return sum(operand(a), operand(b));
  }

  /**
   * a - b.
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the code of the result
   */
  public int subtract(int a, int b) {
    return sum(operand(a), operand(b).negated());
  }

  /**
   * a b.
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the code of the result
   */
  public int multiply(int a, int b) {
    return project(operand(a).times(operand(b)));
  }

  /**
   * a b + c, rounded once.
   *
   * @param a a code of the operands' format
   * @param b another
   * @param c another
   * @return the code of the result
   */
  public int fma(int a, int b, int c) {
    return sum(operand(a).times(operand(b)), operand(c));
  }

  /**
   * a + b + c, rounded once (P3109's fused add-add).
   *
   * @param a a code of the operands' format
   * @param b another
   * @param c another
   * @return the code of the result
   */
  public int faa(int a, int b, int c) {
    return sum(new Operand[] {operand(a), operand(b), operand(c)});
  }

  /**
   * The sum of a[i] b[i], exact and rounded once; +0 if there are none.
   *
   * @param a codes of the operands' format
   * @param b as many
   * @return the code of the result
   * @throws IllegalArgumentException if the lengths differ
   */
  public int dot(int[] a, int[] b) {
    if (a.length != b.length) {
      throw new IllegalArgumentException(
          "b.length = " + b.length + ", expected that of a, " + a.length);
    }
    Operand[] products = new Operand[Math.max(1, a.length)];
    products[0] = Operand.zero(false);
    for (int i = 0; i < a.length; i++) {
      products[i] = operand(a[i]).times(operand(b[i]));
    }
    return sum(products);
  }

  private int sum(Operand x, Operand y) {
    if (!x.isFinite() || !y.isFinite()) {
      if (x.isNan() || y.isNan()) {
        return result.nan();
      }
      if (x.isInfinite() && y.isInfinite()) {
        return x.negative() == y.negative() ? project(x) : result.nan();
      }
      if (x.isInfinite() || y.isInfinite()) {
        return project(x.isInfinite() ? x : y);
      }
      if (x.isZero() && y.isZero()) {
        return x.negative() == y.negative() ? project(x) : exactZero();
      }
      return project(x.isZero() ? y : x);
    }
    if (gammaBits != 0 || result.format() instanceof LogFormat) {
      return sumOfFinite(x, y);
    }
    int shiftX = Long.numberOfLeadingZeros(x.significand());
    int shiftY = Long.numberOfLeadingZeros(y.significand());
    int exponentX = x.exponent() + 63 - shiftX;
    int exponentY = y.exponent() + 63 - shiftY;
    long significandX = x.significand() << shiftX;
    long significandY = y.significand() << shiftY;
    boolean xIsLarger =
        exponentX != exponentY
            ? exponentX > exponentY
            : Long.compareUnsigned(significandX, significandY) >= 0;
    return xIsLarger
        ? sum(
            x.negative(),
            significandX,
            exponentX,
            x.negative() != y.negative(),
            significandY,
            exponentX - exponentY)
        : sum(
            y.negative(),
            significandY,
            exponentY,
            x.negative() != y.negative(),
            significandX,
            exponentY - exponentX);
  }

  /**
   * The sum of a number with the magnitude large * 2^(exponent - 63) and another no larger, small *
   * 2^(exponent - shift - 63), in 128 bits and sticky: the significands have their top bits set.
   */
  private int sum(
      boolean negative, long large, int exponent, boolean opposite, long small, int shift) {
    // bit 127 is left free for the carry: both are in units of 2^(exponent - 126)
    long high = large >>> 1;
    long low = large << 63;
    long smallHigh = small >>> 1;
    long smallLow = small << 63;
    boolean sticky = false;
    if (shift >= 128) {
      smallHigh = 0;
      smallLow = 0;
      sticky = true;
    } else if (shift >= 64) {
      int more = shift - 64;
      sticky = smallLow != 0 || (more > 0 && smallHigh << (64 - more) != 0);
      smallLow = smallHigh >>> more;
      smallHigh = 0;
    } else if (shift > 0) {
      sticky = smallLow << (64 - shift) != 0;
      smallLow = smallHigh << (64 - shift) | smallLow >>> shift;
      smallHigh >>>= shift;
    }
    if (opposite) {
      long lost = sticky ? 1 : 0; // what was cut off is less than this
      long difference = low - smallLow;
      long borrow = Long.compareUnsigned(low, smallLow) < 0 ? 1 : 0;
      borrow += Long.compareUnsigned(difference, lost) < 0 ? 1 : 0;
      low = difference - lost;
      high -= smallHigh + borrow;
    } else {
      low += smallLow;
      high += smallHigh + (Long.compareUnsigned(low, smallLow) < 0 ? 1 : 0);
    }
    if ((high | low) == 0) {
      return exactZero();
    }
    int zeros;
    long significand;
    if (high != 0) {
      zeros = Long.numberOfLeadingZeros(high);
      significand = zeros == 0 ? high : high << zeros | low >>> (64 - zeros);
      sticky |= low << zeros != 0;
    } else {
      zeros = 64 + Long.numberOfLeadingZeros(low);
      significand = low << zeros; // the shift counts modulo 64
    }
    return result.round(negative, significand, exponent + 1 - zeros, sticky);
  }

  private int sum(Operand[] terms) {
    boolean positive = false; // whether a term counts as such where only the signs matter
    boolean negative = false;
    Operand infinite = null;
    boolean finite = false;
    for (Operand term : terms) {
      if (term.isNan() || (infinite != null && term.isInfinite() && !term.equals(infinite))) {
        return result.nan();
      }
      infinite = term.isInfinite() ? term : infinite;
      finite |= term.isFinite();
      positive |= !term.negative();
      negative |= term.negative();
    }
    if (infinite != null) {
      return project(infinite);
    }
    if (!finite) {
      return positive && negative ? exactZero() : result.zero(negative);
    }
    return sumOfFinite(terms);
  }

  /** The sum of terms that are finite or zero, not all of them zero. */
  private int sumOfFinite(Operand... terms) {
    if (gammaBits == 0) {
      int unit = Integer.MAX_VALUE;
      int top = Integer.MIN_VALUE;
      for (Operand term : terms) {
        if (term.isFinite()) {
          unit = Math.min(unit, term.exponent());
          int zeros = Long.numberOfLeadingZeros(term.significand());
          top = Math.max(top, term.exponent() + Long.SIZE - zeros);
        }
      }
      int carryBits = Integer.SIZE - Integer.numberOfLeadingZeros(terms.length);
      if (top - unit + carryBits < Long.SIZE) {
        return projectSum(terms, unit);
      }
    }
    long code = gammaBits == 0 ? -1 : result.round(enclose(terms));
    if (code >= 0) {
      return (int) code;
    }
    PowerSum sum = new PowerSum(gammaBits);
    for (Operand term : terms) {
      if (term.isFinite()) {
        sum.add(term.coefficient(), term.exponent());
      }
    }
    return projectSum(sum.value());
  }

  /** The code of a sum that 64 bits hold in a unit that divides all the terms. */
  private int projectSum(Operand[] terms, int unit) {
    long sum = 0;
    for (Operand term : terms) {
      if (term.isFinite()) {
        long units = term.significand() << (term.exponent() - unit);
        sum += term.negative() ? -units : units;
      }
    }
    return sum == 0
        ? exactZero()
        : project(new Operand(Operand.Kind.FINITE, sum < 0, Math.abs(sum), unit));
  }

  /**
   * A sum of powers, in float64: each is rounded by less than 2^-53 of it, and each of the
   * additions by less than 2^-53 of the sum of the magnitudes.
   */
  private Enclosure enclose(Operand... terms) {
    LogGrid grid = LogGrid.of(1 << gammaBits);
    double sum = 0;
    double magnitudes = 0;
    for (Operand term : terms) {
      if (term.isFinite()) {
        double power = grid.toDouble(term.exponent());
        sum += term.negative() ? -power : power;
        magnitudes += power;
      }
    }
    double radius = magnitudes * (terms.length + 4) * 0x1p-53;
    return new Enclosure(sum - radius, sum + radius);
  }

  private int projectSum(@Nullable Real sum) {
    return sum == null ? exactZero() : result.round(sum);
  }

  private int exactZero() {
    return result.zero(result.projection().rounding().mode() == Rounding.Mode.TOWARD_NEGATIVE);
  }

  /**
   * a / b.
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the code of the result
   */
  public int divide(int a, int b) {
    return quotient(operand(a), operand(b));
  }

  /**
   * 1 / a.
   *
   * @param a a code of the operands' format
   * @return the code of the result
   */
  public int reciprocal(int a) {
    return quotient(Operand.ONE, operand(a));
  }

  private int quotient(Operand x, Operand y) {
    boolean negative = x.negative() != y.negative();
    if (!x.isFinite() || !y.isFinite()) {
      if (x.isNan() || y.isNan() || (x.kind() == y.kind())) {
        return result.nan();
      }
      if (y.isZero()) {
        return atPole(negative);
      }
      return x.isInfinite() ? result.infinity(negative) : result.zero(negative);
    }
    int exponent = x.exponent() - y.exponent();
    if (gammaBits != 0) {
      return result.round(negative, exponent, gammaBits);
    }
    if (result.format() instanceof LogFormat) {
      BigInteger numerator = BigInteger.valueOf(x.significand());
      BigInteger denominator = BigInteger.valueOf(y.significand());
      return result.round(Rational.of(negative, numerator, denominator, exponent));
    }
    // the numerator is brought into [divisor, 2 divisor): of 64 bits of the quotient the first is 1
    int shift =
        Long.numberOfLeadingZeros(y.significand()) - Long.numberOfLeadingZeros(x.significand());
    long numerator = x.significand() << Math.max(0, -shift);
    long divisor = y.significand() << Math.max(0, shift);
    if (numerator < divisor) {
      numerator <<= 1;
      shift--;
    }
    long quotient = 1;
    long remainder = numerator - divisor;
    for (int i = 0; i < 3; i++) { // 21 bits at a time: the divisor has 32 at most
      long next = remainder << 21;
      quotient = quotient << 21 | next / divisor;
      remainder = next % divisor;
    }
    return result.round(negative, quotient, exponent + shift, remainder != 0);
  }

  /** The infinity of a sign at a pole that lies at zero, or NaN if the sign of zero is unknown. */
  private int atPole(boolean negative) {
    boolean signed = operands instanceof FloatFormat f && f.negativeZero();
    return signed ? result.infinity(negative) : result.nan();
  }

  /**
   * a - b n, where n is the integer nearest to the exact a / b, of two the even one (IEEE 754,
   * 5.3.1). A remainder of zero has the sign of a.
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the code of the result
   */
  public int remainder(int a, int b) {
    Operand x = operand(a);
    Operand y = operand(b);
    if (x.isNan() || y.isNan() || x.isInfinite() || y.isZero()) {
      return result.nan();
    }
    if (x.isZero() || y.isInfinite()) {
      return project(x);
    }
    int shift = x.exponent() - y.exponent();
    return gammaBits == 0 ? remainder(x, y, shift) : remainderOfPowers(x, y, shift);
  }

  private int remainder(Operand x, Operand y, int shift) {
    if (-shift >= Long.numberOfLeadingZeros(y.significand()) - 2) {
      return project(x); // |y| >= 2^61 units of x, which has less than 2^32
    }
    long divisor = y.significand() << Math.max(0, -shift);
    long rest = x.significand() % (2 * divisor); // of |x| / |y| modulo 2: n may be even or odd
    for (int left = shift; left > 0; left -= 29) {
      rest = (rest << Math.min(29, left)) % (2 * divisor); // here the divisor has 32 bits at most
    }
    boolean odd = rest >= divisor;
    rest -= odd ? divisor : 0;
    boolean up = 2 * rest > divisor || (2 * rest == divisor && odd);
    rest = up ? divisor - rest : rest;
    return rest == 0
        ? result.zero(x.negative())
        : project(
            new Operand(
                Operand.Kind.FINITE,
                x.negative() != up,
                rest,
                Math.min(x.exponent(), y.exponent())));
  }

  /** The remainder where |x| / |y| = 2^(steps / gamma). */
  private int remainderOfPowers(Operand x, Operand y, int steps) {
    int gamma = 1 << gammaBits;
    if (steps <= -gamma) {
      return project(x); // the quotient is 1/2 at most
    }
    if (steps >= 0 && (steps & (gamma - 1)) == 0) {
      return result.zero(x.negative());
    }
    BigInteger n = BigInteger.ONE;
    if (steps > 0) {
      BigInteger halves =
          Power.of(false, steps, gammaBits).truncate((steps >> gammaBits) + 2).significand();
      n = halves.add(BigInteger.ONE).shiftRight(1);
    }
    PowerSum sum = new PowerSum(gammaBits);
    sum.add(x.coefficient(), x.exponent());
    sum.add(new Dyadic(!x.negative(), n, 0), y.exponent());
    return projectSum(sum.value());
  }

  /**
   * The square root; that of -0 is -0.
   *
   * @param a a code of the operands' format
   * @return the code of the result
   */
  public int sqrt(int a) {
    Operand x = operand(a);
    if (x.isNan() || (x.negative() && !x.isZero())) {
      return result.nan();
    }
    if (!x.isFinite()) {
      return project(x);
    }
    return gammaBits == 0
        ? elementary(x, Enclosure::sqrt, Elementary::sqrt)
        : result.round(false, x.exponent(), gammaBits + 1);
  }

  /**
   * 1 / sqrt(a).
   *
   * @param a a code of the operands' format
   * @return the code of the result
   */
  public int reciprocalSqrt(int a) {
    Operand x = operand(a);
    if (x.isZero()) {
      return atPole(x.negative());
    }
    if (x.isNan() || x.negative()) {
      return result.nan();
    }
    if (x.isInfinite()) {
      return result.zero(false);
    }
    return gammaBits == 0
        ? elementary(x, Enclosure::reciprocalSqrt, Elementary::reciprocalSqrt)
        : result.round(false, -x.exponent(), gammaBits + 1);
  }

  /**
   * e^a.
   *
   * @param a a code of the operands' format
   * @return the code of the result
   */
  public int exp(int a) {
    return exponential(operand(a), Enclosure::exp, Elementary::exp);
  }

  /**
   * 2^a.
   *
   * @param a a code of the operands' format
   * @return the code of the result
   */
  public int exp2(int a) {
    return exponential(operand(a), Enclosure::exp2, Elementary::exp2);
  }

  private int exponential(
      Operand x, DoubleFunction<Enclosure> enclosure, UnaryOperator<Real> function) {
    return switch (x.kind()) {
      case NAN -> result.nan();
      case INFINITE -> x.negative() ? result.zero(false) : result.infinity(false);
      case ZERO -> one(false);
      case FINITE -> elementary(x, enclosure, function);
    };
  }

  /**
   * The natural logarithm; that of 1 is +0, that of zero negative infinity.
   *
   * @param a a code of the operands' format
   * @return the code of the result
   */
  public int log(int a) {
    return logarithm(operand(a), Enclosure::log, Elementary::log);
  }

  /**
   * The logarithm to the base 2; that of 1 is +0, that of zero negative infinity.
   *
   * @param a a code of the operands' format
   * @return the code of the result
   */
  public int log2(int a) {
    return logarithm(operand(a), Enclosure::log2, Elementary::log2);
  }

  private int logarithm(
      Operand x, DoubleFunction<Enclosure> enclosure, UnaryOperator<Real> function) {
    if (x.isZero()) {
      return result.infinity(true);
    }
    if (x.isNan() || x.negative()) {
      return result.nan();
    }
    if (x.isInfinite()) {
      return result.infinity(false);
    }
    return Operand.compareMagnitudes(x, Operand.ONE) == 0
        ? result.zero(false)
        : elementary(x, enclosure, function);
  }

  /**
   * The hyperbolic tangent; that of a zero is the zero.
   *
   * @param a a code of the operands' format
   * @return the code of the result
   */
  public int tanh(int a) {
    Operand x = operand(a);
    return switch (x.kind()) {
      case NAN, ZERO -> project(x);
      case INFINITE -> one(x.negative());
      case FINITE -> elementary(x, Enclosure::tanh, Elementary::tanh);
    };
  }

  /**
   * 1 / (1 + e^-a), the logistic function.
   *
   * @param a a code of the operands' format
   * @return the code of the result
   */
  public int sigmoid(int a) {
    Operand x = operand(a);
    return switch (x.kind()) {
      case NAN -> result.nan();
      case INFINITE -> x.negative() ? result.zero(false) : one(false);
      case ZERO -> result.round(false, -1, 0);
      case FINITE -> elementary(x, Enclosure::sigmoid, Elementary::sigmoid);
    };
  }

  private int one(boolean negative) {
    return result.round(negative, 0, 0);
  }

  private int elementary(
      Operand x, DoubleFunction<Enclosure> enclosure, UnaryOperator<Real> function) {
    if (gammaBits == 0 && Math.abs(x.exponent()) < 900) {
      double magnitude = Math.scalb((double) x.significand(), x.exponent()); // exact
      long code = result.round(enclosure.apply(x.negative() ? -magnitude : magnitude));
      if (code >= 0) {
        return (int) code;
      }
    }
    return result.round(function.apply(x.real(gammaBits)));
  }

  /** How two numbers compare (IEEE 754, 5.11). */
  public enum Comparison {
    /** The first is less. */
    LESS,
    /** They are equal, as zeros of both signs are. */
    EQUAL,
    /** The first is greater. */
    GREATER,
    /** One of them is NaN. */
    UNORDERED
  }

  /**
   * Compares two numbers. Nothing is rounded, and no random word is needed.
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the one of the four relations that holds
   */
  public Comparison compare(int a, int b) {
    Operand x = value(a);
    Operand y = value(b);
    if (x.isNan() || y.isNan()) {
      return Comparison.UNORDERED;
    }
    int order = Operand.compare(x, y);
    return order < 0 ? Comparison.LESS : order > 0 ? Comparison.GREATER : Comparison.EQUAL;
  }

  /**
   * The lesser number, -0 being less than +0; NaN if one is NaN (IEEE 754, 9.6).
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the code of the result
   */
  public int minimum(int a, int b) {
    return extreme(operand(a), operand(b), Extreme.MINIMUM, false);
  }

  /**
   * The greater number, +0 being greater than -0; NaN if one is NaN (IEEE 754, 9.6).
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the code of the result
   */
  public int maximum(int a, int b) {
    return extreme(operand(a), operand(b), Extreme.MAXIMUM, false);
  }

  /**
   * As {@link #minimum}, but the number if one is NaN.
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the code of the result
   */
  public int minimumNumber(int a, int b) {
    return extreme(operand(a), operand(b), Extreme.MINIMUM, true);
  }

  /**
   * As {@link #maximum}, but the number if one is NaN.
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the code of the result
   */
  public int maximumNumber(int a, int b) {
    return extreme(operand(a), operand(b), Extreme.MAXIMUM, true);
  }

  /**
   * The number of lesser magnitude, of equal ones the {@link #minimum}; NaN if one is NaN.
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the code of the result
   */
  public int minimumMagnitude(int a, int b) {
    return extreme(operand(a), operand(b), Extreme.MINIMUM_MAGNITUDE, false);
  }

  /**
   * The number of greater magnitude, of equal ones the {@link #maximum}; NaN if one is NaN.
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the code of the result
   */
  public int maximumMagnitude(int a, int b) {
    return extreme(operand(a), operand(b), Extreme.MAXIMUM_MAGNITUDE, false);
  }

  /**
   * As {@link #minimumMagnitude}, but the number if one is NaN.
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the code of the result
   */
  public int minimumMagnitudeNumber(int a, int b) {
    return extreme(operand(a), operand(b), Extreme.MINIMUM_MAGNITUDE, true);
  }

  /**
   * As {@link #maximumMagnitude}, but the number if one is NaN.
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the code of the result
   */
  public int maximumMagnitudeNumber(int a, int b) {
    return extreme(operand(a), operand(b), Extreme.MAXIMUM_MAGNITUDE, true);
  }

  /**
   * The lesser of two finite numbers; if one is infinite or NaN the other, but of an infinity and
   * NaN the infinity, and of two infinities the lesser (P3109's MinimumFinite).
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the code of the result
   */
  public int minimumFinite(int a, int b) {
    return finiteExtreme(operand(a), operand(b), Extreme.MINIMUM);
  }

  /**
   * The greater of two finite numbers; if one is infinite or NaN the other, but of an infinity and
   * NaN the infinity, and of two infinities the greater (P3109's MaximumFinite).
   *
   * @param a a code of the operands' format
   * @param b another
   * @return the code of the result
   */
  public int maximumFinite(int a, int b) {
    return finiteExtreme(operand(a), operand(b), Extreme.MAXIMUM);
  }

  /**
   * The {@link #minimum} of high and the {@link #maximum} of low and a; NaN if one of them is NaN
   * or low is greater than high (P3109's Clamp).
   *
   * @param a a code of the operands' format
   * @param low another
   * @param high another
   * @return the code of the result
   */
  public int clamp(int a, int low, int high) {
    Operand x = operand(a);
    Operand l = operand(low);
    Operand h = operand(high);
    if (x.isNan() || l.isNan() || h.isNan() || Operand.compare(l, h) > 0) {
      return result.nan();
    }
    return project(Extreme.MINIMUM.of(h, Extreme.MAXIMUM.of(l, x)));
  }

  private int finiteExtreme(Operand x, Operand y, Extreme extreme) {
    boolean xHasValue = x.isFinite() || x.isZero();
    boolean yHasValue = y.isFinite() || y.isZero();
    if (xHasValue != yHasValue) {
      return project(xHasValue ? x : y);
    }
    return extreme(x, y, extreme, true);
  }

  private int extreme(Operand x, Operand y, Extreme extreme, boolean preferNumber) {
    if (x.isNan() || y.isNan()) {
      return preferNumber ? project(x.isNan() ? y : x) : result.nan();
    }
    return project(extreme.of(x, y));
  }

  private enum Extreme {
    MINIMUM(false, false),
    MAXIMUM(false, true),
    MINIMUM_MAGNITUDE(true, false),
    MAXIMUM_MAGNITUDE(true, true);

    private final boolean byMagnitude;
    private final boolean greatest;

    Extreme(boolean byMagnitude, boolean greatest) {
      this.byMagnitude = byMagnitude;
      this.greatest = greatest;
    }

    /** One of two operands that are not NaN. */
    Operand of(Operand x, Operand y) {
      int order = byMagnitude ? Operand.compareMagnitudes(x, y) : 0;
      if (order == 0) {
        order = Operand.compare(x, y);
      }
      if (order == 0) {
        order = Boolean.compare(y.negative(), x.negative()); // -0 is less than +0
      }
      return order > 0 == greatest ? x : y;
    }
  }
}
