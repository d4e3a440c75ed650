package dev.narrow.amp;

import static dev.narrow.amp.Gradients.view;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.Overflow.Phase;
import dev.narrow.formats.Formats;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GradScalerTest {
  private static void nothing() {}

  private static void fail() {
    throw new AssertionError("the optimizer stepped");
  }

  @Test
  void aCleanStepIsUnscaledBeforeTheOptimizerSeesIt() {
    float[] g = {65536, -3 * 65536f};
    float[] seen = new float[2];
    StepResult result =
        GradScaler.of(LossScaling.dynamic())
            .step(Gradients.of(view("w", g)), () -> System.arraycopy(g, 0, seen, 0, g.length));
    assertEquals(new StepResult.Applied(65536), result);
    assertArrayEquals(new float[] {1, -3}, seen);
  }

  /** The backward pass came from the last layer, and carried what was not finite to the others. */
  @Test
  void anOverflowSkipsTheStepAndNamesTheLayerWhereItBegan() {
    float[] first = {1, Float.NaN};
    float[] weight = {1, Float.NEGATIVE_INFINITY, Float.NaN};
    float[] bias = {Float.NaN};
    float[] last = {4};
    GradScaler scaler = GradScaler.of(AmpPolicy.fp16());
    StepResult result =
        scaler.step(
            Gradients.of(
                view("fc1.weight", first),
                view("fc2.weight", weight),
                view("fc2.bias", bias),
                view("fc3.weight", last)),
            GradScalerTest::fail);
    var overflow = new Overflow("fc2.weight", 1, Float.NEGATIVE_INFINITY, 65536, Phase.BACKWARD, 0);
    assertEquals(new StepResult.Skipped(overflow, 32768), result);
    assertEquals("fc2", overflow.layer());
    assertEquals(
        "step skipped: fc2.weight[1] = -Infinity at loss scale 65536, backward of fc2; next 32768",
        result.toString());
    assertEquals(32768, scaler.lossScale());
  }

  @Test
  void aLossThatIsNotFiniteIsTheCulprit() {
    GradScaler scaler = GradScaler.of(LossScaling.dynamic());
    StepResult result =
        scaler.step(
            Float.POSITIVE_INFINITY,
            Gradients.of(view("w", new float[] {Float.NaN})),
            GradScalerTest::fail);
    assertEquals(
        "step skipped: loss = Infinity at loss scale 65536, forward; next 32768",
        result.toString());
    assertInstanceOf( // and the next step has a loss of its own
        StepResult.Applied.class,
        scaler.step(1, Gradients.of(view("w", new float[] {1})), () -> {}));
  }

  /** torch checks before it unscales, and steps with the infinity that unscaling has made. */
  @Test
  void anOverflowOfTheUnscalingItselfIsSeen() {
    float[] g = {3e38f};
    StepResult result =
        GradScaler.of(LossScaling.fixed(0x1p-10f))
            .step(Gradients.of(view("w", g)), GradScalerTest::fail);
    assertEquals(
        "step skipped: w[0] = Infinity at loss scale 9.765625E-4, unscaling; next 9.765625E-4",
        result.toString());
    g[0] = Float.NaN; // which it was before
    assertTrue(
        GradScaler.of(LossScaling.fixed(0x1p-10f))
            .step(Gradients.of(view("w", g)), GradScalerTest::fail)
            .toString()
            .contains("backward of w"));
  }

  @Test
  void atTheFloorAnOverflowIsACollapse() {
    GradScaler scaler = GradScaler.of(new LossScaling(2, 2, 0.5, 10, 1, 4));
    assertInstanceOf(StepResult.Skipped.class, overflow(scaler));
    assertEquals(1, scaler.lossScale());
    StepResult.Collapsed collapsed = assertInstanceOf(StepResult.Collapsed.class, overflow(scaler));
    assertEquals(1, scaler.lossScale());
    AmpException exception = new AmpException(collapsed);
    assertTrue(exception.toString().contains("w[0] = Infinity"), exception.toString());
  }

  /** torch's scale can reach zero; its next clean step then writes NaN into every parameter. */
  @Test
  void aScaleOfZeroNeverReachesAParameter() {
    GradScaler scaler = GradScaler.of(LossScaling.torch(Float.MIN_VALUE, 2, 0.25, 1));
    overflow(scaler);
    assertEquals(0, scaler.lossScale());
    float[] g = {0};
    assertInstanceOf(
        StepResult.Collapsed.class, scaler.step(Gradients.of(view("w", g)), GradScalerTest::fail));
  }

  @Test
  void withoutADynamicScaleStepsAreSkippedAndTheScaleStays() {
    GradScaler scaler = GradScaler.of(AmpPolicy.bf16());
    for (int i = 0; i < 3; i++) {
      assertInstanceOf(StepResult.Skipped.class, overflow(scaler));
      assertEquals(1, scaler.lossScale());
    }
  }

  @Test
  void gradientsOffTheHeapAreUnscaledInPlace() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 8, 16);
      GradScaler.of(LossScaling.fixed(8))
          .step(Gradients.of(view("w", memory)), GradScalerTest::nothing);
      assertArrayEquals(new float[] {1, 2}, memory.toArray(ValueLayout.JAVA_FLOAT));
    }
  }

  @Test
  void gradientsThatShareMemoryOrANameAreRefused() {
    float[] g = new float[8];
    MemorySegment whole = MemorySegment.ofArray(g);
    var shared =
        assertThrows(
            IllegalArgumentException.class,
            () -> Gradients.of(view("a", whole.asSlice(0, 16)), view("b", whole.asSlice(12, 8))));
    assertTrue(shared.toString().contains("a and b share memory"), shared.toString());
    assertThrows(
        IllegalArgumentException.class, () -> Gradients.of(view("a", g), view("a", new float[1])));
    Gradients.of(view("a", whole.asSlice(0, 16)), view("b", whole.asSlice(16, 16)));
  }

  @Test
  void aCollapseSaysWhatMayHelp() {
    LossScaling rule = new LossScaling(1, 2, 0.5, 10, 1, 4);
    Gradients gradients = Gradients.of(view("fc.bias", new float[] {Float.NaN}));
    assertTrue(
        GradScaler.of(rule)
            .step(Float.NaN, gradients, GradScalerTest::fail)
            .toString()
            .endsWith("forward; the loss itself is not finite: no loss scale can help"));
    assertTrue(
        GradScaler.of(rule)
            .step(1, gradients, GradScalerTest::fail)
            .toString()
            .endsWith("overflows by itself: keep fc in fp32 or bf16"));
  }

  @Test
  void whatHappensAtTheFloorIsChosen() {
    LossScaling goesOn = new LossScaling(1, 2, 0.5, 10, 1, 4, 1, LossScaling.AtFloor.SKIP);
    StepResult result = overflow(GradScaler.of(goesOn));
    assertEquals(1, assertInstanceOf(StepResult.Skipped.class, result).nextLossScale());
  }

  /** The micro-batches add up in one memory; which of them it was is known from the checks. */
  @Test
  void theMicroBatchThatOverflowsIsNamed() {
    float[] g = new float[2];
    Gradients gradients = Gradients.of(view("fc.weight", g));
    GradScaler scaler = GradScaler.of(LossScaling.dynamic());
    List<Boolean> finite = new ArrayList<>();
    for (int microBatch = 1; microBatch <= 4; microBatch++) {
      g[0] += 65536;
      g[1] += microBatch == 3 ? Float.POSITIVE_INFINITY : 65536;
      finite.add(scaler.microBatch(gradients));
    }
    assertEquals(List.of(true, true, false, false), finite);
    assertEquals(65536 * 4, g[0], "nothing was written");
    StepResult result = scaler.step(gradients, GradScalerTest::fail);
    assertTrue(
        result
            .toString()
            .contains(
                "fc.weight[1] = Infinity at loss scale 65536, backward of fc," + " micro-batch 3;"),
        result.toString());

    g[0] = 65536;
    g[1] = 65536;
    assertTrue(scaler.microBatch(gradients));
    g[1] = Float.NaN; // of a last one that is not checked by itself
    assertTrue(scaler.step(gradients, GradScalerTest::fail).toString().contains("micro-batch 2"));
    g[0] = 0;
    g[1] = 0;
    assertInstanceOf(StepResult.Applied.class, scaler.step(gradients, () -> {}));
  }

  @Test
  void theLossOfTheMicroBatchIsNamed() {
    float[] g = {0};
    Gradients gradients = Gradients.of(view("w", g));
    GradScaler scaler = GradScaler.of(LossScaling.dynamic());
    assertTrue(scaler.microBatch(Float.POSITIVE_INFINITY, gradients), "without consequences");
    g[0] = Float.NaN;
    assertFalse(scaler.microBatch(Float.NaN, gradients));
    assertTrue(
        scaler
            .step(gradients, GradScalerTest::fail)
            .toString()
            .contains("loss = NaN at loss scale 65536, forward, micro-batch 2"));
  }

  /** What has been made finite again, by leaving out the micro-batch, is as good as any. */
  @Test
  void aMicroBatchCanBeLeftOut() {
    float[] g = {65536};
    Gradients gradients = Gradients.of(view("w", g));
    GradScaler scaler = GradScaler.of(LossScaling.dynamic());
    assertTrue(scaler.microBatch(gradients));
    g[0] += Float.POSITIVE_INFINITY;
    assertFalse(scaler.microBatch(gradients));
    g[0] = 65536;
    assertInstanceOf(StepResult.Applied.class, scaler.step(gradients, () -> {}));
    assertEquals(65536, scaler.lossScale());
  }

  /** Two losses, f = 3w and h = w², each with the one scale in its seed: gradients add up. */
  @Test
  void severalLossesShareAScale() {
    float w = 5;
    float[] g = {0};
    GradScaler scaler = GradScaler.of(LossScaling.dynamic());
    g[0] += 3 * scaler.lossScale();
    g[0] += 2 * w * scaler.lossScale();
    scaler.step(Gradients.of(view("w", g)), () -> {});
    assertEquals(13, g[0]);
  }

  /** L = w x + (dL/dx)²: the penalty needs its gradient, w, without the scale. */
  @Test
  void aGradientPenaltyIsMadeOfUnscaledGradients() {
    float w = 3;
    float x = 7;
    float[] input = {0};
    float[] g = {0};
    GradScaler scaler = GradScaler.of(LossScaling.dynamic());
    Gradients penalty = Gradients.of(view("x", input));
    Gradients gradients = Gradients.of(view("w", g));
    input[0] = w * scaler.lossScale();
    assertTrue(scaler.unscalePenalty(penalty));
    assertEquals(3, input[0]);
    g[0] = (x + 2 * input[0]) * scaler.lossScale();
    assertInstanceOf(StepResult.Applied.class, scaler.step(gradients, () -> {}));
    assertEquals(13, g[0]);

    input[0] = Float.POSITIVE_INFINITY;
    assertFalse(scaler.unscalePenalty(penalty));
    g[0] = Float.NaN; // as the penalty makes it
    assertTrue(
        scaler
            .step(gradients, GradScalerTest::fail)
            .toString()
            .contains("x[0] = Infinity at loss scale 65536, backward of x"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"fp16", "bf16", "e5m2"})
  void gradientsInFewBitsAreUnscaledIntoFp32(String format) {
    Tensor codes =
        Quantizer.of(Formats.parse(format)).quantize(Tensor.of(new float[] {4, 0.5f}, 2));
    Gradients gradients = Gradients.of(view("w", codes));
    float[] before = codes.toFloats();
    GradScaler scaler = GradScaler.of(LossScaling.fixed(0x1p16f));
    for (int again = 0; again < 2; again++) { // the codes are as they were
      assertInstanceOf(StepResult.Applied.class, scaler.step(gradients, () -> {}));
      assertArrayEquals(before, codes.toFloats());
      assertArrayEquals( // below the smallest fp16, in fp32 exact
          new float[] {0x1p-14f, 0x1p-17f}, gradients.unscaled("w").toFloats());
    }
  }

  @Test
  void anOverflowIn16BitsIsSeen() {
    Tensor codes = Quantizer.of(Formats.FP16).quantize(Tensor.of(new float[] {1, 70000}, 2));
    assertTrue(
        GradScaler.of(LossScaling.dynamic())
            .step(Gradients.of(view("w", codes)), GradScalerTest::fail)
            .toString()
            .contains("w[1] = Infinity"));
  }

  @Test
  void aBodyThatThrowsLeavesTheScale() {
    GradScaler scaler = GradScaler.of(LossScaling.torch(8, 2, 0.5, 1));
    assertThrows(
        ArithmeticException.class,
        () ->
            scaler.step(
                Gradients.of(view("w", new float[] {8})),
                () -> {
                  throw new ArithmeticException("in the optimizer");
                }));
    assertEquals(8, scaler.lossScale());
    assertEquals(0, scaler.appliedSteps());
    assertInstanceOf(StepResult.Applied.class, clean(scaler));
  }

  private static StepResult overflow(GradScaler scaler) {
    return scaler.step(
        Gradients.of(view("w", new float[] {Float.POSITIVE_INFINITY})), GradScalerTest::nothing);
  }

  private static StepResult clean(GradScaler scaler) {
    return scaler.step(Gradients.of(view("w", new float[] {1})), GradScalerTest::nothing);
  }
}
