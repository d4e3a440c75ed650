package dev.narrow.amp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import dev.narrow.kernels.Accumulator;
import dev.narrow.quant.Division;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PolicyTextTest {
  private static final String EXAMPLE =
      """
      amp 1
      name     my network        # what tables call it
      compute  bf16   params f32   output f32   accumulate chunks 128 fp16 f32
      ops      none
      lower    matmul Linear conv*
      f32      exp softmax                               # deny
      banned   binary_cross_entropy "use ""logits"" # 1"
      layer    /head|embed/       f32
      layer    /a//b \\d # c/     forward lns8 gradient e5m2/axis=0 state f32 scale ceil # why
      layer    /last/             weight-gradient bf16 round stochastic:16
      scaler   init 2^12 every 500 floor 0.25
      """;

  private static Optional<Quantizer> format(String recipe) {
    return Optional.of(Recipes.parse(recipe));
  }

  @Test
  void anExampleReadsAsItIsMeant() {
    AmpPolicy policy = AmpPolicy.parse(EXAMPLE);
    assertEquals("my network", policy.name());
    assertEquals(format("bf16"), policy.quantizer(Role.WEIGHT_GRADIENT));
    assertEquals(Optional.empty(), policy.quantizer(Role.UPDATE));
    assertEquals(
        Accumulator.chunked(128, Accumulator.rounded(Formats.FP16), Accumulator.fp32()),
        policy.accumulator());
    assertEquals(
        List.of(
            new OpRule("matmul", OpClass.LOWER),
            new OpRule("linear", OpClass.LOWER),
            new OpRule("conv*", OpClass.LOWER),
            new OpRule("exp", OpClass.F32),
            new OpRule("softmax", OpClass.F32),
            new OpRule("binary_cross_entropy", OpClass.BANNED, "use \"logits\" # 1")),
        policy.ops());
    assertEquals(
        new LayerRule(
            "a/b \\d # c",
            Map.of(
                Role.WEIGHT, format("lns8/ceil"),
                Role.ACTIVATION, format("lns8/ceil"),
                Role.ACTIVATION_GRADIENT, format("e5m2/axis=0/ceil"),
                Role.WEIGHT_GRADIENT, format("e5m2/axis=0/ceil"),
                Role.OPTIMIZER_STATE, Optional.empty()),
            "why"),
        policy.layers().get(1));
    assertEquals(Optional.empty(), policy.quantizer("decoder.embed", Role.ACTIVATION));
    assertEquals(
        Rounding.stochastic(16),
        policy.quantizer("last", Role.WEIGHT_GRADIENT).orElseThrow().projection().rounding());
    assertEquals(new LossScaling(4096, 2, 0.5, 500, 0.25f, 0x1p24f), policy.lossScaling());
  }

  @Test
  void whatIsNotSaidIsFp32WithNarrowsLists() {
    assertEquals(AmpPolicy.fp32().named("policy"), AmpPolicy.parse("# nothing else\n\namp 1"));
    AmpPolicy added = AmpPolicy.parse("amp 1\nf32 matmul");
    assertEquals(Optional.of(OpClass.F32), added.rule("matmul").map(OpRule::kind));
    assertEquals(Optional.of(OpClass.LOWER), added.rule("linear").map(OpRule::kind));
    assertEquals(AmpPolicy.torchCuda().ops(), AmpPolicy.parse("amp 1\nops torch-cuda").ops());
  }

  @Test
  void theLaterOfTwoWordsForARoleCounts() {
    AmpPolicy policy = AmpPolicy.parse("amp 1\ncompute bf16\nweight lns8");
    assertEquals(format("lns8"), policy.quantizer(Role.WEIGHT));
    assertEquals(format("bf16"), policy.quantizer(Role.ACTIVATION));
  }

  @Test
  void presetsAreTextsOfThemselves() {
    for (AmpPolicy policy :
        List.of(
            AmpPolicy.fp32(),
            AmpPolicy.fp16(),
            AmpPolicy.fp8Hybrid(),
            AmpPolicy.lns8(),
            AmpPolicy.torchCuda(),
            AmpPolicy.torchCpu())) {
      assertEquals(policy, AmpPolicy.parse(policy.toText()));
    }
  }

  /** Each text ends where its error is found. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          compute bf16                    | line 1, column 1: "compute", expected amp 1
          amp                             | line 1, column 4: expected amp 1
          amp 2                           | line 1, column 5: version = 2, expected amp 1
          amp 1 compte bf16               | column 7: "compte", expected a word of a policy; nearest: compute
          amp 1 compute                   | column 14: expected a format after compute
          amp 1 compute bf61              | nearest: bf16
          amp 1 compute bf16 compute lns8 | column 20: compute is there twice
          amp 1 compute lns8/blok=3       | column 15: recipe = "blok=3", expected after a slash: tensor
          amp 1 output e4m3f              | column 14: recipe = "e4m3f"
          amp 1 accumulate fp61           | column 18: format = "fp61", expected a known format (fp32, fp16
          amp 1 accumulate chunks x       | column 25: "x", expected terms of a chunk, an integer
          amp 1 accumulate fixed 99 0 nearest-even wrap | bits = 99, expected 2 to 64
          amp 1 accumulate fixed 32 0 nearest-even warp | "warp", expected saturate or wrap
          amp 1 accumulate fp16 round stochastic:8 | expected one that is not stochastic
          amp 1 name                      | column 11: expected a name
          amp 1 ops narow                 | column 11: "narow", expected one of narrow, torch-cuda, torch-cpu, none; nearest: narrow
          amp 1 lower                     | column 12: expected the name of an operation
          amp 1 lower a/b                 | column 13: op = "a/b", expected letters
          amp 1 banned bce                | column 17: expected advice in quotes
          amp 1 banned bce use logits     | column 18: expected advice in quotes
          amp 1 banned bce "use logits    | column 18: expected another " at the end
          amp 1 layer head lns8           | expected a regular expression in slashes
          amp 1 layer /head lns8          | column 13: expected another / at the end
          amp 1 layer /he(ad/ lns8        | column 13: layers = "he(ad", expected a regular expression: Unclosed group at index 5
          amp 1 layer /a/b/ lns8          | column 16: expected a space; a / within /.../ is doubled
          amp 1 layer /a/                 | column 16: expected a format or a role
          amp 1 layer /a/ lns8/blok=3      | column 17: recipe = "blok=3", expected after a slash: tensor
          amp 1 layer /a/ wieght lns8     | column 17: "wieght", expected a format or a role; nearest: weight
          amp 1 layer /a/ weight lns8 activaton lns8 | column 29: "activaton", expected a role, scale or round, each once; nearest: activation
          amp 1 layer /a/ state           | column 22: expected a format after state
          amp 1 layer /a/ state bf16 state bf16 | column 28: state is there twice
          amp 1 layer /a/ lns8 scale      | column 27: expected a rule for scales
          amp 1 layer /a/ lns8 scale flor | column 28: scale rule = "flor", expected one of
          amp 1 layer /a/ lns8 scale min-to-max | column 28: rule = MIN_TO_MAX, expected an integer format
          amp 1 layer /a/ lns8 round up   | column 28: rounding = "up", expected one of
          amp 1 scaler                    | column 13: expected none, fixed, dynamic or init
          amp 1 scaler int 8              | column 14: "int", expected one of init
          amp 1 scaler fixed              | column 19: expected a scale
          amp 1 scaler init big           | column 19: "big", expected a number after init
          amp 1 scaler init 8 init 8      | init is there twice
          amp 1 scaler every 2.5          | every = 2.5, expected an integer
          amp 1 scaler hysteresis 1.5     | hysteresis = 1.5, expected an integer
          amp 1 scaler at-floor stop      | expected fail or skip
          amp 1 scaler backoff 2          | backoff = 2.0, expected above 0 and at most 1
          """)
  void errorsTellWhereAndWhatWasExpected(String text, String message) {
    var error = assertThrows(IllegalArgumentException.class, () -> AmpPolicy.parse(text));
    assertTrue(String.valueOf(error.getMessage()).contains(message), error.getMessage());
    assertTrue(String.valueOf(error.getMessage()).startsWith("line 1, column "), text);
  }

  @Test
  void someErrorsNeedLines() {
    assertMessage("line 3, column 1: scaler is there twice", "amp 1\nscaler none\nscaler none");
    assertMessage("line 3, column 5: ops none, expected before", "amp 1\nf32 exp\nops none");
    assertMessage("line 1, column 1: expected amp 1", "");
    assertMessage("line 2, column 7: layers", "amp 1\nlayer /" + "(".repeat(100_000) + "/ lns8");
  }

  private static void assertMessage(String start, String text) {
    var error = assertThrows(IllegalArgumentException.class, () -> AmpPolicy.parse(text));
    assertTrue(String.valueOf(error.getMessage()).startsWith(start), error.getMessage());
  }

  @Test
  void filesAreSavedAndLoaded(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("mlp.amp");
    AmpPolicy.lns8().save(file);
    assertEquals(AmpPolicy.lns8(), AmpPolicy.load(file));
    Files.writeString(file, "amp 1");
    assertEquals("mlp", AmpPolicy.load(file).name());
  }

  @Test
  void filesThatAreNoPolicyAreRefusedByName(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("bad.amp");
    Files.writeString(file, "amp 1\n\n  compute bf61\n");
    assertMessage(file + ": line 3, column 11: recipe = \"bf61\"", file);
    Files.write(file, new byte[] {'a', (byte) 0xff});
    assertMessage(file + ": bytes that are not UTF-8", file);
    Files.write(file, new byte[(1 << 20) + 1]);
    assertMessage(file + ": more than 1048576 bytes", file);
    assertThrows(IOException.class, () -> AmpPolicy.load(directory.resolve("none.amp")));
  }

  private static void assertMessage(String start, Path file) {
    var error = assertThrows(IllegalArgumentException.class, () -> AmpPolicy.load(file));
    assertTrue(String.valueOf(error.getMessage()).startsWith(start), error.getMessage());
  }

  @Test
  void whatHasNoTextIsRefused() {
    Quantizer odd = Recipes.parse("int8").with(Division.RECIPROCAL);
    Saturation clamp = Saturation.IEEE.withUnderflow(Saturation.Underflow.CLAMP);
    for (AmpPolicy policy :
        List.of(
            AmpPolicy.bf16().with(Role.WEIGHT, odd),
            AmpPolicy.bf16().withOutput(Optional.of(odd)),
            AmpPolicy.bf16()
                .with(
                    new Accumulator.Rounded(
                        Formats.FP16, Formats.FP16.defaultProjection().with(clamp))))) {
      assertThrows(IllegalStateException.class, policy::toText);
    }
    for (String name : List.of("", " a", "a#b", "a\nb")) {
      assertThrows(IllegalArgumentException.class, () -> AmpPolicy.bf16().named(name), name);
    }
  }

  @Property(tries = 200)
  void everyPolicyIsReadAsItWasWritten(@ForAll("policies") AmpPolicy policy) {
    String text = policy.toText();
    assertEquals(policy, AmpPolicy.parse(text), text);
    assertEquals(text, AmpPolicy.parse(text).toText());
    assertFalse(text.contains("\t"));
  }

  @Provide
  Arbitrary<AmpPolicy> policies() {
    return Combinators.combine(
            Arbitraries.of("a", "my network", "\"lns8\" / 2"),
            Arbitraries.maps(Arbitraries.of(Role.class), formats()),
            formats(),
            accumulators(),
            rules().list().ofMaxSize(30),
            layers().list().ofMaxSize(4),
            scalings())
        .as((name, formats, output, accumulator, ops, layers, scaling) -> {
          AmpPolicy policy = AmpPolicy.empty(name).withOutput(output).with(accumulator);
          for (Map.Entry<Role, Optional<Quantizer>> format : formats.entrySet()) {
            policy = policy.with(format.getKey(), format.getValue());
          }
          return policy.withOps(ops).withLayers(layers).with(scaling);
        });
  }

  private static Arbitrary<Optional<Quantizer>> formats() {
    return Arbitraries.of(
            "fp32",
            "bf16",
            "lns8",
            "e5m2/round-up/saturate=ml-dtypes-sat",
            "mxfp8-e4m3",
            "bf16/round=stochastic:16",
            "lns:b16g2048/underflow=clamp",
            "float:e4m3,inf=no,nan=one/block=16@0/mse")
        .map(Recipes::parse)
        .map(Optional::of);
  }

  private static Arbitrary<Accumulator> accumulators() {
    Accumulator fp16 = Accumulator.rounded(Formats.FP16);
    return Arbitraries.of(
        Accumulator.fp32(),
        Accumulator.fp64(),
        Accumulator.exact(),
        Accumulator.rounded(Formats.LNS8),
        Accumulator.rounded(Formats.FP32),
        new Accumulator.Rounded(
            Formats.TF32, Formats.TF32.defaultProjection().with(Rounding.TOWARD_ZERO)),
        new Accumulator.Rounded(
            Formats.E4M3FN,
            Formats.E4M3FN.defaultProjection().with(Saturation.OCP_SAT).with(Rounding.TO_ODD)),
        Accumulator.chunked(64, fp16, Accumulator.fp64()),
        Accumulator.chunked(
            7,
            new Accumulator.Fixed(32, -3, Rounding.NEAREST_AWAY, Accumulator.Fixed.Overflow.WRAP),
            fp16),
        new Accumulator.LogBins(8, 24, 16));
  }

  private static Arbitrary<OpRule> rules() {
    Arbitrary<String> names =
        Arbitraries.strings().withChars("abc_.*09").ofMinLength(1).ofMaxLength(30);
    Arbitrary<String> advice = Arbitraries.strings().withCharRange(' ', '~').ofMaxLength(20);
    return Combinators.combine(names, Arbitraries.of(OpClass.class), advice)
        .as((name, kind, text) -> new OpRule(name, kind, kind == OpClass.BANNED ? text : ""));
  }

  private static Arbitrary<LayerRule> layers() {
    Arbitrary<String> regexes =
        Arbitraries.oneOf(
            Arbitraries.strings().withChars("ab/\"# .$^|").ofMaxLength(10),
            Arbitraries.of("", "/", "//", "\\Q\\/\\E", "block\\.\\d+\\.ffn", "(?i)head|embed"));
    Arbitrary<String> comments = Arbitraries.strings().withCharRange(' ', '~').ofMaxLength(20);
    return Combinators.combine(
            regexes, Arbitraries.maps(Arbitraries.of(Role.class), formats()).ofMinSize(1), comments)
        .as(LayerRule::new);
  }

  private static Arbitrary<LossScaling> scalings() {
    Arbitrary<LossScaling> random =
        Combinators.combine(
                Arbitraries.floats().between(0.01f, 1e6f).ofScale(9),
                Arbitraries.doubles().between(1, 9).ofScale(9),
                Arbitraries.doubles().between(0.1, 1).ofScale(9),
                Arbitraries.integers().between(1, Integer.MAX_VALUE),
                Arbitraries.floats().between(0, 1).ofScale(9))
            .as((initial, growth, backoff, interval, part) ->
                new LossScaling(
                    initial, growth, backoff, interval, initial * part, initial + 1e9f * part));
    return Arbitraries.oneOf(
        random,
        Arbitraries.of(
            LossScaling.dynamic(),
            LossScaling.checkOnly(),
            LossScaling.fixed(1024),
            LossScaling.fixed(0.1f),
            LossScaling.megatron(0x1p32f, 1, 2, 0.5, 1000, 2),
            LossScaling.torch(3, 2, 0.5, 1)));
  }
}
