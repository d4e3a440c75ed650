package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Numbers as text: read with one rounding, printed so that they come back. */
class TextTest {

  @ParameterizedTest
  @CsvSource({
    "fp16, 1.5, 3E00",
    "fp16, -1.5e0, BE00",
    "fp16, .5, 3800",
    "fp16, 0x1.8p0, 3E00",
    "fp16, 0X.8P1, 3C00",
    "fp16, 0x3c00, 3C00",
    "fp16, 0b11110000000000, 3C00",
    "fp16, -0, 8000",
    "fp16, -0x0p0, 8000",
    "fp16, Infinity, 7C00",
    "fp16, -inf, FC00",
    "fp16, nan, 7E00",
    "fp16, nan(0x7e01), 7E01",
    "fp16, 65519.99999999999999999999999999, 7BFF",
    "fp16, 65520, 7C00",
    "fp16, 1e999999999, 7C00",
    "fp16, 1e-999999999, 0000",
    "fp16, 0x1p-999999999, 0000",
    // a tie broken by the 35th digit, which no double holds
    "fp16, 1.00048828125, 3C00",
    "fp16, 1.0004882812500000000000000000000001, 3C01",
    "fp16, 2^-14, 0400",
    "fp16, 2^(1/2), 3DA8",
    "e4m3fn, 448, 7E",
    "e8m0, 3, 81",
    "lns8, 2^(-3/8), 3D",
    "lns8, -2^(-3/8), BD",
    "lns8, 2^(1/16), 40",
    "lns8, 2^(3/16), 42",
    "posit16, nan, 8000",
    "posit16, 1e300, 7FFF",
    "int4, -7.5, 8",
    "nf4, 0.1, 8",
    "lns:b16g1, 2^16383, 7FFF",
    "lns:b16g1, 1e4000, 73E8",
  })
  void parses(String format, String text, String code) {
    NumericFormat f = Formats.parse(format);
    assertEquals(Integer.parseInt(code, 16), Text.parse(f, text, f.defaultProjection()), text);
  }

  @ParameterizedTest
  @CsvSource({
    "fp16, 3C00, 1.0",
    "fp16, 3555, 0.333251953125",
    "fp16, 0001, 5.9604644775390625E-8",
    "fp16, 7BFF, 65504.0",
    "fp16, FC00, -Infinity",
    "fp16, 7E00, NaN",
    "fp16, FE00, -NaN",
    "fp16, 7C01, NaN(0x7C01)",
    "bf16, 0001, 0x1.0p-133",
    "lns8, 3D, 2^(-3/8)",
    "lns8, BE, -2^(-1/4)",
    "lns8, 48, 2.0",
    "mxint8, 80, 0x80",
    "fp4-bnb, 8, 0x8",
    "e2m1, 8, -0.0",
    "posit8, 80, NaN"
  })
  void printsExactly(String format, String code, String text) {
    assertEquals(text, Text.exact(Formats.parse(format), Integer.parseInt(code, 16)));
  }

  @ParameterizedTest
  @CsvSource({
    "fp16, 3555, 0.3333",
    "fp16, 0001, 6E-8",
    "fp16, 7BFF, 65500.0",
    "fp32, 3DCCCCCD, 0.1",
    "bf16, 7F7F, 3.39E+38",
    "e4m3fn, 7E, 450.0",
    "lns8, 41, 1.1",
    "lns:b16g1, 7FFF, 6E+4931"
  })
  void printsShortly(String format, String code, String text) {
    assertEquals(text, Text.shortest(Formats.parse(format), Integer.parseUnsignedInt(code, 16)));
  }

  static Iterable<NumericFormat> narrow() {
    return LawsTest.everyFormat().stream().filter(f -> f.width() <= 10).toList();
  }

  @ParameterizedTest
  @MethodSource("narrow")
  void everyCodeComesBack(NumericFormat format) {
    Projection projection = format.defaultProjection();
    for (int code = 0; code < 1 << format.width(); code++) {
      assertEquals(code, Text.parse(format, Text.exact(format, code), projection));
      assertEquals(code, Text.parse(format, Text.shortest(format, code), projection));
    }
  }

  /** The JDK's own reading of float32, and BigDecimal's digits of doubles. */
  @Test
  void agreesWithTheJdk() {
    Random random = new Random(5);
    Projection projection = Formats.FP32.defaultProjection();
    for (int i = 0; i < 20_000; i++) {
      float x = Float.intBitsToFloat(random.nextInt());
      if (Float.isFinite(x)) {
        String text = Float.toString(x);
        assertEquals(Float.floatToRawIntBits(x), Text.parse(Formats.FP32, text, projection));
        String hex = Float.toHexString(x);
        assertEquals(Float.floatToRawIntBits(x), Text.parse(Formats.FP32, hex, projection));
        assertEquals(
            0,
            new BigDecimal(Text.shortest(Formats.FP32, Float.floatToRawIntBits(x)))
                .round(new java.math.MathContext(3))
                .compareTo(new BigDecimal(text).round(new java.math.MathContext(3))));
      }
      double y = Double.longBitsToDouble(random.nextLong() >>> 12 | 0x3FF0_0000_0000_0000L);
      String digits = new BigDecimal(y).toPlainString();
      for (NumericFormat format : new NumericFormat[] {Formats.FP16, Formats.LNS8}) {
        assertEquals(
            format.encode(y, format.defaultProjection()),
            Text.parse(format, digits, format.defaultProjection()));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "fp16, one, expected a number such as",
    "fp16, '', expected a number such as",
    "fp16, 1e, expected a number such as",
    "fp16, 0x.p1, expected a number such as",
    "fp16, 0x10000, expected a code of at most 16 bits",
    "fp16, nan(0x3c00), expected a code that is NaN in fp16",
    "lns8, 2^(1/3), expected a power of two as the denominator",
    "lns8, 2^3/8, expected a number such as",
    "lns8, 2^(3/8, expected a number such as",
  })
  void refusalsHelp(String format, String text, String hint) {
    NumericFormat f = Formats.parse(format);
    String message =
        assertThrows(
                IllegalArgumentException.class, () -> Text.parse(f, text, f.defaultProjection()))
            .toString();
    assertTrue(message.contains(hint), message);
  }

  @Test
  void longTextsAreRefused() {
    String digits = "1".repeat(10_001);
    Projection projection = Formats.FP16.defaultProjection();
    assertThrows(
        IllegalArgumentException.class, () -> Text.parse(Formats.FP16, digits, projection));
    assertEquals(0x7C00, Text.parse(Formats.FP16, "1".repeat(10_000), projection));
    for (String hostile : new String[] {"9".repeat(9_999) + "x", "0x" + "f".repeat(9_990) + "g"}) {
      String message =
          assertThrows(
                  IllegalArgumentException.class,
                  () -> Text.parse(Formats.FP16, hostile, projection))
              .toString();
      assertTrue(message.length() < 300, message);
    }
  }
}
