package dev.narrow.formats;

import java.math.BigDecimal;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.TreeMap;

/**
 * What a number becomes in a posit, fixed-point or table format, from the list of all its values in
 * order and the definition of rounding between two of them, in exact decimals. It shares no code
 * with the library: the points that divide the step between two posits are themselves posits with
 * more bits, which is what rounding on the string of bits means.
 */
final class ValueOracle {
  private static final BigDecimal TWO = BigDecimal.TWO;

  private final NumericFormat format;
  private final TreeMap<BigDecimal, Integer> codes = new TreeMap<>();

  ValueOracle(NumericFormat format) {
    this.format = format;
    for (int code = (1 << format.width()) - 1; code >= 0; code--) { // the first of equals stays
      switch (format) {
        case PositFormat f -> {
          if (code != 1 << (f.width() - 1)) {
            codes.put(posit(code, f.width(), f.exponentBits()), code);
          }
        }
        case FixedFormat f -> {
          int integer = f.signed() && code >= 1 << (f.width() - 1) ? code - (1 << f.width()) : code;
          if (!f.symmetric() || integer != -(1 << (f.width() - 1))) {
            codes.put(BigDecimal.valueOf(integer).multiply(power(-f.fractionBits())), code);
          }
        }
        case TableFormat f -> codes.put(new BigDecimal(f.values().get(code)), code);
        default -> throw new IllegalArgumentException("see Oracle: " + format);
      }
    }
  }

  private static BigDecimal power(int exponent) {
    return exponent < 0 ? BigDecimal.ONE.divide(TWO.pow(-exponent)) : TWO.pow(exponent);
  }

  /** The value of a posit, read from its bits as text. */
  static BigDecimal posit(long code, int width, int exponentBits) {
    if (code == 0) {
      return BigDecimal.ZERO;
    }
    boolean negative = (code >>> (width - 1)) % 2 != 0;
    long magnitude = negative ? (1L << width) - code : code;
    StringBuilder bits = new StringBuilder(Long.toBinaryString(magnitude));
    while (bits.length() < width - 1) {
      bits.insert(0, '0');
    }
    char first = bits.charAt(0);
    int run = 0;
    while (run < bits.length() && bits.charAt(run) == first) {
      run++;
    }
    int regime = first == '1' ? run - 1 : -run;
    String rest = run < bits.length() ? bits.substring(run + 1) : "";
    StringBuilder padded = new StringBuilder(rest);
    while (padded.length() < exponentBits) {
      padded.append('0');
    }
    int exponent = exponentBits == 0 ? 0 : Integer.parseInt(padded.substring(0, exponentBits), 2);
    BigDecimal significand = BigDecimal.ONE;
    for (int i = exponentBits; i < padded.length(); i++) {
      if (padded.charAt(i) == '1') {
        significand = significand.add(power(exponentBits - i - 1));
      }
    }
    BigDecimal value = significand.multiply(power((regime << exponentBits) + exponent));
    return negative ? value.negate() : value;
  }

  /** All values but NaR, ascending. */
  List<BigDecimal> values() {
    return codes.keySet().stream().sorted(Comparator.naturalOrder()).toList();
  }

  /** The code of a finite number. */
  int encode(double number, Rounding rounding, int word) {
    return encode(new BigDecimal(number), rounding, word);
  }

  /** The code of a number. */
  int encode(BigDecimal x, Rounding rounding, int word) {
    if (codes.containsKey(x)) {
      return codes.get(x);
    }
    if (x.compareTo(codes.firstKey()) < 0) {
      return codes.firstEntry().getValue();
    }
    if (x.compareTo(codes.lastKey()) > 0) {
      return codes.lastEntry().getValue();
    }
    boolean negative = x.signum() < 0;
    BigDecimal below = codes.lowerKey(x);
    BigDecimal above = codes.higherKey(x);
    BigDecimal near = negative ? above : below;
    BigDecimal far = negative ? below : above;
    if (format instanceof PositFormat && near.signum() == 0) {
      return code(far);
    }
    int n = rounding.randomBits();
    long random = Integer.toUnsignedLong(word) >>> (32 - n);
    boolean nearOdd = codes.headMap(near).size() % 2 != 0 ^ startsOdd();
    boolean outward =
        switch (rounding.mode()) {
          case NEAREST_EVEN -> {
            int side = compare(x, near, far, 1, 1);
            yield side > 0 || (side == 0 && nearOdd);
          }
          case NEAREST_AWAY -> compare(x, near, far, 1, 1) >= 0;
          case TOWARD_ZERO -> false;
          case TOWARD_POSITIVE -> !negative;
          case TOWARD_NEGATIVE -> negative;
          case TO_ODD -> !nearOdd;
          case STOCHASTIC -> {
            // the fraction, rounded to nearest even, is at least 2^n - R
            long least = (1L << n) - random;
            int side = compare(x, near, far, 2 * least - 1, n + 1);
            yield side > 0 || (side == 0 && least % 2 == 0);
          }
          case STOCHASTIC_A -> compare(x, near, far, (1L << n) - random, n) >= 0;
          case STOCHASTIC_B -> compare(x, near, far, (2L << n) - 2 * random - 1, n + 1) >= 0;
        };
    return code(outward ? far : near);
  }

  /** Whether the least value is odd: for integers and posits, parity is that of the code. */
  private boolean startsOdd() {
    return !(format instanceof TableFormat) && codes.firstEntry().getValue() % 2 != 0;
  }

  /** Compares |x| with the point numerator / 2^bits of the way from near to far. */
  private int compare(BigDecimal x, BigDecimal near, BigDecimal far, long numerator, int bits) {
    BigDecimal point;
    if (numerator == 1L << bits) {
      point = far;
    } else if (format instanceof PositFormat f) {
      int width = f.width() + bits;
      long code = Math.abs(signed(code(near), f.width()));
      point = posit((code << bits) + numerator, width, f.exponentBits());
    } else {
      BigDecimal part = BigDecimal.valueOf(numerator).multiply(power(-bits));
      point = near.add(far.subtract(near).multiply(part));
    }
    boolean outwardIsUp = far.compareTo(near) > 0;
    return format instanceof PositFormat
        ? x.abs().compareTo(point.abs())
        : outwardIsUp ? x.compareTo(point) : point.compareTo(x);
  }

  private int code(BigDecimal value) {
    return Objects.requireNonNull(codes.get(value));
  }

  private static long signed(int code, int width) {
    return (long) code << (64 - width) >> (64 - width);
  }
}
