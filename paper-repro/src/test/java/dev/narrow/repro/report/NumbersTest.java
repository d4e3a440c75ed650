package dev.narrow.repro.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.math.BigDecimal;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class NumbersTest {

  @Test
  void figuresHaveATrueMinusAndNoNegativeZero() {
    assertEquals("97.81", Numbers.fixed(97.8149, 2));
    assertEquals("−0.31", Numbers.fixed(-0.31, 2));
    assertEquals("0.00", Numbers.fixed(-0.001, 2));
    assertEquals("2", Numbers.fixed(1.5, 0));
    assertEquals("–", Numbers.fixed(Double.NaN, 2));
    assertEquals("–", Numbers.fixed(Double.NEGATIVE_INFINITY, 2));
  }

  @Test
  void differencesCarryTheirSign() {
    assertEquals("+0.12", Numbers.signed(0.12, 2));
    assertEquals("−0.12", Numbers.signed(-0.12, 2));
    assertEquals("0.00", Numbers.signed(0.001, 2));
    assertEquals("–", Numbers.signed(Double.POSITIVE_INFINITY, 2));
    assertEquals(
        "−0.31 [−0.55, +0.07]", Numbers.difference(new Interval(-0.31, -0.55, 0.07, 0.95), 2));
    assertEquals("−0.31", Numbers.difference(new Interval(-0.31, Double.NaN, Double.NaN, 0.95), 2));
  }

  @Test
  void spreadIsLeftOutWhereThereIsNone() {
    assertEquals("97.81 ± 0.12", Numbers.plusMinus(97.81, 0.12, 2));
    assertEquals("97.81", Numbers.plusMinus(97.81, Double.NaN, 2));
    assertEquals("–", Numbers.plusMinus(Double.NaN, 0.12, 2));
  }

  @Test
  void largeAndSmallFiguresTakeAPowerOfTen() {
    assertEquals("2×10⁻⁵", Numbers.scientific(new BigDecimal("0.00002")));
    assertEquals("−10¹²", Numbers.scientific(new BigDecimal("-1e12")));
    assertEquals("0", Numbers.scientific(BigDecimal.ZERO));
    assertEquals("3.2×10⁸", Numbers.brief(3.2e8));
    assertEquals("97.8", Numbers.brief(97.81));
    assertEquals("100", Numbers.brief(99.99));
    assertEquals("0", Numbers.brief(0));
  }

  @Test
  void noLocaleChangesAFigure() {
    Locale before = Locale.getDefault();
    try {
      Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
      assertEquals("1234.50", Numbers.fixed(1234.5, 2));
      assertEquals("1.5", Svg.coordinate(1.5));
    } finally {
      Locale.setDefault(before);
    }
  }
}
