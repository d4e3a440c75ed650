package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FloatFormatTest {

  /** Through float it would be 0x3C00: the float nearest to it is the tie 1 + 2^-11. */
  @Test
  void doublesAreRoundedOnce() {
    double x = 1 + 0x1p-11 + 0x1p-40;
    assertEquals(0x3C01, Formats.FP16.encode(x, Formats.FP16.defaultProjection()));
    assertEquals(0x3C00, Formats.FP16.encode((float) x, Formats.FP16.defaultProjection()));
  }

  @ParameterizedTest
  @CsvSource({"464, 7e", "465, 7f", "-464, fe", "-465, ff", "448, 7e", "NaN, 7f", "Infinity, 7f"})
  void e4m3fnOverflowsFromTheTieOn(double x, String code) {
    int expected = Integer.parseInt(code, 16);
    assertEquals(expected, Formats.E4M3FN.encode(x, Formats.E4M3FN.defaultProjection()));
  }

  /** The counts of the table of formats: distinct finite values, NaN codes, infinities. */
  @ParameterizedTest
  @CsvSource({
    "fp16, 63487, 2046, 2",
    "bf16, 65279, 254, 2",
    "e4m3fn, 253, 2, 0",
    "e5m2, 247, 6, 2"
  })
  void numbersOfValues(String name, long finite, long nans, long infinities) {
    NumericFormat format = Formats.parse(name);
    int codes = 1 << format.width();
    assertEquals(nans, IntStream.range(0, codes).filter(format::isNan).count());
    assertEquals(infinities, IntStream.range(0, codes).filter(format::isInfinite).count());
    assertEquals(
        finite,
        IntStream.range(0, codes)
            .filter(c -> !format.isNan(c) && !format.isInfinite(c))
            .mapToDouble(c -> format.decodeDouble(c) + 0.0) // -0 + 0 = 0
            .distinct()
            .count());
  }

  @Test
  void valuesOfTheSmallFormats() {
    assertValues(Formats.E2M1, 0, .5, 1, 1.5, 2, 3, 4, 6);
    assertValues(Formats.BINARY4P2SF, 0, .25, .5, .75, 1, 1.5, 2, 3);
    assertEquals(240, Formats.E4M3FNUZ.maxFinite());
    assertEquals(0x1p-10f, Formats.E4M3FNUZ.minPositive());
    assertEquals(224, Formats.BINARY8P4SE.maxFinite());
    assertEquals(0x1p126f, Formats.BINARY8P1UF.maxFinite());
    assertEquals(0x1p-127f, Formats.BINARY8P1UF.minPositive());
    assertEquals(0x1p127f, Formats.E8M0.maxFinite());
    assertEquals(0x1p-127f, Formats.E8M0.minPositive());
  }

  private static void assertValues(NumericFormat format, double... values) {
    for (int code = 0; code < values.length; code++) {
      assertEquals(values[code], format.decodeDouble(code));
    }
  }

  @Test
  void unsignedFormatsMakeNegativeNumbersNan() {
    assertEquals(0xFF, Formats.BINARY8P1UF.encode(-1.0, Formats.E8M0.defaultProjection()));
    for (Saturation saturation : SampleFormats.saturations()) {
      Projection projection = new Projection(Rounding.NEAREST_EVEN, saturation);
      assertEquals(0xFF, Formats.E8M0.encode(Double.NEGATIVE_INFINITY, projection));
    }
    assertEquals(0xFF, Formats.E8M0.encode(0.0, Formats.E8M0.defaultProjection()));
    assertEquals(0, Formats.BINARY8P1UF.encode(-0.0, Formats.E8M0.defaultProjection()));
  }

  @Test
  void theNanOfAFormatWithoutNegativeZeroIsThere() {
    assertTrue(Formats.E4M3FNUZ.isNan(0x80));
    assertEquals(0x80, Formats.E4M3FNUZ.encode(1e9, Formats.E4M3FNUZ.defaultProjection()));
    assertEquals(0x00, Formats.E4M3FNUZ.encode(-1e-9, Formats.E4M3FNUZ.defaultProjection()));
  }

  @Test
  void stochasticRoundingNeedsAWord() {
    Projection projection = new Projection(Rounding.stochastic(8), Saturation.IEEE);
    assertThrows(IllegalArgumentException.class, () -> Formats.FP16.encode(Float.NaN, projection));
    assertThrows(IllegalArgumentException.class, () -> Formats.FP16.encode(1f, projection));
    assertThrows(IllegalArgumentException.class, () -> Formats.LNS8.encode(1f, projection));
  }

  /** Sign and the high bits of the payload stay, signaling becomes quiet, doubles as floats. */
  @Test
  void nansOfTheInterchangeFormats() {
    Projection projection = Formats.FP16.defaultProjection();
    double nan = Double.longBitsToDouble(0xFFF5_0000_0000_0000L);
    assertEquals(0xFF40, Formats.FP16.encode(nan, projection));
    assertEquals(0xFFE8_0000, Formats.FP32.encode(nan, projection));
    assertEquals(
        0x7FF8_0400_0000_0000L, Double.doubleToRawLongBits(Formats.FP16.decodeDouble(0x7C01)));
    assertEquals(0xFFC0, Formats.BF16.encode(nan, projection));
  }

  @Test
  void impossibleParametersAreRefused() {
    assertRefused("width = 1, expected 2 to 32", 1, 1, 0, true, false, true, 0, true, true);
    assertRefused("precision = 9, expected 1 to 7", 8, 9, 0, true, false, true, 0, true, true);
    assertRefused("precision = 7, expected 16 to 24", 32, 7, 0, true, false, true, 0, true, true);
    assertRefused("bias = 200000", 8, 4, 200000, true, false, true, 0, true, true);
    assertRefused("width = 32, expected 2 to 31", 32, 24, 0, false, false, false, 0, true, true);
    assertRefused("highNans = 127", 8, 4, 7, true, false, true, 127, true, true);
    assertRefused("zero = false", 8, 4, 7, true, false, false, 0, true, false);
    assertRefused("zero = false", 8, 4, 7, true, false, true, 0, false, false);
    assertRefused("negativeZero = true", 8, 4, 7, false, false, true, 0, true, true);
  }

  private static void assertRefused(
      String hint,
      int width,
      int precision,
      int bias,
      boolean signed,
      boolean infinities,
      boolean negativeZero,
      int highNans,
      boolean subnormals,
      boolean zero) {
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    new FloatFormat(
                        "x",
                        width,
                        precision,
                        bias,
                        signed,
                        infinities,
                        negativeZero,
                        highNans,
                        subnormals,
                        zero))
            .toString();
    assertTrue(message.contains(hint), message);
  }
}
