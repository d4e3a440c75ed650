package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every fp16 and bf16 number at 64 bits, against what has neither a series in it nor a reduction of
 * the argument: e^x and 2^x are products of e^(2^j) and 2^(2^j), one for each bit of x, which are
 * roots of roots and squares of squares of e and 2. Logarithms are proved by raising e and 2 to
 * both their ends, roots and reciprocals in integers.
 */
class ElementaryOracleTest {
  private static final int BITS = 64;

  private static final int PRECISION = 512;

  /** From here on {@link ElementaryTest} knows the answers. */
  private static final double TOO_LARGE = 0x1p19;

  private static final Set<String> EXPONENTIALS = Set.of("exp", "exp2", "tanh", "sigmoid");

  /**
   * A positive number near significand * 2^exponent, the significand of PRECISION bits. Relative
   * errors stay below 2^-SURE: products have at most 64 factors, which have been squared 20 times
   * at most. For x = 2^-133, tanh x differs from x by 2^-400, so that SURE is enough.
   */
  private record Near(BigInteger significand, int exponent) {
    static final int SURE = 420;
    static final Near ONE = of(BigInteger.ONE, 0);

    static Near of(Dyadic x) {
      return of(x.significand(), x.exponent());
    }

    static Near of(BigInteger significand, int exponent) {
      int excess = significand.bitLength() - PRECISION;
      return new Near(significand.shiftRight(excess), exponent + excess);
    }

    Near times(Near other) {
      return of(significand.multiply(other.significand), exponent + other.exponent);
    }

    Near over(Near other) {
      return of(
          significand.shiftLeft(PRECISION).divide(other.significand),
          exponent - other.exponent - PRECISION);
    }

    Near root() {
      int odd = exponent & 1;
      return of(significand.shiftLeft(PRECISION + odd).sqrt(), (exponent - PRECISION - odd) >> 1);
    }

    /** The sign of this number less significand * 2^exponent; 0 if the error hides it. */
    int compareTo(BigInteger significand, int exponent) {
      BigInteger error = BigInteger.ONE.shiftLeft(PRECISION - SURE);
      int low = compare(this.significand.subtract(error), this.exponent, significand, exponent);
      int high = compare(this.significand.add(error), this.exponent, significand, exponent);
      return low == high ? low : 0;
    }
  }

  /** The sign of m * 2^a - n * 2^b. */
  private static int compare(BigInteger m, int a, BigInteger n, int b) {
    return m.shiftLeft(Math.max(0, a - b)).compareTo(n.shiftLeft(Math.max(0, b - a)));
  }

  /** base^(2^j) for j from -200 to 20. */
  private static final class Powers {
    private static final int LOWEST = -200;
    private static final int HIGHEST = 20;
    private final Near[] powers = new Near[HIGHEST - LOWEST + 1];

    Powers(Near base) {
      powers[-LOWEST] = base;
      for (int j = -LOWEST - 1; j >= 0; j--) {
        powers[j] = powers[j + 1].root();
      }
      for (int j = -LOWEST + 1; j < powers.length; j++) {
        powers[j] = powers[j - 1].times(powers[j - 1]);
      }
    }

    /** base^(significand * 2^exponent). */
    Near at(BigInteger significand, int exponent) {
      Near power = Near.ONE;
      for (int i = 0; i < significand.bitLength(); i++) {
        if (significand.testBit(i)) {
          power = power.times(powers[exponent + i - LOWEST]);
        }
      }
      return power;
    }

    Near at(Dyadic x) {
      Near power = at(x.significand(), x.exponent());
      return x.negative() ? Near.ONE.over(power) : power;
    }
  }

  private static final Powers E = new Powers(e());
  private static final Powers TWO = new Powers(Near.of(BigInteger.TWO, 0));

  private static Near e() {
    BigInteger term = BigInteger.ONE.shiftLeft(PRECISION + 20);
    BigInteger sum = term;
    for (int n = 1; term.signum() != 0; n++) {
      term = term.divide(BigInteger.valueOf(n));
      sum = sum.add(term);
    }
    return Near.of(sum, -PRECISION - 20);
  }

