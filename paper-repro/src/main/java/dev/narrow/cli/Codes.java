package dev.narrow.cli;

import dev.narrow.formats.FixedFormat;
import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.PositFormat;
import dev.narrow.formats.TableFormat;
import dev.narrow.repro.report.Tone;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.HexFormat;
import java.util.Locale;
import java.util.OptionalInt;

/** How the codes of a format are written: their bits, their class, their values. */
record Codes(NumericFormat format) {
  private static final int PLAIN_DIGITS = 18;
  private static final int ROUNDED_DIGITS = 9;

  /** Takes subnormal doubles to normal ones. */
  private static final int LIFT = 64;

  /** In decimal fractions a significand of more bits is harder to read than as an integer. */
  private static final int FRACTION_BITS = 4;

  /** What a code stands for, in a word. */
  enum Kind {
    ZERO("zero", Tone.NEUTRAL),
    SUBNORMAL("subnormal", Tone.WARN),
    NORMAL("normal", Tone.NEUTRAL),
    NUMBER("number", Tone.NEUTRAL),
    INFINITY("infinity", Tone.WARN),
    NAN("NaN", Tone.BAD);

    private final String text;
    private final Tone tone;

    Kind(String text, Tone tone) {
      this.text = text;
      this.tone = tone;
    }

    Tone tone() {
      return tone;
    }

    @Override
    public String toString() {
      return text;
    }
  }

  /** How many codes there are. */
  long count() {
    return 1L << format.width();
  }

  /** For example {@code 0x7E}. */
  String hex(int code) {
    int digits = (format.width() + 3) / 4;
    return "0x" + HexFormat.of().withUpperCase().toHexDigits(code & (count() - 1), digits);
  }

  /** The fields, separated by points: {@code 0.1111.110}. */
  String bits(int code) {
    StringBuilder bits = new StringBuilder();
    for (int bit = format.width() - 1; bit >= 0; bit--) {
      bits.append(code >>> bit & 1);
      if (bit > 0 && endsField(bit)) {
        bits.append('.');
      }
    }
    return bits.toString();
  }

  /** The fields with S for a sign bit that may be either: {@code S.1111.110}. */
  String unsignedBits(int code) {
    String bits = bits(code);
    return signBit() != 0 && negative(code).isPresent() ? "S" + bits.substring(1) : bits;
  }

  /** The bit that alone changes the sign, or 0 where there is none such. */
  private int signBit() {
    return switch (format) {
      case FloatFormat f -> f.signed() ? 1 << (f.width() - 1) : 0;
      case LogFormat f -> 1 << (f.width() - 1);
      case PositFormat _, FixedFormat _, TableFormat _ -> 0;
    };
  }

  /** The code of the same number, infinity or NaN with the other sign, if this one is positive. */
  OptionalInt negative(int code) {
    int other =
        switch (format) {
          case FloatFormat _, LogFormat _ -> code | signBit();
          case PositFormat _, FixedFormat _ -> (int) (-code & (count() - 1));
          case TableFormat _ -> code;
        };
    boolean same =
        kind(code) == kind(other)
            && (kind(code) == Kind.NAN || format.decodeDouble(other) == -format.decodeDouble(code));
    return other != code && Integer.compareUnsigned(other, code) > 0 && same
        ? OptionalInt.of(other)
        : OptionalInt.empty();
  }

  private boolean endsField(int bit) {
    return switch (format) {
      case FloatFormat f -> bit == f.precision() - 1 || (f.signed() && bit == f.width() - 1);
      case LogFormat f -> bit == f.width() - 1;
      case PositFormat f -> bit == f.width() - 1;
      case FixedFormat _, TableFormat _ -> false;
    };
  }

  /** What the code stands for, in a word. */
  Kind kind(int code) {
    if (format.isNan(code)) {
      return Kind.NAN;
    }
    if (format.isInfinite(code)) {
      return Kind.INFINITY;
    }
    // The value may lie beyond float64: where codes tell, they decide.
    if (format instanceof FloatFormat f) {
      long magnitude = code & ((1L << (f.width() - (f.signed() ? 1 : 0))) - 1);
      return magnitude == 0 && f.zero()
          ? Kind.ZERO
          : f.subnormals() && magnitude < 1L << (f.precision() - 1) ? Kind.SUBNORMAL : Kind.NORMAL;
    }
    boolean zero =
        format instanceof LogFormat log
            ? log.zero() == LogFormat.Zero.RESERVED && (code & (count() - 1)) == 0
            : format.decodeDouble(code) == 0;
    return zero ? Kind.ZERO : Kind.NUMBER;
  }

