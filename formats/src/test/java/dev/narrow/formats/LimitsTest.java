package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Limits, neighbours and steps, for the standards' formats as the standards print them. */
class LimitsTest {

  @ParameterizedTest
  @CsvSource({
    // OCP OFP8 1.0, tables 1 and 2
    "e4m3fn, 448, 0x1p-6, 0x1p-9, 0.125, 17.807",
    "e5m2, 57344, 0x1p-14, 0x1p-16, 0.25, 31.807",
    // IEEE 754-2019, table 3.5
    "fp16, 65504, 0x1p-14, 0x1p-24, 0x1p-10, 39.999",
    "fp32, 0x1.fffffep127, 0x1p-126, 0x1p-149, 0x1p-23, 277.0",
    "e8m0, 0x1p127, 0x1p-127, 0x1p-127, 1, 254",
    "e2m1, 6, 1, 0.5, 0.5, 3.585",
    "lns8, 234.753035, 0.0042597958, 0.0042597958, 0.09050773, 15.75",
    "posit16, 0x1p56, 0x1p-56, 0x1p-56, 0x1p-11, 112",
    "int8, 127, 1, 1, 1, 6.989",
    "uint4, 15, 1, 1, 1, 3.907",
    "nf4, 1, 0.0795803, 0.0795803, NaN, 3.651",
    "lns:b16g1, Infinity, 0, 0, 1, 32766",
    "binary3p2se, 1, 1, 0.5, NaN, 1",
    "binary16p1se, Infinity, 0, 0, 1, 32765"
  })
  void limits(
      String name,
      String max,
      String minNormal,
      String minPositive,
      String epsilon,
      double octaves) {
    Limits limits = Formats.parse(name).limits();
    assertClose(max, limits.maxFinite());
    assertClose(minNormal, limits.minNormal());
    assertClose(minPositive, limits.minPositive());
    assertClose(epsilon, limits.epsilon());
    assertEquals(octaves, limits.octaves(), 1e-3);
    assertEquals(20 * Math.log10(2) * limits.octaves(), limits.decibels(), 1e-9);
  }

  private static void assertClose(String expected, double actual) {
    double x = Double.parseDouble(expected);
    assertEquals(x, actual, Double.isFinite(x) ? 1e-6 * x : 0);
  }

  static Iterable<NumericFormat> narrow() {
    return Formats.all().stream().filter(f -> f.width() <= 16).toList();
  }

  /** Up from the least value to the greatest, and down again, through all values in order. */
  @ParameterizedTest
  @MethodSource("narrow")
  void nextUpVisitsEveryValueAndNextDownReturns(NumericFormat format) {
    TreeSet<Double> values = new TreeSet<>();
    for (int code = 0; code < 1 << format.width(); code++) {
      if (!format.isNan(code)) {
        values.add(format.decodeDouble(code) + 0.0);
      } else {
        assertEquals(code, format.nextUp(code));
        assertEquals(Double.NaN, format.ulp(code));
      }
    }
    int code = format.encode(values.first(), new Projection(Rounding.TOWARD_ZERO, Saturation.IEEE));
    code = format.decodeDouble(code) == values.first() ? code : format.nextDown(code);
    for (double value : values) {
      assertEquals(value, format.decodeDouble(code) + 0.0, format.name());
      Double above = values.higher(value);
      int next = format.nextUp(code);
      if (above == null) {
        assertEquals(code, next);
      } else {
        assertEquals(value, format.decodeDouble(format.nextDown(next)) + 0.0, format.name());
        boolean outward = value >= 0 && above < Double.POSITIVE_INFINITY;
        if (outward && value > Double.NEGATIVE_INFINITY) {
          assertEquals(above - value, format.ulp(code), format.name());
        }
      }
      code = next;
    }
  }
}
