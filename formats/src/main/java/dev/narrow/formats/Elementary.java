package dev.narrow.formats;

import java.math.BigInteger;
import java.util.Objects;

/**
 * Elementary functions of {@link Dyadic} and {@link Power} numbers, to as many bits as anybody asks
 * of the result.
 *
 * <p>A result that is a dyadic number is returned as a {@link Dyadic}, and any other that is a
 * power of two with a dyadic exponent as a {@link Power}. A {@link Refined} result is neither, so
 * that comparing it with codes of any format, and with what lies midway between them, ends. The
 * arguments are algebraic, and other than zero:
 *
 * <ul>
 *   <li>e^a is transcendental for algebraic a other than 0 (Lindemann 1882), and with it tanh a and
 *       the sigmoid of a, which are rational in it. So is the logarithm of an algebraic number
 *       other than 1: else e to its power would be transcendental.
 *   <li>2^a is transcendental for algebraic irrational a (Gelfond and Schneider 1934), and
 *       irrational for a dyadic a that is not an integer.
 *   <li>log2 of an odd integer above 1 is irrational, as no power of it is a power of 2, and so
 *       transcendental, as 2 to it is algebraic.
 *   <li>No power of an odd integer above 1 is a power of 2, so that no root and no reciprocal of it
 *       is one; and they are not dyadic unless they are integers.
 * </ul>
 *
 * <p>All throw IllegalArgumentException for a {@link Refined} argument, of which none of this is
 * known.
 */
final class Elementary {
  private Elementary() {}

  /** e^x. */
  static Real exp(Real x) {
    requireKnown(x);
    return new Refined(false, bits -> encloseExp(x, 0, x.negative(), bits));
  }

  /** 2^x. */
  static Real exp2(Real x) {
    requireKnown(x);
    return x instanceof Dyadic dyadic
        ? Power.of(false, dyadic)
        : new Refined(false, bits -> encloseExp2(x, bits));
  }

  /**
   * The natural logarithm.
   *
   * @throws IllegalArgumentException if x is negative, or 1: zero is not a {@link Real}
   */
  static Real log(Real x) {
    return switch (requirePositive(x)) {
      case Power power -> {
        Dyadic log2 = power.log2();
        yield new Refined(log2.negative(), bits -> timesLn2(log2, bits));
      }
      case Dyadic dyadic -> {
        requireNotOne(dyadic);
        yield new Refined(dyadic.floorLog2() < 0, bits -> encloseLog(dyadic, false, bits));
      }
      case Refined refined -> throw unknown(refined);
    };
  }

  /**
   * The logarithm to the base 2.
   *
   * @throws IllegalArgumentException if x is negative, or 1: zero is not a {@link Real}
   */
  static Real log2(Real x) {
    return switch (requirePositive(x)) {
      case Power power -> power.log2();
      case Dyadic dyadic -> {
        requireNotOne(dyadic);
        yield dyadic.isPowerOfTwo()
            ? Dyadic.of(dyadic.exponent(), 0)
            : new Refined(dyadic.floorLog2() < 0, bits -> encloseLog(dyadic, true, bits));
      }
      case Refined refined -> throw unknown(refined);
    };
  }

  /** The hyperbolic tangent. */
  static Real tanh(Real x) {
    requireKnown(x);
    return new Refined(x.negative(), bits -> encloseTanh(x, bits));
  }

  /** 1 / (1 + e^-x). */
  static Real sigmoid(Real x) {
    requireKnown(x);
    return new Refined(false, bits -> encloseSigmoid(x, bits));
  }

  /** 1 / x. */
  static Real reciprocal(Real x) {
    return switch (x) {
      case Power power -> new Power(power.negative(), power.log2().negated());
      case Dyadic dyadic ->
          dyadic.isPowerOfTwo()
              ? new Dyadic(dyadic.negative(), BigInteger.ONE, -dyadic.exponent())
              : new Refined(dyadic.negative(), bits -> encloseReciprocal(dyadic, bits));
      case Refined refined -> throw unknown(refined);
    };
  }

