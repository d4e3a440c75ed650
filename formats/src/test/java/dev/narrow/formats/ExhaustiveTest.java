package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** All 2^32 floats, in 65,536 blocks of one upper half each. */
class ExhaustiveTest {
  private static final int BLOCK = 1 << 16;

  /**
   * The codec, and integer rounding, which a codec uses where the JDK's conversion is slow.
   * Encoding one by one is in the sweeps below, and at all its switching points in {@link
   * OracleTest}.
   */
  @Test
  void halfPrecisionIsTheJdksForEveryFloat() {
    Projection projection = Formats.FP16.defaultProjection();
    Codec codec = Codec.of(Formats.FP16, projection);
    assertEveryFloat(
        new FloatKernel(Formats.FP16, projection),
        (floats, codes) -> {
          short[] half = new short[floats.length];
          codec.encode(floats, 0, half, 0, floats.length);
          for (int i = 0; i < floats.length; i++) {
            codes[i] = Float.floatToFloat16(floats[i]) & 0xFFFF;
            if ((short) codes[i] != half[i]) {
              assertEquals((short) codes[i], half[i], "codec");
            }
          }
        });
  }

  @Test
  void halfPrecisionDecodesAsTheJdkForEveryCode() {
    for (int code = 0; code < 1 << 16; code++) {
      assertEquals(
          Float.floatToRawIntBits(Float.float16ToFloat((short) code)),
          Float.floatToRawIntBits(Formats.FP16.decode(code)));
    }
  }

  @Test
  void floatsAreTheirOwnCodesButForSignalingNaNs() {
    FloatFormat f = Formats.FP32;
    IntStream.range(0, 1 << 16)
        .parallel()
        .forEach(high -> {
          for (int low = 0; low < 1 << 16; low += 4099) {
            int bits = (high << 16) | low;
            float x = Float.intBitsToFloat(bits);
            int quiet = Float.isNaN(x) ? bits | 0x40_0000 : bits;
            assertEquals(quiet, f.encode(x, f.defaultProjection()));
            assertEquals(quiet, Float.floatToRawIntBits(f.decode(bits)));
          }
        });
  }

  static List<NumericFormat> formats() {
    return List.of(
        Formats.FP16,
        Formats.BF16,
        Formats.E4M3FN,
        Formats.E5M2,
        Formats.LNS8,
        Formats.LNS8_MADAM,
        Formats.E4M3FNUZ);
  }

  @Tag("exhaustive")
  @ParameterizedTest
  @MethodSource("formats")
  void bulkIsGenericForEveryFloat(NumericFormat format) {
    List<Rounding> roundings =
        format instanceof LogFormat
            ? List.of(Rounding.NEAREST_EVEN, Rounding.NEAREST_EVEN.linear())
            : List.of(Rounding.NEAREST_EVEN);
    for (Rounding rounding : roundings) {
      Projection projection = format.defaultProjection().with(rounding);
      Kernel kernel = Kernel.of(format, projection);
      assertNotEquals(Kernel.class, kernel.getClass(), "nothing to compare");
      assertEveryFloat(
          kernel,
          (floats, codes) -> {
            for (int i = 0; i < floats.length; i++) {
              codes[i] = format.encode(floats[i], projection);
            }
          });
    }
  }

  private interface Reference {
    void encode(float[] floats, int[] codes);
  }

  private static void assertEveryFloat(Kernel kernel, Reference reference) {
    IntStream.range(0, 1 << 16)
        .parallel()
        .forEach(high -> {
          float[] floats = new float[BLOCK];
          int[] codes = new int[BLOCK];
          int[] expected = new int[BLOCK];
          for (int low = 0; low < BLOCK; low++) {
            floats[low] = Float.intBitsToFloat((high << 16) | low);
          }
          kernel.encode(floats, 0, codes, 0, BLOCK);
          reference.encode(floats, expected);
          int at = Arrays.mismatch(expected, codes);
          if (at >= 0) {
            assertEquals(
                expected[at], codes[at], "%s: %a".formatted(kernel.format.name(), floats[at]));
          }
        });
  }
}