  /** The value in decimal: all digits where they are few, otherwise nine; empty beyond float64. */
  String decimal(int code) {
    double value = format.decodeDouble(code);
    if (isBeyondFloat64(code)) {
      return "";
    }
    if (format instanceof LogFormat) {
      return decimal(value, ROUNDED_DIGITS); // nearly all are irrational
    }
    return decimal(value);
  }

  /** A number in decimal: all digits where they are few, otherwise nine. */
  static String decimal(double value) {
    if (!Double.isFinite(value) || value == 0) {
      return Double.toString(value).replaceFirst("\\.0$", "");
    }
    String exact = text(new BigDecimal(value));
    return exact.length() <= PLAIN_DIGITS ? exact : decimal(value, ROUNDED_DIGITS);
  }

  private static String decimal(double value, int digits) {
    return Double.isFinite(value) && value != 0
        ? text(new BigDecimal(value).round(new MathContext(digits)))
        : decimal(value);
  }

  private static String text(BigDecimal value) {
    BigDecimal digits = value.stripTrailingZeros();
    int exponent = digits.precision() - digits.scale() - 1;
    if (exponent >= -4 && exponent < 10) {
      return digits.toPlainString();
    }
    return digits.scaleByPowerOfTen(-exponent).toPlainString() + "e" + exponent;
  }

  /** The value exactly, as a product with a power of two: {@code 1.75 × 2^8}, {@code 2^(-3/8)}. */
  String exactly(int code) {
    if (kind(code) == Kind.ZERO || kind(code) == Kind.NAN || kind(code) == Kind.INFINITY) {
      return "";
    }
    double value = format.decodeDouble(code);
    if (format instanceof LogFormat f) {
      int steps = (code & ((1 << (f.width() - 1)) - 1)) - f.bias();
      String sign = value < 0 ? "-" : "";
      return steps % f.gamma() == 0
          ? sign + "2^" + steps / f.gamma()
          : sign + "2^(" + steps + "/" + f.gamma() + ")";
    }
    if (isBeyondFloat64(code)) {
      return "beyond float64";
    }
    if (format instanceof FixedFormat f) {
      double integer = Math.scalb(value, f.fractionBits());
      return String.format(Locale.ROOT, "%.0f", integer) + power(-f.fractionBits());
    }
    return product(value);
  }

  private boolean isBeyondFloat64(int code) {
    double value = format.decodeDouble(code);
    return (value == 0 && kind(code) != Kind.ZERO)
        || (Double.isInfinite(value) && kind(code) != Kind.INFINITY);
  }

  /** A power of two, a short significand and one, or an integer and one. */
  private String product(double value) {
    String sign = value < 0 ? "-" : "";
    int lift = Math.abs(value) < Double.MIN_NORMAL ? LIFT : 0;
    double magnitude = Math.scalb(Math.abs(value), lift);
    int exponent = Math.getExponent(magnitude);
    double significand = Math.scalb(magnitude, -exponent);
    if (significand == 1) {
      return sign + (exponent == lift ? "1" : "2^" + (exponent - lift));
    }
    if (format instanceof FloatFormat f && f.precision() - 1 <= FRACTION_BITS) {
      int lowest = Math.getExponent(f.limits().minNormal());
      int shown = Math.max(exponent - lift, lowest);
      return sign + decimal(Math.scalb(significand, exponent - lift - shown)) + power(shown);
    }
    int fractionBits = 52 - Long.numberOfTrailingZeros(Double.doubleToLongBits(significand));
    return sign
        + String.format(Locale.ROOT, "%.0f", Math.scalb(significand, fractionBits))
        + power(exponent - lift - fractionBits);
  }

  private static String power(int exponent) {
    return exponent == 0 ? "" : " × 2^" + exponent;
  }
}