  /**
   * The square root.
   *
   * @throws IllegalArgumentException if x is negative
   */
  static Real sqrt(Real x) {
    return switch (requirePositive(x)) {
      case Power power -> new Power(false, power.log2().scaled(-1));
      case Dyadic dyadic -> {
        if (dyadic.isPowerOfTwo()) {
          yield Power.of(false, dyadic.exponent(), 1);
        }
        BigInteger[] root = dyadic.significand().sqrtAndRemainder();
        if (root[1].signum() == 0) {
          // of an odd exponent root * 2^(1/2), which a logarithmic format may compare with its like
          PowerSum sum = new PowerSum(1);
          sum.add(new Dyadic(false, root[0], 0), dyadic.exponent());
          yield Objects.requireNonNull(sum.value());
        }
        yield new Refined(false, bits -> encloseSqrt(dyadic, bits));
      }
      case Refined refined -> throw unknown(refined);
    };
  }

  /**
   * 1 / sqrt(x).
   *
   * @throws IllegalArgumentException if x is negative
   */
  static Real reciprocalSqrt(Real x) {
    return switch (requirePositive(x)) {
      case Power power -> new Power(false, power.log2().negated().scaled(-1));
      case Dyadic dyadic ->
          dyadic.isPowerOfTwo()
              ? Power.of(false, -dyadic.exponent(), 1)
              : new Refined(false, bits -> encloseReciprocalSqrt(dyadic, bits));
      case Refined refined -> throw unknown(refined);
    };
  }

  private static void requireKnown(Real x) {
    if (x instanceof Refined refined) {
      throw unknown(refined);
    }
  }

  private static IllegalArgumentException unknown(Refined x) {
    return new IllegalArgumentException(
        "x is about " + x.truncate(53) + ", expected a dyadic number or a power of two");
  }

  private static Real requirePositive(Real x) {
    if (x.negative()) {
      throw new IllegalArgumentException("x = " + x + ", expected a positive number");
    }
    return x;
  }

  private static void requireNotOne(Dyadic x) {
    if (x.equals(Dyadic.ONE)) {
      throw new IllegalArgumentException("x = 1, expected a number whose logarithm is not zero");
    }
  }

  /**
   * e^y where |y| = |x| 2^shift and the sign of y is given.
   *
   * <p>y = n ln 2 + r with r from 0 to ln 2, so that e^y = 2^n e^r. All in units of 2^-p: |y| lies
   * in [Y, Y + 1] and ln 2 in [L, L + 1], so that, for the n chosen, r lies in [R, R + |n| + 1]
   * with R >= 0. With w = (|n| + 1) 2^-p < 1/2 and e^w <= 1 + 2 w, e^R in [E, E + 2] and E < 2^(p +
   * 1), e^r < E + 2 + 4 (|n| + 1) + 1 <= E + 4 |n| + 8.
   */
  private static Interval encloseExp(Real x, int shift, boolean negative, int bits) {
    int exponent = x.floorLog2() + shift;
    if (exponent >= Real.LOG_MAX_EXPONENT) {
      return Interval.beyond(!negative, bits);
    }
    if (exponent < -bits) {
      // |y| < 2^-bits, and 1 + y < e^y, which is below 1 + 2 y for 0 < y < 1
      return negative ? Interval.belowOne(bits) : Interval.aboveOne(bits);
    }
    int p = bits + Math.max(0, exponent + 1) + 8;
    BigInteger y = x.truncate(p + exponent + 1).significand();
    BigInteger ln2 = FixedPoint.ln2(p);
    BigInteger r;
    int n;
    if (negative) {
      // R = -n L - Y - 1
      n = -y.divide(ln2).intValueExact() - 1;
      r = ln2.multiply(BigInteger.valueOf(-n)).subtract(y).subtract(BigInteger.ONE);
    } else {
      // R = Y - n (L + 1)
      BigInteger[] division = y.divideAndRemainder(ln2.add(BigInteger.ONE));
      n = division[0].intValueExact();
      r = division[1];
    }
    return after(FixedPoint.exp(r, p), 4L * Math.abs(n) + 8, n - p);
  }

