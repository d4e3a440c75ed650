package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Against mpmath, whose answers elementary.py wrote down, and at the ends of what there is. */
class ElementaryTest {
  static final Map<String, UnaryOperator<Real>> FUNCTIONS =
      Map.of(
          "exp", Elementary::exp,
          "exp2", Elementary::exp2,
          "log", Elementary::log,
          "log2", Elementary::log2,
          "tanh", Elementary::tanh,
          "sigmoid", Elementary::sigmoid,
          "reciprocal", Elementary::reciprocal,
          "sqrt", Elementary::sqrt,
          "reciprocalSqrt", Elementary::reciprocalSqrt);

  @Test
  void agreesWithMpmath() throws IOException {
    List<String> lines;
    try (InputStream in =
        Objects.requireNonNull(ElementaryTest.class.getResourceAsStream("elementary.txt"))) {
      lines = new String(in.readAllBytes(), StandardCharsets.US_ASCII).lines().toList();
    }
    int checked = 0;
    for (String line : lines) {
      String[] words = line.split(" ", -1);
      if (!words[0].equals("#")) {
        UnaryOperator<Real> function = Objects.requireNonNull(FUNCTIONS.get(words[0]));
        assertEquals(words[2], print(function.apply(argument(words[1]))), line);
        checked++;
      }
    }
    assertTrue(checked > 4_000, checked + " lines");
  }

  private static Real argument(String word) {
    int star = word.indexOf('*');
    if (star >= 0) {
      return Dyadic.of(
          new BigInteger(word.substring(0, star), 16), Integer.parseInt(word.substring(star + 1)));
    }
    int slash = word.indexOf('/');
    return Power.of(
        false,
        Long.parseLong(word.substring(0, slash)),
        Integer.parseInt(word.substring(slash + 1)));
  }

  private static String print(Real x) {
    Real.Truncation t = x.truncate(64);
    return (t.exact() ? "=" : "~")
        + (x.negative() ? "-" : "")
        + t.significand().toString(16)
        + "*"
        + (t.exponent() - 63);
  }

  @Test
  void exactlyRepresentableResultsAreDyadic() {
    assertEquals(Dyadic.of(0x1p-1074), Elementary.exp2(Dyadic.of(-1074)));
    assertEquals(Dyadic.of(1, 131072), Elementary.exp2(Dyadic.of(131072)));
    assertEquals(Dyadic.of(-1074), Elementary.log2(Dyadic.of(0x1p-1074)));
    assertEquals(Dyadic.of(-0.125), Elementary.reciprocal(Dyadic.of(-8)));
    assertEquals(Dyadic.of(3, -537), Elementary.sqrt(Dyadic.of(9, -1074)));
    assertEquals(Dyadic.of(0.25), Elementary.reciprocalSqrt(Dyadic.of(16)));
  }

  @Test
  void exactPowersStayPowers() {
    Real x = Power.of(false, -5, 3);
    assertEquals(x, Elementary.exp2(Dyadic.of(-0.625)));
    assertEquals(Dyadic.of(-0.625), Elementary.log2(x));
    assertEquals(Power.of(false, -5, 4), Elementary.sqrt(x));
    assertEquals(Power.of(false, 5, 3), Elementary.reciprocal(x));
    assertEquals(Power.of(true, 5, 3), Elementary.reciprocal(Power.of(true, -5, 3)));
    assertEquals(Power.of(false, 5, 4), Elementary.reciprocalSqrt(x));
    assertEquals(Power.of(false, 3, 1), Elementary.sqrt(Dyadic.of(8)));
    assertEquals(Power.of(false, 1, 1), Elementary.reciprocalSqrt(Dyadic.of(0.5)));
    assertEquals(Dyadic.of(-4), Power.of(true, 16, 3));
    assertEquals(Dyadic.of(-1), Power.of(true, 0, 3));
  }

  @Test
  void numbersOfADoubleAreItsOwn() {
    assertEquals(new Dyadic(true, BigInteger.valueOf(3), -1), Dyadic.of(-1.5));
    assertEquals(new Dyadic(false, BigInteger.valueOf(3), -1074), Dyadic.of(0x1.8p-1073));
    assertEquals(new Dyadic(false, BigInteger.ONE, -1022), Dyadic.of(0x1p-1022));
    assertEquals(Dyadic.of((1L << 53) - 1, 971), Dyadic.of(Double.MAX_VALUE));
    assertEquals(1023, Dyadic.of(Double.MAX_VALUE).floorLog2());
    assertEquals(-1073, Dyadic.of(-0x1.8p-1073).floorLog2());
  }

