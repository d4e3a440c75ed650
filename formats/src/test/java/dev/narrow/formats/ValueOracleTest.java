package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Posits, integers and tables against their definitions, around every switching point. */
class ValueOracleTest {
  private static final int[] WORDS = {0, -1, 1 << 31, 0x9E3779B9, 0x2545F491};

  static List<NumericFormat> formats() {
    return List.of(
        Formats.POSIT8,
        Formats.parse("posit:b8e0"),
        Formats.parse("posit:b9e1"),
        Formats.parse("posit3"),
        Formats.parse("posit:b6e4"),
        Formats.INT8,
        Formats.MXINT8,
        Formats.UINT8,
        Formats.INT4,
        Formats.UINT4,
        Formats.INT2,
        Formats.UINT2,
        Formats.parse("fixed:b7f-3"),
        Formats.parse("ufixed:b5f9"),
        Formats.NF4,
        Formats.FP4_BNB,
        TableFormat.of("no-zero", List.of(0.5f, -3f, 7.25f, -0.125f)));
  }

  static List<Rounding> roundings() {
    List<Rounding> roundings = new ArrayList<>(SampleFormats.deterministic());
    for (Rounding.Mode mode :
        List.of(Rounding.Mode.STOCHASTIC, Rounding.Mode.STOCHASTIC_A, Rounding.Mode.STOCHASTIC_B)) {
      roundings.add(Rounding.stochastic(mode, 1));
      roundings.add(Rounding.stochastic(mode, 3));
      roundings.add(Rounding.stochastic(mode, 32));
    }
    return roundings;
  }

  @ParameterizedTest
  @MethodSource("formats")
  void everySwitchingPointInEveryRounding(NumericFormat format) {
    ValueOracle oracle = new ValueOracle(format);
    Saturation saturation = format.defaultProjection().saturation();
    for (double x : points(oracle)) {
      for (Rounding rounding : roundings()) {
        for (int word : rounding.isStochastic() ? WORDS : new int[] {0}) {
          Projection projection = new Projection(rounding, saturation);
          int expected = oracle.encode(x, rounding, word);
          assertEquals(
              expected,
              format.encode(x, projection, word),
              () -> format.name() + " " + Double.toHexString(x) + " " + rounding);
        }
      }
    }
  }

  private static List<Double> points(ValueOracle oracle) {
    List<Double> points = new ArrayList<>();
    List<BigDecimal> values = oracle.values();
    for (int i = 0; i < values.size(); i++) {
      double low = values.get(i).doubleValue();
      double high = i + 1 < values.size() ? values.get(i + 1).doubleValue() : 2 * low;
      double step = high - low;
      for (double x :
          new double[] {
            low,
            low + step / 2,
            low + step / 4,
            low + step * 0.3,
            low + step * 7 / 8,
            Math.copySign(Math.sqrt(Math.abs(low * high)), low + high),
            high * 0x1p-40
          }) {
        points.add(Math.nextDown(x));
        points.add(x);
        points.add(Math.nextUp(x));
      }
    }
    points.add(1e300);
    points.add(-1e300);
    points.add(Double.MIN_VALUE);
    return points;
  }

  @ParameterizedTest
  @MethodSource("formats")
  void everyCodeIsTheCodeOfItsValue(NumericFormat format) {
    ValueOracle oracle = new ValueOracle(format);
    for (BigDecimal value : oracle.values()) {
      int code = oracle.encode(value.doubleValue(), Rounding.NEAREST_EVEN, 0);
      assertEquals(value.doubleValue(), format.decodeDouble(code) + 0.0, format.name());
      assertEquals(code, format.encode(value.doubleValue(), format.defaultProjection()));
    }
  }

  @Test
  void wideFormatsAtASampleOfCodes() {
    for (String name : List.of("posit16", "posit32", "posit:b16e1", "posit:b32e4", "int16")) {
      NumericFormat format = Formats.parse(name);
      for (long i = 0; i < 4000; i++) {
        int code = (int) ((i * 0x9E3779B97F4A7C15L) >>> (64 - format.width()));
        if (format.isNan(code)) {
          continue;
        }
        if (format instanceof PositFormat p) {
          BigDecimal value =
              ValueOracle.posit(code & ((1L << p.width()) - 1), p.width(), p.exponentBits());
          assertEquals(0, value.compareTo(new BigDecimal(format.decodeDouble(code))), name);
        }
        assertEquals(code, format.encode(format.decodeDouble(code), format.defaultProjection()));
      }
    }
  }

  @Test
  void zeroStaysZeroWhereTheLargestValueIsSmall() {
    TableFormat small = TableFormat.of("small", List.of(0f, 0.0625f, 0.125f, 0.25f));
    for (double zero : new double[] {0.0, -0.0, Double.NaN}) {
      assertEquals(0, small.encode(zero, small.defaultProjection()));
    }
  }

  @Test
  void specialNumbers() {
    Projection posit = Formats.POSIT16.defaultProjection();
    assertEquals(0x8000, Formats.POSIT16.encode(Double.NaN, posit));
    assertEquals(0x8000, Formats.POSIT16.encode(Double.NEGATIVE_INFINITY, posit));
    assertEquals(0x7FFF, Formats.POSIT16.encode(1e300, posit));
    assertEquals(0xFFFF, Formats.POSIT16.encode(-1e-300, posit));
    assertEquals(0x8001, Formats.POSIT16.encode(-1.0 / 0, posit.with(Saturation.OCP_SAT)));
    assertTrue(Formats.POSIT16.isNan(0x8000));
    assertEquals(0, Formats.INT8.encode(Double.NaN, Formats.INT8.defaultProjection()));
    assertEquals(
        127, Formats.INT8.encode(Double.NaN, new Projection(Rounding.TO_ODD, Saturation.IEEE)));
    assertEquals(0x80, Formats.INT8.encode(-1.0 / 0, Formats.INT8.defaultProjection()));
    assertEquals(0x81, Formats.MXINT8.encode(-1.0 / 0, Formats.MXINT8.defaultProjection()));
    assertEquals(-2, Formats.MXINT8.decode(0x80));
    assertEquals(7, Formats.NF4.encode(Double.NaN, Formats.NF4.defaultProjection()));
    assertEquals(7, Formats.NF4.encode(-0.0, Formats.NF4.defaultProjection()));
    assertEquals(15, Formats.NF4.encode(1.0 / 0, Formats.NF4.defaultProjection()));
  }
}