  /**
   * 2^x = 2^n 2^f, n = floor(x). In units of 2^-p: |x| lies in [X, X + 1], so that f lies in [F, F
   * + 1] and f ln 2, ln 2 in [L, L + 1], in [R, R + 4] with R = floor(F L). As in {@link
   * #encloseExp}, 2^f < E + 2 + 16 + 1.
   */
  static Interval encloseExp2(Real x, int bits) {
    int exponent = x.floorLog2();
    if (exponent >= Real.LOG_MAX_EXPONENT) {
      return Interval.beyond(!x.negative(), bits);
    }
    if (exponent < -bits) {
      // 0 < x < 1: 1 < 2^x < 1 + x, and 2^-x > 1 - x
      return x.negative() ? Interval.belowOne(bits) : Interval.aboveOne(bits);
    }
    int p = bits + 8;
    BigInteger magnitude = x.truncate(p + Math.max(0, exponent + 1)).significand();
    magnitude = magnitude.shiftRight(-Math.min(0, exponent + 1));
    BigInteger floor = x.negative() ? magnitude.not() : magnitude; // -X - 1, or X
    int n = floor.shiftRight(p).intValueExact();
    BigInteger f = floor.subtract(BigInteger.valueOf(n).shiftLeft(p));
    BigInteger r = f.multiply(FixedPoint.ln2(p)).shiftRight(p);
    return after(FixedPoint.exp(r, p), 20, n - p);
  }

  /** |log2| ln 2, where ln 2 lies in [L, L + 1] * 2^-bits. */
  private static Interval timesLn2(Dyadic log2, int bits) {
    BigInteger low = FixedPoint.ln2(bits).multiply(log2.significand());
    return new Interval(low, low.add(log2.significand()), log2.exponent() - bits);
  }

  /**
   * |ln x| or |log2 x|, as e ln 2 + ln f or e + ln f / ln 2 where x = 2^e f with f in [3/4, 3/2)
   * and ln f = 2 atanh((f - 1) / (f + 1)).
   *
   * <p>For e = 0 the result may be tiny, and the precision grows by as many bits; otherwise it is
   * at least |ln 2 - ln 1.5| > 1/4.
   */
  private static Interval encloseLog(Dyadic x, boolean base2, int bits) {
    // f = significand / unit
    BigInteger significand = x.significand();
    int length = significand.bitLength();
    boolean aboveThreeHalves = length > 1 && significand.testBit(length - 2);
    int e = x.floorLog2() + (aboveThreeHalves ? 1 : 0);
    BigInteger unit = BigInteger.ONE.shiftLeft(aboveThreeHalves ? length : length - 1);
    BigInteger difference = significand.subtract(unit);
    BigInteger sum = significand.add(unit);

    int p = bits + 16 + (e == 0 ? sum.bitLength() - difference.bitLength() + 1 : 0);
    Interval atanh = FixedPoint.atanh(difference.abs(), sum, p);
    BigInteger low = atanh.low().shiftLeft(1);
    BigInteger high = atanh.high().shiftLeft(1);
    BigInteger ln2 = FixedPoint.ln2(p);
    if (base2) {
      low = low.shiftLeft(p).divide(ln2.add(BigInteger.ONE));
      high = high.shiftLeft(p).divide(ln2).add(BigInteger.ONE);
    }
    if (difference.signum() < 0) {
      BigInteger negatedLow = low.negate();
      low = high.negate();
      high = negatedLow;
    }
    BigInteger whole = BigInteger.valueOf(e);
    BigInteger wholeLow = base2 ? whole.shiftLeft(p) : whole.multiply(ln2);
    BigInteger wholeHigh = base2 ? wholeLow : wholeLow.add(whole); // the lower end for e < 0
    low = low.add(wholeLow.min(wholeHigh));
    high = high.add(wholeLow.max(wholeHigh));
    return x.floorLog2() < 0
        ? new Interval(high.negate(), low.negate(), -p)
        : new Interval(low, high, -p);
  }

