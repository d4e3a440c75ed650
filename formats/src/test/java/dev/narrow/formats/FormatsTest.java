package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Formats by name, and the extreme values that each is known by. */
class FormatsTest {

  @Test
  void everyKnownFormatIsFoundByItsName() {
    Formats.all().forEach(format -> assertSame(format, Formats.parse(format.name())));
  }

  @ParameterizedTest
  @CsvSource({
    "half, fp16",
    "float16, fp16",
    "BFloat16, bf16",
    "F8_E4M3, e4m3fn",
    "float8_e5m2, e5m2",
    " float32 , fp32",
    "binary16, fp16"
  })
  void commonAliases(String alias, String name) {
    assertEquals(Formats.parse(name), Formats.parse(alias));
  }

  @ParameterizedTest
  @CsvSource({
    "fp32, 0x1.fffffep127, 0x1p-149",
    "fp16, 65504, 0x1p-24",
    "bf16, 0x1.fep127, 0x1p-133",
    "e4m3fn, 448, 0x1p-9",
    "e5m2, 57344, 0x1p-16",
    "float:e5m10, 65504, 0x1p-24",
    "float:e4m3, 240, 0x1p-9",
    "lns8, 234.75304, 0.004259796",
    "lns8-madam, 234.75304, 0.00390625",
  })
  void extremes(String name, String max, String min) {
    NumericFormat format = Formats.parse(name);
    assertEquals(Float.parseFloat(max), format.maxFinite());
    assertEquals(Float.parseFloat(min), format.minPositive());
  }

  @Test
  void parametersMakeTheSameFormat() {
    assertEquals(
        new LogFormat("lns:b16g2048-madam", 16, 2048, 1 << 14, LogFormat.Zero.NONE),
        Formats.parse("lns:b16g2048-madam"));
    assertSame(Formats.LNS8, Formats.parse("lns:b8g8"));
    assertSame(Formats.LNS8_MADAM, Formats.parse("lns:b8g8-madam"));
    assertSame(Formats.FP16, Formats.parse("float:e5m10"));
    assertEquals("float:e5m9", Formats.parse("float:e5m9").name());
  }

  @ParameterizedTest
  @CsvSource({
    "e4m3, did you mean e4m3fn",
    "e4m3fm, e4m3fn",
    "bf17, bf16",
    "lns:b17g8, 'width = 17, expected 2 to 16'",
    "lns:b1g8, 'width = 1, expected 2 to 16'",
    "lns:b8g12, 'gamma = 12, expected a power of two from 1 to 32768'",
    "lns:b16g8, expected a larger gamma",
    "float:e9m3, 'exponent bits = 9, expected 2 to 8'",
    "float:e4m24, 'fraction bits = 24, expected 1 to 23'",
  })
  void refusalsHelp(String name, String hint) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> Formats.parse(name)).toString();
    assertTrue(message.contains(hint), message);
  }
}
