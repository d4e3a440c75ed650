package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The presets code by code, written down from their sources: OCP OFP8 1.0 and the ONNX
 * documentation of float8 casts for the OCP and ONNX rows, ml_dtypes 0.6.0 and PyTorch 2.13 (CPU)
 * as they were observed to nearest, IEEE P3109 4.0 for its three modes, IEEE 754 (7.4) for the
 * rest.
 */
class SaturationTest {

  private static Saturation preset(String name) {
    return switch (name) {
      case "ieee" -> Saturation.IEEE;
      case "ocp-sat" -> Saturation.OCP_SAT;
      case "ocp-nonsat" -> Saturation.OCP_NONSAT;
      case "onnx-sat" -> Saturation.ONNX_SAT;
      case "torch" -> Saturation.TORCH;
      case "ml-dtypes" -> Saturation.ML_DTYPES;
      case "p3109-finite" -> Saturation.P3109_FINITE;
      case "p3109-propagate" -> Saturation.P3109_PROPAGATE;
      case "p3109-none" -> Saturation.P3109_NONE;
      default -> throw new IllegalArgumentException(name);
    };
  }

  /** The codes of 1e9 and of infinity to nearest, and of 1e9 toward zero. */
  @ParameterizedTest
  @CsvSource({
    "ieee, e4m3fn, 7F, 7F, 7E",
    "ocp-sat, e4m3fn, 7E, 7E, 7E",
    "ocp-nonsat, e4m3fn, 7F, 7F, 7F",
    "onnx-sat, e4m3fn, 7E, 7E, 7E",
    "torch, e4m3fn, 7E, 7E, 7E",
    "ml-dtypes, e4m3fn, 7F, 7F, 7F",
    "p3109-finite, e4m3fn, 7E, 7E, 7E",
    "p3109-propagate, e4m3fn, 7E, 7E, 7E",
    "p3109-none, e4m3fn, 7E, 7E, 7E",
    "ieee, e5m2, 7C, 7C, 7B",
    "ocp-sat, e5m2, 7B, 7B, 7B",
    "ocp-nonsat, e5m2, 7C, 7C, 7C",
    "onnx-sat, e5m2, 7B, 7B, 7B",
    "torch, e5m2, 7C, 7C, 7C",
    "ml-dtypes, e5m2, 7C, 7C, 7C",
    "p3109-finite, e5m2, 7B, 7B, 7B",
    "p3109-propagate, e5m2, 7B, 7C, 7B",
    "p3109-none, e5m2, 7C, 7C, 7B",
    "ieee, e4m3fnuz, 80, 80, 7F",
    "ocp-sat, e4m3fnuz, 7F, 7F, 7F",
    "ocp-nonsat, e4m3fnuz, 80, 80, 80",
    "onnx-sat, e4m3fnuz, 7F, 80, 7F",
    "torch, e4m3fnuz, 80, 80, 80",
    "ml-dtypes, e4m3fnuz, 80, 80, 80",
    "p3109-finite, e4m3fnuz, 7F, 7F, 7F",
    "p3109-propagate, e4m3fnuz, 7F, 7F, 7F",
    "p3109-none, e4m3fnuz, 7F, 7F, 7F"
  })
  void presetsOfEightBits(
      String name, String format, String overflow, String infinity, String inward) {
    FloatFormat f =
        switch (format) {
          case "e4m3fn" -> Formats.E4M3FN;
          case "e5m2" -> Formats.E5M2;
          default -> Formats.E4M3FNUZ;
        };
    Projection nearest = new Projection(Rounding.NEAREST_EVEN, preset(name));
    assertCode(overflow, f, 1e9, nearest);
    assertCode(infinity, f, Double.POSITIVE_INFINITY, nearest);
    assertCode(inward, f, 1e9, nearest.with(Rounding.TOWARD_ZERO));
  }

  private static void assertCode(
      String expected, FloatFormat format, double x, Projection projection) {
    assertEquals(
        expected, "%02X".formatted(format.encode(x, projection)), () -> format.name() + " of " + x);
    // The sign changes nothing but the sign bit; the one NaN of a fnuz format has it anyway.
    assertEquals(
        Integer.parseInt(expected, 16) | 0x80, format.encode(-x, projection), "of the negative");
  }

  /** What formats without NaN make of one: ml_dtypes a negative zero, CUDA the largest number. */
  @ParameterizedTest
  @CsvSource({"ml-dtypes, 8", "ieee, 7", "ocp-sat, 7"})
  void nanWithoutNan(String name, int code) {
    Projection projection = new Projection(Rounding.NEAREST_EVEN, preset(name));
    assertEquals(code, Formats.E2M1.encode(Double.NaN, projection));
  }
}
