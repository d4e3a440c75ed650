package dev.narrow.repro.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class AxisTest {

  @Test
  void ticksAreAsAPersonWouldChooseThem() {
    assertEquals(List.of("94", "95", "96", "97", "98"), labels(Axis.linear(94.4, 97.9, 7)));
    assertEquals(List.of("−0.5", "0.0", "0.5", "1.0"), labels(Axis.linear(-0.31, 0.7, 6)));
    assertEquals(List.of("0", "5×10⁷", "10⁸"), labels(Axis.linear(0, 1e8, 4)));
    assertEquals(List.of("0.2", "0.5", "1", "2", "5"), labels(Axis.logarithmic(0.3, 2.3, 8)));
    assertEquals(
        List.of("10⁻⁴", "0.001", "0.01", "0.1", "1"), labels(Axis.logarithmic(2e-4, 0.9, 8)));
  }

  @Property(tries = 300)
  void linearTicksCoverTheRange(
      @ForAll("values") double a,
      @ForAll("values") double b,
      @ForAll @IntRange(min = 3, max = 12) int most) {
    double min = Math.min(a, b);
    double max = Math.max(a, b);
    Axis axis = Axis.linear(min, max, most);
    checkTicks(axis, min, max, most);
    // Steps are all equal, and 1, 2 or 5 times a power of ten.
    List<BigDecimal> values = axis.ticks().stream().map(AxisTest::decimal).toList();
    BigDecimal step = values.get(1).subtract(values.get(0));
    for (int i = 1; i < values.size(); i++) {
      assertEquals(0, step.compareTo(values.get(i).subtract(values.get(i - 1))));
    }
    checkNice(step);
  }

  @Property(tries = 300)
  void logarithmicTicksCoverTheRange(
      @ForAll("positive") double a,
      @ForAll("positive") double b,
      @ForAll @IntRange(min = 3, max = 12) int most) {
    double min = Math.min(a, b);
    double max = Math.max(a, b);
    Axis axis = Axis.logarithmic(min, max, most);
    checkTicks(axis, min, max, most);
    axis.ticks().forEach(tick -> checkNice(decimal(tick)));
  }

  private static void checkTicks(Axis axis, double min, double max, int most) {
    List<Axis.Tick> ticks = axis.ticks();
    assertTrue(ticks.size() >= 2 && ticks.size() <= most);
    assertTrue(axis.low() <= min && max <= axis.high());
    for (int i = 1; i < ticks.size(); i++) {
      assertTrue(ticks.get(i - 1).value() < ticks.get(i).value());
      assertTrue(axis.fraction(ticks.get(i - 1).value()) < axis.fraction(ticks.get(i).value()));
    }
    assertEquals(ticks.size(), Set.copyOf(labels(axis)).size());
    assertEquals(0, axis.fraction(axis.low()));
    assertEquals(1, axis.fraction(axis.high()));
  }

  private static void checkNice(BigDecimal value) {
    BigInteger digits = value.stripTrailingZeros().unscaledValue();
    assertTrue(List.of("1", "2", "5").contains(digits.toString()), value.toString());
  }

  private static BigDecimal decimal(Axis.Tick tick) {
    return new BigDecimal(Double.toString(tick.value()));
  }

  private static List<String> labels(Axis axis) {
    return axis.ticks().stream().map(Axis.Tick::label).toList();
  }

  @Provide
  Arbitrary<Double> values() {
    return Arbitraries.oneOf(
        Arbitraries.doubles().between(-100, 100),
        Arbitraries.integers().between(-299, 299).map(e -> StrictMath.pow(10, e) * -0.9),
        Arbitraries.integers().between(-299, 299).map(e -> StrictMath.pow(10, e) * 0.7),
        Arbitraries.of(
            Axis.LARGEST,
            -Axis.LARGEST,
            0.0,
            -0.0,
            Double.MIN_VALUE,
            97.5,
            Math.nextUp(97.5),
            1e-310));
  }

  @Provide
  Arbitrary<Double> positive() {
    return Arbitraries.oneOf(
        Arbitraries.doubles().between(1e-6, 100).ofScale(9),
        Arbitraries.integers().between(-299, 299).map(e -> StrictMath.pow(10, e) * 0.9),
        Arbitraries.of(1.0, Math.nextUp(1.0), 0.1, Axis.LARGEST));
  }

  @Test
  void aRangeThatIsNoneIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> Axis.linear(2, 1, 5));
    assertThrows(IllegalArgumentException.class, () -> Axis.linear(0, Double.NaN, 5));
    assertThrows(IllegalArgumentException.class, () -> Axis.linear(0, 1, 2));
    assertThrows(IllegalArgumentException.class, () -> Axis.logarithmic(0, 1, 5));
  }
}
