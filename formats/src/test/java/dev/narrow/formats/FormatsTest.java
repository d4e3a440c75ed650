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
    "binary16, fp16",
    "FLOAT8E4M3FN, e4m3fn",
    "float8_e4m3, e4m3",
    "F8_E8M0, e8m0",
    "float4_e2m1fn, e2m1",
    "U8, uint8",
    "'float:e4m3,inf=no,nan=one', e4m3fn",
    "'float:e4m3,inf=no,nan=zero,bias=8', e4m3fnuz",
    "'float:e2m1,inf=no,nan=none', e2m1",
    "'float:e8m0,signed=no,zero=no,inf=no,nan=one', e8m0",
    "float:e8m10, tf32",
    "posit:b8e2, posit8",
    "fixed:b8f0, int8",
    "ufixed:b4f0, uint4"
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
    "tf32, 0x1.ffcp127, 0x1p-136",
    "e4m3, 240, 0x1p-9",
    "e3m4, 15.5, 0x1p-6",
    "e4m3fnuz, 240, 0x1p-10",
    "e5m2fnuz, 57344, 0x1p-17",
    "e4m3b11fnuz, 30, 0x1p-13",
    "e2m3, 7.5, 0.125",
    "e3m2, 28, 0.0625",
    "e2m1, 6, 0.5",
    "e8m0, 0x1p127, 0x1p-127",
    "mxint8, 1.984375, 0.015625",
    "binary8p4se, 224, 0x1p-10",
    "binary8p3se, 49152, 0x1p-17",
    "binary8p1uf, 0x1p126, 0x1p-127",
    "binary4p2sf, 3, 0.25",
    "posit8, 0x1p24, 0x1p-24",
    "posit16, 0x1p56, 0x1p-56",
    "posit32, 0x1p120, 0x1p-120",
    "int4, 7, 1",
    "uint2, 3, 1",
    "nf4, 1, 0.0795803",
    "lns8, 234.75304, 0.004259796",
    "lns8-madam, 234.75304, 0.00390625",
  })
  void extremes(String name, String max, String min) {
    NumericFormat format = Formats.parse(name);
    assertEquals(Float.parseFloat(max), format.maxFinite());
    assertEquals(Float.parseFloat(min), format.minPositive());
  }

  @ParameterizedTest
  @CsvSource({
    "posit012, posit12",
    "posit:b12e2, posit12",
    "posit:b012e01, posit:b12e1",
    "fixed:b08f01, fixed:b8f1",
    "'float:e05m9,bias=15,inf=yes', float:e5m9",
    "'float:e4m2,nan=one,inf=no', 'float:e4m2,inf=no,nan=one'"
  })
  void oneFormatHasOneName(String spelling, String name) {
    assertEquals(name, Formats.parse(spelling).name());
    assertEquals(Formats.parse(name), Formats.parse(spelling));
  }

  @Test
  void longNamesAreRefusedShortly() {
    for (String name : new String[] {"x".repeat(1_000_000), "posit" + "9".repeat(1_000_000)}) {
      String message =
          assertThrows(IllegalArgumentException.class, () -> Formats.parse(name)).toString();
      assertTrue(message.length() < 500, message);
      assertThrows(IllegalArgumentException.class, () -> Operation.parse(name));
      assertThrows(IllegalArgumentException.class, () -> Rounding.parse(name));
      assertThrows(IllegalArgumentException.class, () -> Saturation.parse(name));
    }
  }

  @Test
  void everyAliasIsAName() {
    for (NumericFormat format : Formats.all()) {
      Formats.aliases(format).forEach(alias -> assertSame(format, Formats.parse(alias)));
    }
  }

  @Test
  void namesWithTwoMeaningsSaySo() {
    assertEquals(
        "IEEE style, largest value 240; OCP's is e4m3fn",
        Formats.remark(Formats.E4M3).orElseThrow());
    assertTrue(Formats.remark(Formats.FP16).isEmpty());
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
    "fp8, did you mean e4m3fn or e5m2",
    "e4m3fm, e4m3fn",
    "bf17, bf16",
    "lns:b17g8, 'width = 17, expected 2 to 16'",
    "lns:b1g8, 'width = 1, expected 2 to 16'",
    "lns:b8g12, 'gamma = 12, expected a power of two from 1 to 32768'",
    "float:e0m0, 'exponent bits = 0, expected 1 to 11'",
    "float:e12m3, 'exponent bits = 12, expected 1 to 11'",
    "float:e4m24, 'fraction bits = 24, expected 0 to 23'",
    "float:e11m23, 'width = 35, expected 2 to 32'",
    "float:e1m0, 'nan = all, inf = yes leave no two finite magnitudes of 2'",
    "'float:e5m10,zero=no,subnormals=yes', zero = false",
    "'float:e4m3,bais=7', 'option \"bais\", expected one of bias, inf'",
    "'float:e4m3,nan=two', 'nan = \"two\", expected all, one, zero, none'",
    "'float:e4m3,bias=7,bias=8', 'option \"bias\" is there twice'",
    "'float:e4m3,signed=no,nan=zero', 'nan = zero, expected another'",
    "binary8p8se, 'precision = 8, expected 1 to 7'",
    "binary2p1se, 'width = 2, expected 3 to 16'",
    "posit33, 'width = 33, expected 3 to 32'",
    "posit:b8e5, 'exponentBits = 5, expected 0 to 4'",
    "fixed:b33f0, 'width = 33, expected 2 to 32'",
  })
  void refusalsHelp(String name, String hint) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> Formats.parse(name)).toString();
    assertTrue(message.contains(hint), message);
  }
}
