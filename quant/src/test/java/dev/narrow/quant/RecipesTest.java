package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.Rounding;
import org.junit.jupiter.api.Test;

class RecipesTest {
  @Test
  void everyRecipeHasASourceAndQuantizes() {
    Tensor x = Tensor.of(new float[] {1, -2, 3, 0.5f, 0, 100}, 2, 3);
    for (String name : Recipes.names()) {
      assertTrue(Recipes.source(name).length() > 10, name);
      assertEquals(x.shape(), Recipes.parse(name).quantize(x).shape(), name);
    }
  }

  @Test
  void partsOfARecipeCanBeChanged() {
    Quantizer quantizer = Recipes.parse("mxfp8/ceil/block=16@0/round=toward-zero");
    assertEquals(ScaleRule.POWER_OF_TWO_CEIL, quantizer.scaleRule());
    assertEquals(new Granularity.PerBlock(0, 16), quantizer.granularity());
    assertEquals(Rounding.TOWARD_ZERO, quantizer.projection().rounding());
    assertEquals(Formats.E8M0, quantizer.scaling().format());
    Quantizer lns = Recipes.parse("lns:b5g2/tile=4x4/scale=e4m3fn/max-finite");
    assertEquals(new Granularity.PerTile(4, 4), lns.granularity());
    assertEquals(Formats.E4M3FN, lns.scaling().format());
  }

  /** Attention masks are full of it. */
  @Test
  void theLargestFloatStaysFinite() {
    float max = Float.MAX_VALUE;
    for (String name : Recipes.names()) {
      float[] y = Recipes.parse(name).quantize(Tensor.of(new float[] {max, -max}, 1, 2)).toFloats();
      assertTrue(Float.isFinite(y[0]) && Float.isFinite(y[1]), name + ": " + y[0] + ", " + y[1]);
    }
  }

  @Test
  void aScaleLiesUnderOneOuterScale() {
    Tensor x = Tensor.of(new float[64], 2, 32);
    for (String name : new String[] {"vsq4/tensor", "vsq4/axis=1", "vsq4/block=2@0"}) {
      assertThrows(IllegalArgumentException.class, () -> Recipes.parse(name).quantize(x), name);
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> Recipes.parse("vsq4/tensor").quantize(Tensor.of(new float[0], 0, 4)));
  }

  @Test
  void calibrationsAreChanges() {
    assertEquals(
        new Calibration.Percentile(99.5),
        Recipes.parse("int8-symmetric/percentile=99.5").scaling().calibration());
    assertEquals(new Calibration.MinError(), Recipes.parse("mxfp4/mse").scaling().calibration());
    assertEquals(
        new Calibration.KlDivergence(2048), Recipes.parse("int8/kl").scaling().calibration());
    assertThrows(IllegalArgumentException.class, () -> Recipes.parse("int8/percentile=x"));
    assertThrows(IllegalArgumentException.class, () -> Recipes.parse("int8/percentile=0"));
  }

  @Test
  void wideFormatsAreNotScaledAndNarrowOnesAre() {
    assertEquals(ScaleRule.ONE, Recipes.parse("bf16").scaleRule());
    assertEquals(ScaleRule.ONE, Recipes.parse("posit8").scaleRule());
    assertEquals(ScaleRule.AMAX_TO_MAX_FINITE, Recipes.parse("e4m3fn").scaleRule());
    assertEquals(ScaleRule.AMAX_TO_POWER_OF_TWO, Recipes.parse("lns8").scaleRule());
  }

  @Test
  void anUnknownNameIsAnsweredWithTheNearest() {
    var error = assertThrows(IllegalArgumentException.class, () -> Recipes.parse("mxfp5"));
    assertTrue(String.valueOf(error.getMessage()).contains("nearest: mxfp4"), error.getMessage());
    error = assertThrows(IllegalArgumentException.class, () -> Recipes.parse("mxfp4/blok=3"));
    assertTrue(String.valueOf(error.getMessage()).contains("block=N"), error.getMessage());
    assertThrows(IllegalArgumentException.class, () -> Recipes.parse("mxfp4/block=0"));
    assertThrows(IllegalArgumentException.class, () -> Recipes.parse("mxfp4/block=99999999999"));
    assertThrows(IllegalArgumentException.class, () -> Recipes.parse("e4m3fn/min-to-max"));
  }
}