  @Test
  void theOraclesOwnNumbersAreRight() {
    String e = "2.71828182845904523536028747135266249775724709369995957496696762772407663035";
    BigInteger ten = BigInteger.TEN.pow(74);
    BigInteger digits = new BigInteger(e.replace(".", ""));
    Near scaled = E.at(BigInteger.ONE, 0).times(Near.of(ten, 0));
    assertEquals(1, scaled.compareTo(digits, 0));
    assertEquals(-1, scaled.compareTo(digits.add(BigInteger.ONE), 0));
    Near root = TWO.at(Dyadic.of(-0.5));
    assertEquals(0, root.times(root).compareTo(BigInteger.ONE, -1));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "exp",
        "exp2",
        "log",
        "log2",
        "tanh",
        "sigmoid",
        "reciprocal",
        "sqrt",
        "reciprocalSqrt"
      })
  void everySixteenBitNumber(String name) {
    UnaryOperator<Real> function = Objects.requireNonNull(ElementaryTest.FUNCTIONS.get(name));
    boolean logarithm = name.startsWith("log");
    boolean positive = logarithm || name.endsWith("qrt");
    int checked = 0;
    for (FloatFormat format : List.of(Formats.FP16, Formats.BF16)) {
      for (int code = 0; code < 1 << 16; code++) {
        double x = format.decodeDouble(code);
        if (x == 0
            || !Double.isFinite(x)
            || (x < 0 && positive)
            || (x == 1 && logarithm)
            || (Math.abs(x) >= TOO_LARGE && EXPONENTIALS.contains(name))) {
          continue;
        }
        Dyadic argument = Dyadic.of(x);
        Real result = function.apply(argument);
        Real.Truncation t = result.truncate(BITS);
        String message = name + "(" + x + ") = " + t;
        assertEquals(BITS, t.significand().bitLength(), message);
        assertEquals(negative(name, argument), result.negative(), message);
        int exponent = t.exponent() - BITS + 1;
        Side side = side(name, argument, result.negative());
        assertEquals(t.exact() ? 0 : -1, side.of(t.significand(), exponent), message);
        assertEquals(1, side.of(t.significand().add(BigInteger.ONE), exponent), message);
        checked++;
      }
    }
    assertTrue(checked > 60_000, checked + " numbers");
  }

  private static boolean negative(String name, Dyadic x) {
    return switch (name) {
      case "log", "log2" -> x.floorLog2() < 0;
      case "tanh", "reciprocal" -> x.negative();
      default -> false;
    };
  }

  /** The sign of m * 2^exponent less the magnitude of the function's value. */
  private interface Side {
    int of(BigInteger m, int exponent);
  }

  private static Side side(String name, Dyadic x, boolean negative) {
    BigInteger s = x.significand();
    return switch (name) {
      case "exp" -> side(E.at(x));
      case "exp2" -> side(TWO.at(x));
      case "tanh", "sigmoid" -> {
        Near u = Near.ONE.over(E.at(s, x.exponent() + (name.equals("tanh") ? 1 : 0)));
        yield (m, exponent) -> {
          BigInteger one = BigInteger.ONE.shiftLeft(-exponent);
          BigInteger rest = one.subtract(m);
          if (rest.signum() <= 0) {
            return 1;
          }
          if (name.equals("tanh")) { // m - (1 - u) / (1 + u) has the sign of u (1 + m) - (1 - m)
            return u.times(Near.of(one.add(m), 0)).compareTo(rest, 0);
          }
          return x.negative()
              ? -u.times(Near.of(rest, 0)).compareTo(m, 0) // m - u / (1 + u): m - u (1 - m)
              : u.times(Near.of(m, 0)).compareTo(rest, 0); // m - 1 / (1 + u): u m - (1 - m)
        };
      }
      case "log" -> (m, exponent) -> logarithmSide(E.at(m, exponent), x, negative);
      case "log2" -> (m, exponent) -> logarithmSide(TWO.at(m, exponent), x, negative);
      case "reciprocal" ->
          (m, exponent) -> compare(m.multiply(s), exponent + x.exponent(), BigInteger.ONE, 0);
      case "sqrt" -> (m, exponent) -> compare(m.multiply(m), 2 * exponent, s, x.exponent());
      case "reciprocalSqrt" ->
          (m, exponent) ->
              compare(m.multiply(m).multiply(s), 2 * exponent + x.exponent(), BigInteger.ONE, 0);
      default -> throw new IllegalArgumentException(name);
    };
  }

  private static Side side(Near value) {
    return (m, exponent) -> -value.compareTo(m, exponent);
  }

  private static int logarithmSide(Near power, Dyadic x, boolean negative) {
    return negative
        ? power.times(Near.of(x)).compareTo(BigInteger.ONE, 0)
        : power.compareTo(x.significand(), x.exponent());
  }
}
