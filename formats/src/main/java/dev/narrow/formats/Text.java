package dev.narrow.formats;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Numbers as text. What is printed parses back to the same code: to the value that the text stands
 * for where that is the code's own, else the code itself is printed.
 */
public final class Text {
  private static final int MAX_LENGTH = 10_000;
  private static final int SHORTEST_DIGITS = 17;
  private static final int PLAIN_DIGITS = 20;
  private static final int MAX_EXPONENT = 1 << 20;
  private static final int MAX_DECIMAL_EXPONENT = 400_000; // 10^400000 > 2^(2^20)

  private static final Pattern CODE = Pattern.compile("0x([0-9a-f]{1,8})|0b([01]{1,32})");
  private static final Pattern NAN_CODE = Pattern.compile("nan\\((0x[0-9a-f]{1,8})\\)");
  private static final Pattern POWER =
      Pattern.compile("[+-]?2\\^(?:(-?\\d{1,9})|\\((-?\\d{1,9})(?:/(\\d{1,9}))?\\))");
  private static final Pattern HEX =
      Pattern.compile("([+-]?)0x([0-9a-f]*+)\\.?+([0-9a-f]*+)p([+-]?\\d{1,9})");
  private static final Pattern DECIMAL =
      Pattern.compile("[+-]?(?:\\d++\\.?+\\d*+|\\.\\d++)(?:e[+-]?\\d{1,9})?");

  private Text() {}

  /**
   * The code of the number that a text stands for, rounded once: a decimal number ({@code
   * -1.5e-3}), a hexadecimal one ({@code 0x1.8p-3}), a power of two ({@code -2^(-3/8)}), {@code
   * inf} or {@code infinity}, {@code nan}, a NaN's code ({@code nan(0x7e01)}), or a code ({@code
   * 0x3c00}, {@code 0b0101}; a hexadecimal number has a {@code p}). Upper and lower case are the
   * same.
   *
   * @param format the format of the code
   * @param text up to 10,000 characters
   * @param projection rounding, not stochastic, and saturation
   * @return the code, the bits above the width zero
   * @throws IllegalArgumentException if the text is none of these, the code is wider than the
   *     format's, or the rounding is stochastic
   */
  public static int parse(NumericFormat format, String text, Projection projection) {
    if (projection.rounding().isStochastic()) {
      throw new IllegalArgumentException(
          "rounding = " + projection.rounding() + ", expected one without random numbers");
    }
    String t = text.strip().toLowerCase(Locale.ROOT);
    if (t.length() > MAX_LENGTH) {
      throw new IllegalArgumentException(
          "text of " + t.length() + " characters, expected at most " + MAX_LENGTH);
    }
    Matcher code = CODE.matcher(t);
    if (code.matches()) {
      boolean hex = code.group(1) != null;
      return code(format, text, Long.parseLong(code.group(hex ? 1 : 2), hex ? 16 : 2));
    }
    Matcher nan = NAN_CODE.matcher(t);
    if (nan.matches()) {
      int found = code(format, text, Long.decode(nan.group(1)));
      if (!format.isNan(found)) {
        throw new IllegalArgumentException(
            "text = \"" + text + "\", expected a code that is NaN in " + format.name());
      }
      return found;
    }
    boolean negative = t.startsWith("-");
    return switch (negative || t.startsWith("+") ? t.substring(1) : t) {
      case "inf", "infinity" -> format.encode(negative ? -1.0 / 0 : 1.0 / 0, projection);
      case "nan" -> format.encode(Math.copySign(Double.NaN, negative ? -1 : 1), projection);
      default -> number(format, text, t, negative, projection);
    };
  }

  private static int number(
      NumericFormat format, String text, String t, boolean negative, Projection projection) {
    Real number;
    Matcher power = POWER.matcher(t);
    Matcher hex = HEX.matcher(t);
    if (power.matches()) {
      String numerator = power.group(1) != null ? power.group(1) : power.group(2);
      int denominator = power.group(3) == null ? 1 : Integer.parseInt(power.group(3));
      if (Integer.bitCount(denominator) != 1) {
        throw new IllegalArgumentException(
            "text = \"" + text + "\", expected a power of two as the denominator");
      }
      int bits = Integer.numberOfTrailingZeros(denominator);
      number = Power.of(negative, Integer.parseInt(numerator), bits);
    } else if (hex.matches() && hex.group(2).length() + hex.group(3).length() > 0) {
      BigInteger digits = new BigInteger(hex.group(2) + hex.group(3), 16);
      if (digits.signum() == 0) {
        return format.encode(negative ? -0.0 : 0.0, projection);
      }
      int exponent = Integer.parseInt(hex.group(4)) - 4 * hex.group(3).length();
      number = new Dyadic(negative, digits, clamp(exponent, 4 * MAX_EXPONENT));
    } else if (DECIMAL.matcher(t).matches()) {
      BigDecimal decimal = new BigDecimal(t).abs();
      if (decimal.signum() == 0) {
        return format.encode(negative ? -0.0 : 0.0, projection);
      }
      long magnitude = (long) decimal.precision() - decimal.scale();
      if (Math.abs(magnitude) > MAX_DECIMAL_EXPONENT) { // beyond every format
        number = new Dyadic(negative, BigInteger.ONE, magnitude > 0 ? MAX_EXPONENT : -MAX_EXPONENT);
      } else {
        int scale = decimal.scale();
        BigInteger top = decimal.unscaledValue().multiply(BigInteger.TEN.pow(Math.max(0, -scale)));
        number = Rational.of(negative, top, BigInteger.TEN.pow(Math.max(0, scale)), 0);
      }
    } else {
      throw new IllegalArgumentException(
          "text = \""
              + Names.shown(text)
              + "\", expected a number such as -1.5e-3, 0x1.8p-3, 2^(3/8), inf or nan,"
              + " or a code such as 0x3c");
    }
    return new Projector(format, projection, 0).round(number);
  }

