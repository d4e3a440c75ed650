package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The default projections against Python's ml_dtypes and NumPy, and the projection of PyTorch
 * against PyTorch, whose answers golden.py wrote down. The library departs from them where {@link
 * Divergence} says, and each of the divergences occurs.
 */
class GoldenTest {

  /** Where another library does something else, and why this one does not follow. */
  enum Divergence {
    /**
     * NumPy leaves a signaling NaN signaling, with payload 1 if nothing else is left of it. Here
     * NaNs become quiet in both directions, as IEEE 754 (6.2) asks of operations and as {@link
     * Float#floatToFloat16} does.
     */
    NUMPY_FP16_SIGNALING,
    /** A decoded bf16 NaN keeps its payload in ml_dtypes; here it is the canonical one. */
    ML_DTYPES_BF16_PAYLOAD,
    /**
     * Formats without NaN: there a NaN becomes a zero of the opposite sign, by accident of a table;
     * here the negative zero whatever its sign.
     */
    ML_DTYPES_NAN_WITHOUT_NAN,
    /**
     * ml_dtypes and PyTorch round every subnormal float32 above 2^-127 up to the scale 2^-126; here
     * those nearer to 2^-127 become that.
     */
    E8M0_SUBNORMAL,
    /** ml_dtypes converts float64 through float32, and so rounds twice; here, as in NumPy, once. */
    ML_DTYPES_TWICE,
    /** PyTorch's NaNs have all bits of the significand set; here the top one. */
    TORCH_NAN,
    /**
     * PyTorch ignores the sign of what becomes E8M0, and makes 0 the smallest scale. Here, as in
     * ml_dtypes, numbers that a scale cannot be are NaN, so that they do not pass for scales.
     */
    TORCH_E8M0_SIGN
  }

  private static final List<String[]> LINES = new ArrayList<>();

  @BeforeAll
  static void read() throws IOException {
    try (InputStream in =
        Objects.requireNonNull(GoldenTest.class.getResourceAsStream("golden.txt"))) {
      new String(in.readAllBytes(), StandardCharsets.US_ASCII)
          .lines()
          .map(line -> line.split(" ", -1))
          .forEach(LINES::add);
    }
  }

  private static int bits(String hex) {
    return Integer.parseUnsignedInt(hex, 16);
  }

  @Test
  void decodesAsMlDtypesAndNumPy() {
    EnumMap<Divergence, Integer> divergences = new EnumMap<>(Divergence.class);
    for (String[] line : LINES) {
      if (!line[0].equals("decode")) {
        continue;
      }
      NumericFormat format = Formats.parse(line[1]);
      int expected = bits(line[3]);
      boolean nan = Float.isNaN(Float.intBitsToFloat(expected));
      if (nan && format.equals(Formats.FP16) && (expected & 0x40_0000) == 0) {
        divergences.merge(Divergence.NUMPY_FP16_SIGNALING, 1, Integer::sum);
        expected |= 0x40_0000;
      } else if (nan && format.equals(Formats.BF16) && (expected & 0x7FFF_FFFF) != 0x7FC0_0000) {
        divergences.merge(Divergence.ML_DTYPES_BF16_PAYLOAD, 1, Integer::sum);
        expected = (expected & 0x8000_0000) | 0x7FC0_0000;
      }
      int actual = Float.floatToRawIntBits(format.decode(bits(line[2])));
      assertEquals(expected, actual, () -> String.join(" ", line));
    }
    assertEquals(2, divergences.size(), divergences.toString());
  }

