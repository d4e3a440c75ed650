package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.formats.Formats;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What PyTorch, and NumPy with ml_dtypes, make of the same numbers; see recipes.py. */
class RecipeGoldenTest {

  record Golden(String name, String[] parameters, float[] x, int[] codes) {
    @Override
    public String toString() {
      return name + " " + Arrays.toString(parameters);
    }

    float parameter(int i) {
      return bits(parameters[i]);
    }
  }

  private static float bits(String hex) {
    return Float.intBitsToFloat(Integer.parseUnsignedInt(hex, 16));
  }

  static List<Golden> golden() throws IOException {
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(RecipeGoldenTest.class.getResourceAsStream("recipes.txt")),
                StandardCharsets.US_ASCII))) {
      return lines.lines().filter(l -> !l.startsWith("#")).map(RecipeGoldenTest::parse).toList();
    }
  }

  private static Golden parse(String line) {
    String[] parts = line.split(" \\| ", -1);
    String[] numbers = parts[2].split(" ");
    float[] x = new float[numbers.length];
    for (int i = 0; i < x.length; i++) {
      x[i] = bits(numbers[i]);
    }
    int[] codes =
        Arrays.stream(parts[3].split(" ")).mapToInt(c -> Integer.parseInt(c, 16)).toArray();
    return new Golden(parts[0], parts[1].split(" "), x, codes);
  }

  @ParameterizedTest
  @MethodSource("golden")
  void theCodesAreTheSame(Golden golden) {
    Tensor x = Tensor.of(golden.x, golden.x.length);
    Tensor quantized =
        switch (golden.name) {
          case "fp8" -> under(Recipes.parse("fp8"), x, golden);
          case "fp8-e5m2" -> under(Recipes.parse("e5m2"), x, golden);
          case "quantize_per_tensor" -> affine(Division.RECIPROCAL_FUSED, x, golden);
          case "quantize_per_channel" -> affine(Division.RECIPROCAL_SHIFTED, x, golden);
          case "fake_quantize" -> affine(Division.RECIPROCAL, x, golden);
          default -> Recipes.parse(golden.name).quantize(x);
        };
    if (golden.name.startsWith("mx")) {
      int scale = Formats.E8M0.encode(quantized.scales().get(0), Formats.E8M0.defaultProjection());
      assertEquals(Integer.parseInt(golden.parameters[0], 16), scale);
    }
    if (golden.name.equals("nvfp4")) {
      assertEquals(golden.parameter(0), quantized.scales().outer().orElseThrow().get(0));
      for (int k = 0; k < 4; k++) {
        float scale = Formats.E4M3FN.decode(Integer.parseInt(golden.parameters[k + 1], 16));
        assertEquals(scale, quantized.scales().scale(k));
      }
    }
    int[] codes = new int[golden.codes.length];
    for (int i = 0; i < codes.length; i++) {
      codes[i] =
          Byte.toUnsignedInt(quantized.storage().segment().getAtIndex(ValueLayout.JAVA_BYTE, i));
    }
    assertArrayEquals(golden.codes, codes);
  }

  private static Tensor under(Quantizer quantizer, Tensor x, Golden golden) {
    return quantizer.quantize(x, Scales.of(golden.parameter(0)), null);
  }

  private static Tensor affine(Division division, Tensor x, Golden golden) {
    Scales scales =
        Scales.of(golden.parameter(0)).withZeroPoints(Integer.parseInt(golden.parameters[1]));
    return Recipes.parse("int8-asymmetric").with(division).quantize(x, scales, null);
  }

  /** MinMaxObserver's rule: the range is widened to hold zero, which has a code of its own. */
  @Test
  void theRangeOfAllCodesIsUsed() {
    Tensor quantized =
        Recipes.parse("int8-asymmetric").quantize(Tensor.of(new float[] {-1, 0, 1.55f}, 3));
    assertEquals(2.55f / 255, quantized.scales().get(0), 1e-9f);
    assertEquals(-28, quantized.scales().zeroPoint(0));
    assertArrayEquals(new float[] {-1, 0, 1.55f}, quantized.toFloats(), 1e-6f);
  }
}
