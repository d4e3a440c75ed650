package dev.narrow.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.NumericFormat;
import java.math.BigDecimal;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the pages say of codes and values, computed another way. */
class CodesTest {
  private static final Pattern PRODUCT =
      Pattern.compile("(-?)([0-9.]+?)??(?: × )?(?:2\\^(-?[0-9]+))?");
  private static final Pattern POWER = Pattern.compile("(-?)2\\^\\((-?[0-9]+)/([0-9]+)\\)");

  static Stream<NumericFormat> upTo16Bits() {
    return Stream.concat(
            Formats.all().stream(), Stream.of("float:e11m4", "lns:b12g64").map(Formats::parse))
        .filter(format -> format.width() <= 16);
  }

  /** "Exactly" is: read as mathematics, it is the value. */
  @ParameterizedTest
  @MethodSource("upTo16Bits")
  void productsAreTheValues(NumericFormat format) {
    Codes codes = new Codes(format);
    for (int code = 0; code < 1 << format.width(); code++) {
      double value = format.decodeDouble(code);
      String said = codes.exactly(code);
      if (!Double.isFinite(value) || value == 0) {
        assertEquals("", said);
        continue;
      }
      Matcher power = POWER.matcher(said);
      if (power.matches()) {
        assertTrue(format instanceof LogFormat, said);
        double exponent = Double.parseDouble(power.group(2)) / Double.parseDouble(power.group(3));
        double magnitude = Math.pow(2, exponent);
        assertEquals(Math.abs(value), magnitude, 2 * Math.ulp(magnitude), said);
        assertEquals(value < 0, power.group(1).equals("-"), said);
        continue;
      }
      Matcher product = PRODUCT.matcher(said);
      assertTrue(product.matches(), said);
      BigDecimal factor = new BigDecimal(product.group(2) == null ? "1" : product.group(2));
      int exponent = product.group(3) == null ? 0 : Integer.parseInt(product.group(3));
      BigDecimal two = BigDecimal.TWO.pow(Math.abs(exponent));
      BigDecimal magnitude = exponent < 0 ? divided(factor, -exponent) : factor.multiply(two);
      BigDecimal expected = new BigDecimal(value);
      assertEquals(
          0,
          expected.compareTo(product.group(1).equals("-") ? magnitude.negate() : magnitude),
          said);
    }
  }

  /** x / 2^n = x * 5^n / 10^n, exactly. */
  private static BigDecimal divided(BigDecimal x, int n) {
    return x.multiply(BigDecimal.valueOf(5).pow(n)).scaleByPowerOfTen(-n);
  }

  /** The bars of the plot are counts of values. */
  @ParameterizedTest
  @MethodSource("upTo16Bits")
  void octavesHaveSoManyValues(NumericFormat format) {
    TreeSet<Double> values = new TreeSet<>();
    for (int code = 0; code < 1 << format.width(); code++) {
      double value = format.decodeDouble(code);
      if (value > 0 && value < Double.POSITIVE_INFINITY) {
        values.add(value);
      }
    }
    TreeMap<Integer, Long> counts = new TreeMap<>();
    for (double value : values) {
      int exponent =
          value < Double.MIN_NORMAL
              ? Math.getExponent(value * 0x1p60) - 60
              : Math.getExponent(value);
      counts.merge(exponent, 1L, Long::sum);
    }
    OctavePlot plot = new OctavePlot(format);
    for (int e = counts.firstKey() - 1; e <= counts.lastKey() + 1; e++) {
      assertEquals(counts.getOrDefault(e, 0L), plot.count(e), "octave 2^" + e);
    }
  }
}