  @Test
  void hugeAndTinyResultsStopAtTheLimit() {
    for (double x : new double[] {0x1p20, 0x1p40, 0x1p100, Double.MAX_VALUE}) {
      for (Real huge : List.of(Elementary.exp(Dyadic.of(x)), Elementary.exp2(Dyadic.of(x)))) {
        assertTruncation(1L << 63, 1 << 20, huge);
      }
      Dyadic negative = Dyadic.of(-x);
      for (Real tiny :
          List.of(
              Elementary.exp(negative),
              Elementary.exp2(negative),
              Elementary.sigmoid(negative),
              Elementary.exp2(Dyadic.of(-(1L << 21) - 1, -1)))) {
        assertTruncation(1L << 63, -(1 << 20), tiny);
      }
    }
    // 2^(2^14) as the argument, and its root
    assertTruncation(1L << 63, 1 << 20, Elementary.exp(Power.of(false, (1L << 17) + 1, 3)));
    assertTruncation(1L << 63, -(1 << 20), Elementary.exp(Power.of(true, (1L << 17) + 1, 3)));
    assertTruncation(1L << 63, 1 << 20, Power.of(false, (1L << 43) + 1, 3));
  }

  @Test
  void resultsBesideOneAreCutOffAtOnce() {
    long below = -1; // 64 ones
    for (int exponent : new int[] {-70, -200, -1074, -(1 << 17)}) {
      Dyadic tiny = Dyadic.of(1, exponent);
      assertTruncation(1L << 63, 0, Elementary.exp(tiny));
      assertTruncation(1L << 63, 0, Elementary.exp2(tiny));
      assertTruncation(below, -1, Elementary.exp(tiny.negated()));
      assertTruncation(below, -1, Elementary.exp2(tiny.negated()));
      assertTruncation(1L << 63, -1, Elementary.sigmoid(tiny));
      assertTruncation(below, -2, Elementary.sigmoid(tiny.negated()));
      assertTruncation(below, exponent - 1, Elementary.tanh(tiny));
    }
    for (double large : new double[] {50, 1000, 0x1p40, 0x1p1000}) {
      assertTruncation(below, -1, Elementary.tanh(Dyadic.of(large)));
      assertTruncation(below, -1, Elementary.sigmoid(Dyadic.of(large)));
      assertTrue(Elementary.tanh(Dyadic.of(-large)).negative());
    }
  }

  /** To so many bits as the argument's square is small, tanh x is x or just below it. */
  @Test
  void tinyTangentsOfPowersAreThosePowers() {
    for (boolean negative : new boolean[] {false, true}) {
      Real x = Power.of(negative, -(3 << 17) - 1, 3);
      Real tanh = Elementary.tanh(x);
      assertEquals(x.truncate(200), tanh.truncate(200));
      assertEquals(negative, tanh.negative());
    }
  }

  @Test
  void whatHasNoResultIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> Dyadic.of(0.0));
    assertThrows(IllegalArgumentException.class, () -> Dyadic.of(Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> Dyadic.of(Double.POSITIVE_INFINITY));
    assertThrows(IllegalArgumentException.class, () -> Dyadic.of(0, 3));
    assertThrows(IllegalArgumentException.class, () -> new Power(false, Dyadic.of(3)));
    for (String name : List.of("log", "log2", "sqrt", "reciprocalSqrt")) {
      UnaryOperator<Real> function = Objects.requireNonNull(FUNCTIONS.get(name));
      assertThrows(IllegalArgumentException.class, () -> function.apply(Dyadic.of(-2)), name);
    }
    assertThrows(IllegalArgumentException.class, () -> Elementary.log(Dyadic.ONE));
    assertThrows(IllegalArgumentException.class, () -> Elementary.log2(Dyadic.ONE));
    Real third = Elementary.reciprocal(Dyadic.of(3));
    FUNCTIONS.forEach(
        (name, f) -> assertThrows(IllegalArgumentException.class, () -> f.apply(third), name));
    assertThrows(IllegalArgumentException.class, () -> third.truncate(1));
  }

  private static void assertTruncation(long significand, int exponent, Real x) {
    Real.Truncation t = x.truncate(64);
    assertEquals(new BigInteger(Long.toUnsignedString(significand)), t.significand());
    assertEquals(exponent, t.exponent());
    assertFalse(t.exact());
  }
}
