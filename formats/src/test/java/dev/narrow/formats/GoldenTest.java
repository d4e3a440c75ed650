package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/**
 * The default projections against Python's ml_dtypes and NumPy, whose answers golden.py wrote down.
 * The library departs from them for NaN alone:
 *
 * <ul>
 *   <li>fp16: NumPy leaves a signaling NaN signaling, with payload 1 if nothing else is left of it;
 *       here NaNs become quiet, in both directions.
 *   <li>bf16: a decoded NaN keeps its payload there, here it is the canonical one.
 *   <li>e3m2 and e2m1 have no NaN: there a NaN becomes a zero of the opposite sign, here the
 *       negative zero whatever its sign.
 * </ul>
 */
class GoldenTest {
  private static final Map<String, NumericFormat> FORMATS =
      Map.of(
          "fp16", Formats.FP16,
          "bf16", Formats.BF16,
          "e4m3fn", Formats.E4M3FN,
          "e5m2", Formats.E5M2,
          "e4m3", Formats.E4M3,
          "e4m3fnuz", Formats.E4M3FNUZ,
          "e3m2", Formats.E3M2,
          "e2m1", Formats.E2M1);

  @Test
  void agreesWithMlDtypesAndNumPy() throws IOException {
    List<String> lines;
    try (InputStream in =
        Objects.requireNonNull(GoldenTest.class.getResourceAsStream("golden.txt"))) {
      lines = new String(in.readAllBytes(), StandardCharsets.US_ASCII).lines().toList();
    }
    int checked = 0;
    for (String line : lines) {
      String[] words = line.split(" ", -1);
      switch (words[0]) {
        case "encode" -> {
          encode(words[1], bits(words[2]), bits(words[3]), line);
          checked++;
        }
        case "decode" -> {
          decode(words[1], bits(words[2]), bits(words[3]), line);
          checked++;
        }
        default -> assertEquals("#", words[0]);
      }
    }
    assertTrue(checked > 20_000, checked + " lines");
  }

  private static int bits(String hex) {
    return Integer.parseUnsignedInt(hex, 16);
  }

  private static void encode(String name, int x, int code, String line) {
    NumericFormat format = Objects.requireNonNull(FORMATS.get(name));
    int expected = code;
    if (Float.isNaN(Float.intBitsToFloat(x))) {
      expected =
          switch (name) {
            case "fp16" -> ((x >>> 16) & 0x8000) | 0x7E00 | ((x >>> 13) & 0x1FF);
            case "e3m2" -> 0x20;
            case "e2m1" -> 0x8;
            default -> code;
          };
    }
    int actual = format.encode(Float.intBitsToFloat(x), format.defaultProjection());
    assertEquals(expected, actual, line);
  }

  private static void decode(String name, int code, int x, String line) {
    NumericFormat format = Objects.requireNonNull(FORMATS.get(name));
    int expected = x;
    if (Float.isNaN(Float.intBitsToFloat(x))) {
      expected =
          switch (name) {
            case "fp16" -> x | 0x40_0000;
            case "bf16" -> (x & 0x8000_0000) | 0x7FC0_0000;
            default -> x;
          };
    }
    assertEquals(expected, Float.floatToRawIntBits(format.decode(code)), line);
  }
}
