package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.math.BigDecimal;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class ExactSumTest {
  private static ExactSum sum(List<Double> terms) {
    ExactSum sum = new ExactSum();
    terms.forEach(sum::add);
    return sum;
  }

  /** Any finite double, subnormal ones and both zeros among them. */
  @Provide
  Arbitrary<List<Double>> terms() {
    return Arbitraries.longs()
        .map(Double::longBitsToDouble)
        .filter(Double::isFinite)
        .edgeCases(
            edges -> edges.add(Double.MIN_VALUE, -Double.MIN_VALUE, Double.MAX_VALUE, 1.0, -0.0))
        .list()
        .ofMaxSize(40);
  }

  @Property
  void theValueIsTheExactSumRoundedOnce(@ForAll("terms") List<Double> terms) {
    BigDecimal exact = terms.stream().map(BigDecimal::new).reduce(BigDecimal.ZERO, BigDecimal::add);
    assertEquals(exact.doubleValue(), sum(terms).value());
  }

  @Property
  void orderAndGroupingDoNotMatter(@ForAll("terms") List<Double> terms, @ForAll Random random) {
    ExactSum whole = sum(terms);
    int cut = random.nextInt(terms.size() + 1);
    List<Double> shuffled = new java.util.ArrayList<>(terms);
    Collections.shuffle(shuffled, random);
    ExactSum parts = sum(shuffled.subList(cut, terms.size())).plus(sum(shuffled.subList(0, cut)));
    assertEquals(whole, parts);
    assertEquals(whole.hashCode(), parts.hashCode());
  }

  /** Neighbouring terms cancel, but for one that an ordinary sum would have lost. */
  @Test
  void nothingIsLostToCancellation() {
    assertEquals(
        Double.MIN_VALUE, sum(List.of(1e308, 1.0, Double.MIN_VALUE, -1.0, -1e308)).value());
    assertEquals(0.0, sum(List.of(0x1p1000, -0x1p1000)).value());
  }

  /** 2^53 + 1 is a tie that goes to the even 2^53, unless anything is beyond it. */
  @Test
  void tiesAreDecidedByTheLastBit() {
    assertEquals(0x1p53, sum(List.of(0x1p53, 1.0)).value());
    assertEquals(0x1p53 + 2, sum(List.of(0x1p53, 1.0, Double.MIN_VALUE)).value());
    assertEquals(-0x1p53 - 2, sum(List.of(-0x1p53, -1.0, -Double.MIN_VALUE)).value());
  }

  @Test
  void aSumBeyondTheLargestDoubleIsInfiniteUntilItComesBack() {
    ExactSum sum = sum(List.of(Double.MAX_VALUE, Double.MAX_VALUE));
    assertEquals(Double.POSITIVE_INFINITY, sum.value());
    sum.add(-Double.MAX_VALUE);
    assertEquals(Double.MAX_VALUE, sum.value());
  }

  @Test
  void infinitiesAndNanAreRefused() {
    assertThrows(ArithmeticException.class, () -> new ExactSum().add(Double.NaN));
    assertThrows(ArithmeticException.class, () -> new ExactSum().add(Double.NEGATIVE_INFINITY));
  }
}