  /** tanh |x| = (1 - u) / (1 + u), u = e^(-2 |x|). */
  private static Interval encloseTanh(Real x, int bits) {
    int exponent = x.floorLog2();
    if (exponent >= Integer.SIZE - 2 || 1L << Math.max(0, exponent + 1) >= bits) {
      // 2 |x| >= bits: 1 - 2 u < tanh |x| and 2 u <= 2 e^-bits < 2^-bits
      return Interval.belowOne(bits);
    }
    if (2 * exponent + 2 <= -bits) {
      // |x| - |x|^3 / 3 < tanh |x| < |x|, and x^2 / 3 < 2^-bits
      Real.Truncation t = x.truncate(bits);
      BigInteger s = t.significand();
      return new Interval(
          s.subtract(BigInteger.ONE),
          t.exact() ? s : s.add(BigInteger.ONE),
          t.exponent() - bits + 1);
    }
    int cancelled = Math.max(0, -exponent);
    Interval u = encloseExp(x, 1, true, bits + cancelled + 4);
    int p = bits + cancelled + 8;
    BigInteger one = BigInteger.ONE.shiftLeft(-u.exponent()); // in the unit of u
    return new Interval(
        one.subtract(u.high()).shiftLeft(p).divide(one.add(u.high())),
        one.subtract(u.low()).shiftLeft(p).divide(one.add(u.low())).add(BigInteger.ONE),
        -p);
  }

  /** 1 / (1 + u) for positive x, u / (1 + u) for negative, u = e^-|x|. */
  private static Interval encloseSigmoid(Real x, int bits) {
    int exponent = x.floorLog2();
    if (exponent >= Integer.SIZE - 2 || 1L << Math.max(0, exponent) >= bits) {
      // |x| >= bits, so that u <= e^-bits < 2^-bits
      if (!x.negative()) {
        return Interval.belowOne(bits); // 1 - u < 1 / (1 + u)
      }
      Interval u = encloseExp(x, 0, true, bits); // u (1 - u) < u / (1 + u) < u
      BigInteger low = u.low().subtract(u.low().shiftRight(bits)).subtract(BigInteger.ONE);
      return new Interval(low, u.high(), u.exponent());
    }
    if (exponent < -bits) {
      // between 1/2 and 1/2 + x / 4
      return (x.negative() ? Interval.belowOne(bits) : Interval.aboveOne(bits)).scaled(-1);
    }
    Interval u = encloseExp(x, 0, true, bits + 4);
    int p = -u.exponent();
    BigInteger one = BigInteger.ONE.shiftLeft(p); // in the unit of u
    BigInteger low = x.negative() ? u.low() : one;
    BigInteger high = x.negative() ? u.high() : one;
    return new Interval(
        low.shiftLeft(p).divide(one.add(x.negative() ? u.low() : u.high())),
        high.shiftLeft(p).divide(one.add(x.negative() ? u.high() : u.low())).add(BigInteger.ONE),
        -p);
  }

  private static Interval encloseReciprocal(Dyadic x, int bits) {
    int p = bits + x.significand().bitLength();
    return after(BigInteger.ONE.shiftLeft(p).divide(x.significand()), 1, -p - x.exponent());
  }

  private static Interval encloseSqrt(Dyadic x, int bits) {
    int shift = 2 * bits + (x.exponent() & 1); // leaves an even exponent
    return after(x.significand().shiftLeft(shift).sqrt(), 1, (x.exponent() - shift) >> 1);
  }

  /** floor(sqrt(y)) = floor(sqrt(floor(y))): the quotient may be cut off. */
  private static Interval encloseReciprocalSqrt(Dyadic x, int bits) {
    int shift = 2 * bits + x.significand().bitLength();
    shift += (x.exponent() ^ shift) & 1; // leaves an even exponent
    BigInteger quotient = BigInteger.ONE.shiftLeft(shift).divide(x.significand());
    return after(quotient.sqrt(), 1, -((x.exponent() + shift) >> 1));
  }

  private static Interval after(BigInteger low, long width, int exponent) {
    return new Interval(low, low.add(BigInteger.valueOf(width)), exponent);
  }
}
