package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.FloatRange;
import org.junit.jupiter.api.Test;

class WeightRoundingTest {
  private static final WeightRounding NEAREST = WeightRounding.parse("nearest");

  @Test
  void methodsAreNamed() {
    assertEquals(new WeightRounding.Nearest(), WeightRounding.parse(" Nearest "));
    assertEquals(new WeightRounding.Stochastic(0), WeightRounding.parse("stochastic"));
    assertEquals(Gptq.DEFAULT, WeightRounding.parse("gptq"));
    assertEquals(new Gptq(0.01, true), WeightRounding.parse("gptq:act-order"));
    assertEquals(
        new WeightRounding.Rotated(new Hadamard(32, 0), NEAREST), WeightRounding.parse("hadamard"));
    assertEquals(
        new WeightRounding.Rotated(new Hadamard(128, 7), Gptq.DEFAULT),
        WeightRounding.parse("hadamard:128:7+gptq"));
  }

  @Test
  void whatAMethodWritesIsReadBack() {
    for (String text :
        List.of(
            "nearest",
            "stochastic:-5",
            "gptq:0.05:act-order",
            "hadamard:64:3+nearest",
            "hadamard:16:1+gptq:0.01",
            "hadamard:1:0+stochastic:2")) {
      assertEquals(text, WeightRounding.parse(text).toString());
    }
  }

  @Test
  void namesThatAreNearAreTold() {
    var refused = assertThrows(IllegalArgumentException.class, () -> WeightRounding.parse("gtpq"));
    assertTrue(
        String.valueOf(refused.getMessage()).startsWith("method = \"gtpq\", expected one of gptq"),
        refused.getMessage());
    for (String text :
        List.of(
            "",
            "nearest:1",
            "nearest+gptq",
            "stochastic:x",
            "stochastic:1:2",
            "gptq:2",
            "gptq:act",
            "gptq:0.1:0.2",
            "hadamard:12",
            "hadamard:99999999999",
            "hadamard:8:1:2",
            "hadamard+",
            "hadamard+hadamard")) {
      var wrong =
          assertThrows(IllegalArgumentException.class, () -> WeightRounding.parse(text), text);
      assertTrue(String.valueOf(wrong.getMessage()).contains("expected"), wrong.getMessage());
    }
  }

  @Test
  void onlyGptqNeedsActivations() {
    assertFalse(NEAREST.needsActivations());
    assertFalse(WeightRounding.parse("stochastic").needsActivations());
    assertFalse(WeightRounding.parse("hadamard").needsActivations());
    assertTrue(WeightRounding.parse("gptq").needsActivations());
    assertTrue(WeightRounding.parse("hadamard+gptq").needsActivations());
  }

  @Provide
  Arbitrary<String> formats() {
    return Arbitraries.of("int4", "e2m1", "e4m3fn", "lns8", "nf4");
  }

  /**
   * By Hoeffding's inequality the mean of 65535 draws is farther than 0.02 steps from its
   * expectation with probability below 1e-22. The widest step of these formats below an amax of 1
   * is E2M1's, 1/3.
   */
  @Property(tries = 60)
  void stochasticRoundingHasNoBias(
      @ForAll("formats") String format,
      @ForAll @FloatRange(min = -1, max = 1) float x,
      @ForAll long seed) {
    float[] values = new float[65536];
    Arrays.fill(values, x);
    values[0] = 1; // amax
    Quantizer quantizer =
        Quantizer.of(Formats.parse(format))
            .with(format.equals("nf4") ? ScaleRule.AMAX : ScaleRule.AMAX_TO_MAX_FINITE);
    Tensor quantized =
        new WeightRounding.Stochastic(seed)
            .quantize(Tensor.of(values, values.length), quantizer, null);
    double sum = 0;
    float[] rounded = quantized.toFloats();
    for (int i = 1; i < rounded.length; i++) {
      sum += rounded[i];
    }
    assertEquals(x, sum / (rounded.length - 1), 0.02 / 3);
  }

  @Test
  void nearestIsBiasedWhereStochasticIsNot() {
    float[] values = new float[65536];
    Arrays.fill(values, 0.3f);
    values[0] = 7;
    Quantizer int4 = Quantizer.of(Formats.INT4).with(ScaleRule.AMAX_TO_MAX_FINITE);
    Tensor tensor = Tensor.of(values, values.length);
    assertEquals(0f, NEAREST.quantize(tensor, int4, null).toFloats()[1], "every one flushed");
    float[] rounded = new WeightRounding.Stochastic(1).quantize(tensor, int4, null).toFloats();
    int ones = 0;
    for (int i = 1; i < rounded.length; i++) {
      assertTrue(rounded[i] == 0 || rounded[i] == 1);
      ones += (int) rounded[i];
    }
    assertEquals(0.3, ones / 65535.0, 0.01);
  }

  /** A layer with large weights on one input of 32: at most 0.7 of the output error. */
  @Test
  void rotationHelpsBlocksWithOutliers() {
    Random random = new Random(1);
    int in = 256;
    float[] w = new float[64 * in];
    for (int i = 0; i < w.length; i++) {
      w[i] = (float) (random.nextGaussian() * (i % 32 == 5 ? 12 : 1));
    }
    float[] x = new float[300 * in];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian();
    }
    Tensor weight = Tensor.of(w, 64, in);
    Tensor activations = Tensor.of(x, 300, in);
    Quantizer blocks =
        Quantizer.of(Formats.INT4)
            .with(new Granularity.PerBlock(-1, 32))
            .with(ScaleRule.AMAX_TO_MAX_FINITE);
    Quantizer mxfp4 =
        Quantizer.of(Formats.E2M1)
            .with(new Granularity.PerBlock(-1, 32))
            .with(Scaling.e8m0(ScaleRule.POWER_OF_TWO_FLOOR));
    for (Quantizer quantizer : List.of(blocks, mxfp4)) {
      double nearest = error(NEAREST, weight, quantizer, activations);
      double rotated = error(WeightRounding.parse("hadamard:32"), weight, quantizer, activations);
      assertTrue(rotated < 0.7 * nearest, quantizer + ": " + rotated + " of " + nearest);
    }
  }

  @Test
  void rotationAndCompensationWorkTogether() {
    TrainedLayer layer = new TrainedLayer(2);
    Quantizer int4 =
        Quantizer.of(Formats.INT4)
            .with(new Granularity.PerBlock(-1, 32))
            .with(ScaleRule.AMAX_TO_MAX_FINITE);
    double rotated = error(WeightRounding.parse("hadamard"), layer.weight, int4, layer.activations);
    double both =
        error(WeightRounding.parse("hadamard+gptq"), layer.weight, int4, layer.activations);
    assertTrue(both < 0.6 * rotated, both + " of " + rotated);
  }

  private static double error(
      WeightRounding method, Tensor weight, Quantizer quantizer, Tensor activations) {
    Tensor quantized = method.quantize(weight, quantizer, activations);
    return OutputError.measure(weight, quantized, activations).relative();
  }
}
