package dev.narrow.formats;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;

/**
 * A result by the definitions of the operations, in rational numbers: NaN, an infinity, a zero of a
 * sign, or n / d in lowest terms. It shares no code with the library.
 */
record Exact(Kind kind, boolean negative, BigInteger n, BigInteger d) {
  enum Kind {
    NAN,
    INFINITE,
    ZERO,
    /** A sum that is zero, with the sign that the rounding gives it. */
    CANCELLED,
    NUMBER
  }

  static final Exact NAN = new Exact(Kind.NAN, false, BigInteger.ZERO, BigInteger.ONE);
  private static final Exact CANCELLED =
      new Exact(Kind.CANCELLED, false, BigInteger.ZERO, BigInteger.ONE);

  private static final MathContext DIGITS = new MathContext(200, RoundingMode.DOWN);

  /** A float64, which is a code's value. */
  static Exact of(double x) {
    if (Double.isNaN(x)) {
      return NAN;
    }
    boolean negative = Double.doubleToRawLongBits(x) < 0;
    if (Double.isInfinite(x)) {
      return infinite(negative);
    }
    if (x == 0) {
      return zero(negative);
    }
    int exponent = Math.max(Math.getExponent(x), -1022) - 52;
    BigInteger n = BigInteger.valueOf((long) Math.scalb(x, -exponent));
    return exponent < 0
        ? ratio(n, BigInteger.ONE.shiftLeft(-exponent))
        : ratio(n.shiftLeft(exponent), BigInteger.ONE);
  }

  static Exact infinite(boolean negative) {
    return new Exact(Kind.INFINITE, negative, BigInteger.ZERO, BigInteger.ONE);
  }

  static Exact zero(boolean negative) {
    return new Exact(Kind.ZERO, negative, BigInteger.ZERO, BigInteger.ONE);
  }

  private static Exact ratio(BigInteger n, BigInteger d) {
    BigInteger divisor = n.gcd(d);
    if (d.signum() < 0) {
      divisor = divisor.negate();
    }
    return new Exact(
        Kind.NUMBER, n.signum() * d.signum() < 0, n.divide(divisor), d.divide(divisor));
  }

  private boolean is(Kind other) {
    return kind == other;
  }

  Exact negated() {
    return new Exact(kind, !negative, n.negate(), d);
  }

  Exact plus(Exact y) {
    if (is(Kind.NAN) || y.is(Kind.NAN)) {
      return NAN;
    }
    if (is(Kind.INFINITE)) {
      return y.is(Kind.INFINITE) && negative != y.negative ? NAN : this;
    }
    if (y.is(Kind.INFINITE)) {
      return y;
    }
    BigInteger sum = n.multiply(y.d).add(y.n.multiply(d));
    if (sum.signum() != 0) {
      return ratio(sum, d.multiply(y.d));
    }
    boolean sameSign = is(Kind.ZERO) && y.is(Kind.ZERO) && negative == y.negative;
    return sameSign ? this : CANCELLED;
  }

  Exact times(Exact y) {
    if (is(Kind.NAN) || y.is(Kind.NAN)) {
      return NAN;
    }
    boolean sign = negative != y.negative;
    if (is(Kind.INFINITE) || y.is(Kind.INFINITE)) {
      return is(Kind.ZERO) || y.is(Kind.ZERO) ? NAN : infinite(sign);
    }
    return is(Kind.ZERO) || y.is(Kind.ZERO) ? zero(sign) : ratio(n.multiply(y.n), d.multiply(y.d));
  }

  Exact over(Exact y, boolean signedZeros) {
    if (is(Kind.NAN) || y.is(Kind.NAN) || (kind == y.kind && !is(Kind.NUMBER))) {
      return NAN;
    }
    boolean sign = negative != y.negative;
    if (y.is(Kind.ZERO)) {
      return signedZeros ? infinite(sign) : NAN;
    }
    if (is(Kind.INFINITE)) {
      return infinite(sign);
    }
    return is(Kind.ZERO) || y.is(Kind.INFINITE)
        ? zero(sign)
        : ratio(n.multiply(y.d), d.multiply(y.n));
  }

  Exact remainder(Exact y) {
    if (is(Kind.NAN) || y.is(Kind.NAN) || is(Kind.INFINITE) || y.is(Kind.ZERO)) {
      return NAN;
    }
    if (is(Kind.ZERO) || y.is(Kind.INFINITE)) {
      return this;
    }
    Exact quotient = over(y, false);
    // floor(q + 1/2), less 1 where that is a tie and odd
    BigInteger doubled = quotient.n.shiftLeft(1).add(quotient.d);
    BigInteger[] floor = doubled.divideAndRemainder(quotient.d.shiftLeft(1));
    BigInteger nearest = floor[1].signum() < 0 ? floor[0].subtract(BigInteger.ONE) : floor[0];
    if (floor[1].signum() == 0 && nearest.testBit(0)) {
      nearest = nearest.subtract(BigInteger.ONE);
    }
    BigInteger rest = n.multiply(y.d).subtract(nearest.multiply(y.n).multiply(d));
    return rest.signum() == 0 ? zero(negative) : ratio(rest, d.multiply(y.d));
  }

  /**
   * The number, or one so near that no border of rounding lies between them: borders are dyadic
   * with less than 100 bits, and the number, if it is not, is farther from each than 10^-190 of it.
   */
  BigDecimal number() {
    if (d.bitCount() == 1) {
      return new BigDecimal(n).divide(new BigDecimal(d));
    }
    return inexact(new BigDecimal(n).divide(new BigDecimal(d), DIGITS));
  }

  /** The square root in the same sense. */
  BigDecimal root() {
    BigInteger root = n.multiply(d).sqrt();
    if (root.multiply(root).equals(n.multiply(d))) {
      return ratio(root, d).number();
    }
    return inexact(new BigDecimal(n).divide(new BigDecimal(d)).sqrt(DIGITS));
  }

  /** 1 / sqrt(x) in the same sense. */
  BigDecimal reciprocalRoot() {
    BigInteger root = n.multiply(d).sqrt();
    if (root.multiply(root).equals(n.multiply(d))) {
      return ratio(d, root).number();
    }
    BigDecimal inverse = new BigDecimal(d).divide(new BigDecimal(n), new MathContext(300));
    return inexact(inverse.sqrt(DIGITS));
  }

  private static BigDecimal inexact(BigDecimal cut) {
    return cut.add(cut.movePointLeft(220));
  }
}