  private static int clamp(int x, int limit) {
    return Math.max(-limit, Math.min(limit, x));
  }

  private static int code(NumericFormat format, String text, long code) {
    if (code >>> format.width() != 0) {
      throw new IllegalArgumentException(
          "text = \"" + text + "\", expected a code of at most " + format.width() + " bits");
    }
    return (int) code;
  }

  /**
   * What a code stands for, exactly: a decimal number of up to 20 digits, a hexadecimal one where
   * that would be longer, for logarithmic formats a power of two such as {@code -2^(-3/8)}. NaNs
   * other than the canonical ones show their code, as {@code NaN(0x7E01)}, and a code that no
   * number becomes (a second one of the same number) is printed as {@code 0x8}.
   *
   * @param format the format of the code
   * @param code in the low bits
   * @return a text that {@link #parse} turns into the code, with the format's default projection
   */
  public static String exact(NumericFormat format, int code) {
    Operand operand = Operand.of(format, code, false);
    String text =
        switch (operand.kind()) {
          case NAN -> nan(format, code);
          case INFINITE -> sign(operand) + "Infinity";
          case ZERO -> sign(operand) + "0.0";
          case FINITE -> sign(operand) + exact(magnitude(format, operand));
        };
    return leadsTo(format, text, code) ? text : literal(format, code);
  }

  /**
   * The decimal number of the fewest digits that becomes a code in the format's default projection;
   * of several such the nearest to its value.
   *
   * @param format the format of the code
   * @param code in the low bits
   * @return a text that {@link #parse} turns into the code; for NaNs, and codes that no number
   *     becomes, as {@link #exact} has it
   */
  public static String shortest(NumericFormat format, int code) {
    Operand operand = Operand.of(format, code, false);
    if (operand.kind() == Operand.Kind.FINITE) {
      Real.Truncation t = magnitude(format, operand).truncate(128);
      BigDecimal value = decimal(t.significand(), t.exponent() - 127);
      for (int digits = 1; digits <= SHORTEST_DIGITS; digits++) {
        String text = sign(operand) + plain(value.round(new MathContext(digits)));
        if (leadsTo(format, text, code)) {
          return text;
        }
      }
    }
    return exact(format, code);
  }

  private static boolean leadsTo(NumericFormat format, String text, int code) {
    return parse(format, text, format.defaultProjection()) == (code & mask(format));
  }

  private static Real magnitude(NumericFormat format, Operand operand) {
    int gamma = format instanceof LogFormat f ? f.gamma() : 1;
    return operand.magnitude().real(Integer.numberOfTrailingZeros(gamma));
  }

  private static String sign(Operand operand) {
    return operand.negative() ? "-" : "";
  }

  private static String nan(NumericFormat format, int code) {
    for (String text : List.of("NaN", "-NaN")) {
      if (leadsTo(format, text, code)) {
        return text;
      }
    }
    return "NaN(" + literal(format, code) + ")";
  }

  private static String literal(NumericFormat format, int code) {
    return "0x%0".concat((format.width() + 3) / 4 + "X").formatted(code & mask(format));
  }

  private static int mask(NumericFormat format) {
    return (int) ((1L << format.width()) - 1);
  }

  /** A magnitude. */
  private static String exact(Real number) {
    if (number instanceof Power power) {
      BigInteger numerator = power.log2().significand();
      return "2^("
          + (power.log2().negative() ? "-" : "")
          + numerator
          + "/"
          + BigInteger.ONE.shiftLeft(-power.log2().exponent())
          + ")";
    }
    Dyadic dyadic = (Dyadic) number;
    if (Math.abs(dyadic.floorLog2()) <= 3 * PLAIN_DIGITS) {
      BigDecimal decimal = decimal(dyadic.significand(), dyadic.exponent());
      if (decimal.precision() <= PLAIN_DIGITS) {
        return plain(decimal);
      }
    }
    int bits = dyadic.significand().bitLength() - 1;
    int digits = (bits + 3) / 4;
    String hex = dyadic.significand().shiftLeft(4 * digits - bits).toString(16);
    String fraction = digits == 0 ? "0" : hex.substring(1);
    return "0x1." + fraction + "p" + dyadic.floorLog2();
  }

  private static BigDecimal decimal(BigInteger significand, int exponent) {
    return exponent >= 0
        ? new BigDecimal(significand.shiftLeft(exponent))
        : new BigDecimal(significand.multiply(BigInteger.valueOf(5).pow(-exponent)), -exponent);
  }

  private static String plain(BigDecimal x) {
    BigDecimal stripped = x.stripTrailingZeros();
    int magnitude = stripped.precision() - stripped.scale();
    if (magnitude < -5 || magnitude > PLAIN_DIGITS) {
      return stripped.toString();
    }
    return stripped.scale() <= 0 ? stripped.toPlainString() + ".0" : stripped.toPlainString();
  }
}
