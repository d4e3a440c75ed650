package dev.narrow.formats;

import java.math.BigInteger;

/**
 * What arithmetic knows of a code: a finite number other than zero has the magnitude significand *
 * 2^(exponent / gamma), where gamma is 1 but in logarithmic formats, which have the significand 1.
 *
 * @param significand of 32 bits at most where it comes from a code, 64 in a product; unsigned
 */
record Operand(Kind kind, boolean negative, long significand, int exponent) {

  enum Kind {
    ZERO,
    FINITE,
    INFINITE,
    NAN
  }

  static final Operand NAN = new Operand(Kind.NAN, false, 0, 0);

  static final Operand ONE = new Operand(Kind.FINITE, false, 1, 0);

  /** The operand of a code, subnormal ones being zeros of their sign if they are flushed. */
  static Operand of(NumericFormat format, int code, boolean flush) {
    if (format.isNan(code)) {
      return NAN;
    }
    return switch (format) {
      case FloatFormat f -> {
        boolean negative = f.isNegative(code);
        if (f.isInfinite(code)) {
          yield infinite(negative);
        }
        long significand = f.significand(code);
        boolean subnormal = f.subnormals() && significand >>> (f.precision() - 1) == 0;
        yield subnormal && flush ? zero(negative) : finite(negative, significand, f.exponent(code));
      }
      case LogFormat f ->
          f.isZero(code)
              ? zero(false)
              : new Operand(Kind.FINITE, f.isNegative(code), 1, f.steps(code));
      case PositFormat f -> {
        long rank = f.rank(code);
        if (rank == 0) {
          yield zero(false);
        }
        long significand = f.significand(code);
        int zeros = Long.numberOfTrailingZeros(significand);
        yield finite(rank < 0, significand >>> zeros, f.exponent(code) + zeros);
      }
      case FixedFormat f -> {
        long value = f.value(code);
        yield finite(value < 0, Math.abs(value), -f.fractionBits());
      }
      case TableFormat f -> {
        double value = f.decodeDouble(code);
        yield value == 0
            ? zero(Double.doubleToRawLongBits(value) < 0)
            : finite(value < 0, Binary64.significand(value) >>> 40, Binary64.exponent(value) - 23);
      }
    };
  }

  private static Operand finite(boolean negative, long significand, int exponent) {
    return significand == 0
        ? zero(negative)
        : new Operand(Kind.FINITE, negative, significand, exponent);
  }

  static Operand zero(boolean negative) {
    return new Operand(Kind.ZERO, negative, 0, 0);
  }

  static Operand infinite(boolean negative) {
    return new Operand(Kind.INFINITE, negative, 0, 0);
  }

  boolean isNan() {
    return kind == Kind.NAN;
  }

  boolean isInfinite() {
    return kind == Kind.INFINITE;
  }

  boolean isZero() {
    return kind == Kind.ZERO;
  }

  boolean isFinite() {
    return kind == Kind.FINITE;
  }

  Operand negated() {
    return new Operand(kind, !negative, significand, exponent);
  }

  Operand magnitude() {
    return new Operand(kind, false, significand, exponent);
  }

  /** The exact product; zero times infinity is NaN. */
  Operand times(Operand other) {
    boolean sign = negative != other.negative;
    if (isFinite() && other.isFinite()) {
      long product = significand * other.significand;
      return new Operand(Kind.FINITE, sign, product, exponent + other.exponent);
    }
    if (isNan()
        || other.isNan()
        || (isZero() && other.isInfinite())
        || (isInfinite() && other.isZero())) {
      return NAN;
    }
    return isInfinite() || other.isInfinite() ? infinite(sign) : zero(sign);
  }

  /** The coefficient of 2^(exponent / gamma). */
  Dyadic coefficient() {
    return new Dyadic(negative, new BigInteger(Long.toUnsignedString(significand)), 0);
  }

  /** The finite number, given log2(gamma). */
  Real real(int gammaBits) {
    return gammaBits == 0
        ? coefficient().scaled(exponent)
        : Power.of(negative, exponent, gammaBits);
  }

  /** Compares the magnitudes of two operands of one format that are not NaN. */
  static int compareMagnitudes(Operand x, Operand y) {
    if (!x.isFinite() || !y.isFinite()) {
      return x.kind.compareTo(y.kind);
    }
    int shiftX = Long.numberOfLeadingZeros(x.significand);
    int shiftY = Long.numberOfLeadingZeros(y.significand);
    int order = Integer.compare(x.exponent - shiftX, y.exponent - shiftY);
    return order != 0
        ? order
        : Long.compareUnsigned(x.significand << shiftX, y.significand << shiftY);
  }

  /** Compares two operands of one format that are not NaN; the two zeros are equal. */
  static int compare(Operand x, Operand y) {
    int order = Integer.compare(x.signum(), y.signum());
    return order != 0 ? order : x.signum() * compareMagnitudes(x, y);
  }

  private int signum() {
    return isZero() ? 0 : negative ? -1 : 1;
  }
}
