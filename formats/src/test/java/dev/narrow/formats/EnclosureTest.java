package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.DoubleFunction;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Each function's number lies inside its enclosure, and the enclosure is narrow. */
class EnclosureTest {
  private static final Map<String, DoubleFunction<Enclosure>> FUNCTIONS =
      Map.of(
          "exp", Enclosure::exp,
          "exp2", Enclosure::exp2,
          "log", Enclosure::log,
          "log2", Enclosure::log2,
          "tanh", Enclosure::tanh,
          "sigmoid", Enclosure::sigmoid,
          "reciprocal", Enclosure::reciprocal,
          "sqrt", Enclosure::sqrt,
          "reciprocalSqrt", Enclosure::reciprocalSqrt);
  private static final Set<String> POSITIVE = Set.of("log", "log2", "sqrt", "reciprocalSqrt");

  @Provide
  Arbitrary<Double> numbers() {
    Arbitrary<Double> any =
        Arbitraries.longs().map(Double::longBitsToDouble).filter(Double::isFinite);
    Arbitrary<Double> usual =
        Combinators.combine(
                Arbitraries.doubles().between(-2, 2), Arbitraries.integers().between(-60, 10))
            .as(Math::scalb);
    Arbitrary<Double> nearOne =
        Arbitraries.integers().between(-1000, 1000).map(ulps -> 1 + ulps * 0x1p-53);
    return Arbitraries.oneOf(any, usual, nearOne).filter(x -> x != 0);
  }

  @Property(tries = 3000)
  void holdsTheNumber(@ForAll("numbers") double x) {
    FUNCTIONS.keySet().forEach(name -> assertHolds(name, x));
  }

  /** Where results overflow, underflow, or are powers of two. */
  @Example
  void holdsTheNumberAtTheEnds() {
    double[] ends = {
      Double.MIN_VALUE,
      0x1p-1023,
      Double.MIN_NORMAL,
      0x1p-54,
      0x1p-53,
      0.5,
      1,
      Math.log(2),
      2,
      3,
      4,
      19,
      20,
      36.7,
      37,
      708.39,
      708.4,
      709.782712893384,
      709.7827128933841,
      744.44,
      745.1332191019412,
      746,
      1022,
      1023.9999999999999,
      1024,
      1074,
      1075,
      1e9,
      0x1p1022,
      0x1p1023,
      Double.MAX_VALUE
    };
    for (double x : ends) {
      for (String name : FUNCTIONS.keySet()) {
        assertHolds(name, x);
        assertHolds(name, -x);
        assertHolds(name, Math.nextUp(x));
        if (Math.nextDown(x) != 0) {
          assertHolds(name, Math.nextDown(x));
        }
      }
    }
  }

  private static void assertHolds(String name, double x) {
    if (x == 0
        || !Double.isFinite(x)
        || (x < 0 && POSITIVE.contains(name))
        || (x == 1 && name.startsWith("log"))) {
      return;
    }
    Enclosure enclosure = Objects.requireNonNull(FUNCTIONS.get(name)).apply(x);
    Real number = Objects.requireNonNull(ElementaryTest.FUNCTIONS.get(name)).apply(Dyadic.of(x));
    String message = name + "(" + x + "): " + enclosure;
    assertEquals(-1, compare(enclosure.low(), number), message);
    assertEquals(1, compare(enclosure.high(), number), message);
    if (Double.isFinite(enclosure.high()) && Double.isFinite(enclosure.low())) {
      double ulp = Math.max(Math.ulp(enclosure.low()), Math.ulp(enclosure.high()));
      assertTrue(enclosure.high() - enclosure.low() <= 16 * ulp, message);
    }
  }

  /** The sign of end - number. */
  private static int compare(double end, Real number) {
    int negative = number.negative() ? -1 : 1;
    if (Double.isInfinite(end)) {
      return end > 0 ? 1 : -1;
    }
    if (end == 0 || end < 0 != number.negative()) {
      return end == 0 ? -negative : (int) Math.signum(end);
    }
    Real.Truncation s = Dyadic.of(end).truncate(64);
    Real.Truncation t = number.truncate(64);
    int byExponent = Integer.compare(s.exponent(), t.exponent());
    int magnitude = byExponent != 0 ? byExponent : s.significand().compareTo(t.significand());
    return negative * (magnitude == 0 && !t.exact() ? -1 : magnitude);
  }
}
