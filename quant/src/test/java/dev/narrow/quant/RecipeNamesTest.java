package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class RecipeNamesTest {
  private static final List<String> BASES =
      Stream.concat(
              Recipes.names().stream(),
              Stream.of("fp32", "bf16", "e5m2", "lns:b16g2048", "posit:b8e0", "float:e3m3,inf=no"))
          .toList();

  @Test
  void everyRecipeAndFormatHasAName() {
    for (String recipe : Recipes.names()) {
      String name = Recipes.name(Recipes.parse(recipe)).orElseThrow();
      assertEquals(Recipes.parse(recipe), Recipes.parse(name), recipe);
      assertTrue(name.equals(recipe) || Formats.parse(name).name().equals(name), name);
    }
    Formats.all()
        .forEach(format ->
            assertEquals(Optional.of(format.name()), Recipes.name(Recipes.parse(format.name()))));
  }

  @Test
  void whatDiffersFollowsAfterSlashes() {
    for (String name :
        List.of(
            "bf16/round=stochastic:8",
            "lns8/block=32@0/round=nearest-even/linear",
            "lns:b16g2048/underflow=clamp",
            "e4m3fn/round-up/infinity=keep",
            "e5m2/overflow=by-direction",
            "bf16/nan=nan-or-max",
            "nvfp4/mse")) {
      assertEquals(Optional.of(name), Recipes.name(Recipes.parse(name)));
    }
    assertEquals(Optional.of("lns8-row"), Recipes.name(Recipes.parse("lns8/axis=0")));
  }

  @Property
  void aNameIsUnderstoodAsTheSameQuantizer(@ForAll("recipes") String recipe) {
    Quantizer quantizer = Recipes.parse(recipe);
    assertEquals(quantizer, Recipes.parse(Recipes.name(quantizer).orElseThrow()), recipe);
  }

  @Provide
  Arbitrary<String> recipes() {
    Arbitrary<String> rules = Arbitraries.of("amax", "max-finite"); // also under an outer scale
    Arbitrary<String> granularities =
        Arbitraries.of("tensor", "axis=-2", "block=16", "block=7@0", "tile=2x3");
    Arbitrary<String> calibrations = Arbitraries.of("percentile=99.9", "mse", "kl");
    Arbitrary<String> scales = Arbitraries.of("scale=e4m3fn", "scale=bf16", "scale=fp16");
    Arbitrary<String> roundings =
        Arbitraries.of(Rounding.Mode.values())
            .map(mode -> mode.name().toLowerCase(java.util.Locale.ROOT).replace('_', '-'))
            .map(mode -> "round=" + (mode.startsWith("stochastic") ? mode + ":5" : mode));
    Arbitrary<String> saturations =
        Arbitraries.of(Saturation.presets().keySet()).map(preset -> "saturate=" + preset);
    Arbitrary<String> choices =
        Arbitraries.of("underflow=clamp", "infinity=keep", "nan=nan-or-max", "overflow=special");
    Arbitrary<String> linear = Arbitraries.just("linear");
    return Combinators.combine(
            Arbitraries.of(BASES),
            Combinators.combine(
                    Stream.of(
                            rules,
                            granularities,
                            scales,
                            calibrations,
                            roundings,
                            linear,
                            saturations,
                            choices)
                        .map(change -> change.injectNull(0.6).map(Optional::ofNullable))
                        .toList())
                .as(changes -> changes))
        .as((base, changes) -> {
          Stream<String> parts = changes.stream().flatMap(Optional::stream);
          boolean zeroPoints = base.endsWith("asymmetric"); // by a rule that stands alone
          return Stream.concat(Stream.of(base), zeroPoints ? Stream.of("unscaled") : parts)
              .collect(Collectors.joining("/"));
        });
  }

  @Test
  void whatNoNameDescribesHasNone() {
    Quantizer int8 = Recipes.parse("int8");
    assertEquals(Optional.empty(), Recipes.name(int8.with(Division.RECIPROCAL)));
    assertEquals(
        Optional.empty(), Recipes.name(int8.with(int8.scaling().with(Scaling.ZeroScale.SMALLEST))));
    assertEquals(
        Optional.empty(),
        Recipes.name(Quantizer.of(new LogFormat("mine", 8, 8, 60, LogFormat.Zero.RESERVED))));
    var kl = int8.scaling().with(new Calibration.KlDivergence(64));
    assertEquals(Optional.empty(), Recipes.name(int8.with(kl)));
  }

  @Test
  void choicesOfSaturationAreNamed() {
    var error =
        assertThrows(IllegalArgumentException.class, () -> Recipes.parse("lns8/underflow=x"));
    assertTrue(String.valueOf(error.getMessage()).contains("expected one of flush, clamp"));
  }

  @Test
  void rulesForScalesHaveNames() {
    for (ScaleRule rule : ScaleRule.values()) {
      assertEquals(rule, ScaleRule.parse(rule.spec()));
    }
    var error = assertThrows(IllegalArgumentException.class, () -> ScaleRule.parse("rund-up"));
    assertTrue(String.valueOf(error.getMessage()).contains("nearest: round-up"));
  }
}
