package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.formats.Formats;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What PyTorch, and NumPy with ml_dtypes, make of the same numbers; see recipes.py. */
class RecipeGoldenTest {

  record Golden(String name, List<String> parameters, List<Float> x, List<Integer> codes) {
    @Override
    public String toString() {
      return name + " " + parameters;
    }

    float parameter(int i) {
      return bits(parameters.get(i));
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
    List<String> parts = List.of(line.split(" \\| ", -1));
    return new Golden(
        parts.get(0),
        words(parts.get(1)).toList(),
        words(parts.get(2)).map(RecipeGoldenTest::bits).toList(),
        words(parts.get(3)).map(code -> Integer.parseInt(code, 16)).toList());
  }

  private static Stream<String> words(String text) {
    return Arrays.stream(text.split(" ", -1));
  }

  @ParameterizedTest
  @MethodSource("golden")
  void theCodesAreTheSame(Golden golden) {
    float[] numbers = new float[golden.x.size()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = golden.x.get(i);
    }
    Tensor x = Tensor.of(numbers, numbers.length);
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
      assertEquals(Integer.parseInt(golden.parameters.getFirst(), 16), scale);
    }
    if (golden.name.equals("nvfp4")) {
      assertEquals(golden.parameter(0), quantized.scales().outer().orElseThrow().get(0));
      for (int k = 0; k < 4; k++) {
        float scale = Formats.E4M3FN.decode(Integer.parseInt(golden.parameters.get(k + 1), 16));
        assertEquals(scale, quantized.scales().scale(k));
      }
    }
    List<Integer> codes = new ArrayList<>();
    for (byte code : quantized.storage().segment().toArray(ValueLayout.JAVA_BYTE)) {
      codes.add(Byte.toUnsignedInt(code));
    }
    assertEquals(golden.codes, codes);
  }

  private static Tensor under(Quantizer quantizer, Tensor x, Golden golden) {
    return quantizer.quantize(x, Scales.of(golden.parameter(0)), null);
  }

  private static Tensor affine(Division division, Tensor x, Golden golden) {
    Scales scales =
        Scales.of(golden.parameter(0)).withZeroPoints(Integer.parseInt(golden.parameters.get(1)));
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