  @Test
  void encodesAsMlDtypesAndNumPy() {
    EnumMap<Divergence, Integer> divergences = new EnumMap<>(Divergence.class);
    for (String[] line : LINES) {
      if (!line[0].equals("encode")) {
        continue;
      }
      FloatFormat format = (FloatFormat) Formats.parse(line[1]);
      int x = bits(line[2]);
      int expected = bits(line[3]);
      boolean nan = Float.isNaN(Float.intBitsToFloat(x));
      if (nan && format.equals(Formats.FP16) && (x & 0x40_0000) == 0) {
        divergences.merge(Divergence.NUMPY_FP16_SIGNALING, 1, Integer::sum);
        expected = ((x >>> 16) & 0x8000) | 0x7E00 | ((x >>> 13) & 0x1FF);
      } else if (nan && !format.hasNan() && x < 0) {
        divergences.merge(Divergence.ML_DTYPES_NAN_WITHOUT_NAN, 1, Integer::sum);
        expected = 1 << (format.width() - 1);
      } else if (roundsDownToLeastScale(format, Float.intBitsToFloat(x))) {
        divergences.merge(Divergence.E8M0_SUBNORMAL, 1, Integer::sum);
        assertEquals(1, expected);
        expected = 0;
      }
      int actual = format.encode(Float.intBitsToFloat(x), format.defaultProjection());
      assertEquals(expected, actual, () -> String.join(" ", line));
    }
    assertEquals(3, divergences.size(), divergences.toString());
  }

  private static boolean roundsDownToLeastScale(NumericFormat format, float x) {
    return format.equals(Formats.E8M0) && x > 0x1p-127f && x < 0x1.8p-127f;
  }

  @Test
  void roundsDoublesOnceAsNumPy() {
    EnumMap<Divergence, Integer> divergences = new EnumMap<>(Divergence.class);
    int checked = 0;
    for (String[] line : LINES) {
      if (line[0].equals("double")) {
        NumericFormat format = Formats.parse(line[1]);
        double x = Double.longBitsToDouble(Long.parseUnsignedLong(line[2], 16));
        int expected = bits(line[3]);
        int actual = format.encode(x, format.defaultProjection());
        if (!format.equals(Formats.FP16) && actual != expected) {
          divergences.merge(Divergence.ML_DTYPES_TWICE, 1, Integer::sum);
          actual = format.encode((float) x, format.defaultProjection());
        }
        assertEquals(expected, actual, String.join(" ", line));
        checked++;
      }
    }
    assertTrue(checked > 5000, checked + " lines");
    assertEquals(1, divergences.size(), divergences.toString());
  }

  @Test
  void encodesAsPyTorch() {
    Map<String, Integer> others = new HashMap<>();
    for (String[] line : LINES) {
      if (line[0].equals("torch")) {
        others.put(line[1] + " " + line[2], bits(line[3]));
      }
    }
    EnumMap<Divergence, Integer> divergences = new EnumMap<>(Divergence.class);
    List<FloatFormat> formats =
        List.of(
            Formats.FP16,
            Formats.BF16,
            Formats.E4M3FN,
            Formats.E5M2,
            Formats.E4M3FNUZ,
            Formats.E5M2FNUZ,
            Formats.E8M0);
    for (String[] line : LINES) {
      if (!line[0].equals("encode") || !formats.contains(Formats.parse(line[1]))) {
        continue;
      }
      FloatFormat format = (FloatFormat) Formats.parse(line[1]);
      float x = Float.intBitsToFloat(bits(line[2]));
      int expected = others.getOrDefault(line[1] + " " + line[2], bits(line[3]));
      Rounding rounding = format.defaultProjection().rounding();
      int actual = format.encode(x, new Projection(rounding, Saturation.TORCH));
      if (Float.isNaN(x) && actual != expected) {
        divergences.merge(Divergence.TORCH_NAN, 1, Integer::sum);
        assertTrue(format.isNan(actual) && format.isNan(expected), String.join(" ", line));
      } else if (format.equals(Formats.E8M0) && !(x > 0)) {
        divergences.merge(Divergence.TORCH_E8M0_SIGN, 1, Integer::sum);
        assertTrue(format.isNan(actual), String.join(" ", line));
      } else if (roundsDownToLeastScale(format, x)) {
        divergences.merge(Divergence.E8M0_SUBNORMAL, 1, Integer::sum);
        assertEquals(expected, actual + 1, String.join(" ", line));
      } else {
        assertEquals(expected, actual, () -> String.join(" ", line));
      }
    }
    assertEquals(3, divergences.size(), divergences.toString());
  }
}
