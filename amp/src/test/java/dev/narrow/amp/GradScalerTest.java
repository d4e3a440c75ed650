package dev.narrow.amp;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.zip.GZIPInputStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class GradScalerTest {
  private static void nothing() {}

  /** The traces were made with torch 2.13; the script beside them replays them. */
  @Test
  void torchsTracesComeOutBitForBit() throws IOException {
    int steps = 0;
    try (var in =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(
                    Objects.requireNonNull(
                        getClass().getResourceAsStream("torch-gradscaler-traces.jsonl.gz"))),
                StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        JsonNode trace = JsonMapper.shared().readTree(line);
        LossScale scale =
            new LossScale(
                LossScaling.torch(
                    (float) trace.get("init").doubleValue(),
                    trace.get("growth").doubleValue(),
                    trace.get("backoff").doubleValue(),
                    trace.get("interval").intValue()));
        for (int i = 0; i < trace.get("found").size(); i++) {
          scale.update(trace.get("found").get(i).intValue() != 0);
          assertEquals((float) trace.get("trace").get(i).get(0).doubleValue(), scale.get(), line);
          assertEquals(trace.get("trace").get(i).get(1).intValue(), scale.cleanSteps(), line);
          steps++;
        }
      }
    }
    assertTrue(steps > 5000, "only " + steps + " steps");
  }

  @Test
  void aCleanStepIsUnscaledBeforeTheOptimizerSeesIt() {
    float[] g = {65536, -3 * 65536f};
    float[] seen = new float[2];
    StepResult result =
        GradScaler.of(LossScaling.dynamic())
            .step(
                Gradients.of(Gradients.view("w", g)),
                () -> System.arraycopy(g, 0, seen, 0, g.length));
    assertEquals(new StepResult.Applied(65536), result);
    assertArrayEquals(new float[] {1, -3}, seen);
  }

  @Test
  void anOverflowSkipsTheStepAndNamesTheFirstCulprit() {
    float[] a = {1, 2};
    float[] b = {1, Float.NEGATIVE_INFINITY, Float.NaN};
    float[] c = {Float.NaN};
    GradScaler scaler = GradScaler.of(AmpPolicy.fp16());
    StepResult result =
        scaler.step(
            Gradients.of(Gradients.view("a", a), Gradients.view("b", b), Gradients.view("c", c)),
            () -> {
              throw new AssertionError("the optimizer stepped");
            });
    var overflow = new Overflow("b", 1, Float.NEGATIVE_INFINITY, 65536);
    assertEquals(new StepResult.Skipped(overflow, 32768), result);
    assertEquals(
        "step skipped: b[1] = -Infinity at loss scale 65536; next 32768", result.toString());
    assertEquals(32768, scaler.lossScale());
  }

  /** torch checks before it unscales, and steps with the infinity that unscaling has made. */
  @Test
  void anOverflowOfTheUnscalingItselfIsSeen() {
    float[] g = {3e38f};
    StepResult result =
        GradScaler.of(LossScaling.fixed(0x1p-10f))
            .step(Gradients.of(Gradients.view("w", g)), GradScalerTest::nothing);
    assertInstanceOf(StepResult.Skipped.class, result);
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
        StepResult.Collapsed.class,
        scaler.step(
            Gradients.of(Gradients.view("w", g)),
            () -> {
              throw new AssertionError("the optimizer stepped");
            }));
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
          .step(Gradients.of(Gradients.view("w", memory)), GradScalerTest::nothing);
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
            () ->
                Gradients.of(
                    Gradients.view("a", whole.asSlice(0, 16)),
                    Gradients.view("b", whole.asSlice(12, 8))));
    assertTrue(shared.toString().contains("a and b share memory"), shared.toString());
    assertThrows(
        IllegalArgumentException.class,
        () -> Gradients.of(Gradients.view("a", g), Gradients.view("a", new float[1])));
    Gradients.of(
        Gradients.view("a", whole.asSlice(0, 16)), Gradients.view("b", whole.asSlice(16, 16)));
  }

  @Property
  void theScaleStaysAPowerOfTwoBetweenFloorAndCap(
      @ForAll @Size(max = 300) boolean[] overflows,
      @ForAll @IntRange(min = 1, max = 5) int interval) {
    LossScaling rule = new LossScaling(16, 2, 0.5, interval, 1, 64);
    GradScaler scaler = GradScaler.of(rule);
    int exponent = 4; // of a plain model of the scale
    int clean = 0;
    for (boolean overflow : overflows) {
      StepResult result = overflow ? overflow(scaler) : clean(scaler);
      assertEquals(!overflow, result instanceof StepResult.Applied);
      assertEquals(overflow && exponent == 0, result instanceof StepResult.Collapsed);
      clean = overflow ? 0 : clean + 1;
      if (overflow) {
        exponent = Math.max(0, exponent - 1);
      } else if (clean == interval) {
        exponent = Math.min(6, exponent + 1);
        clean = 0;
      }
      assertEquals(Math.scalb(1f, exponent), scaler.lossScale());
    }
  }

  @Test
  void rulesThatCannotWorkAreRefused() {
    assertRefused("initial = 0", 0, 2, 0.5, 1, 0, 1);
    assertRefused("growth = 0.5", 1, 0.5, 0.5, 1, 0, 1);
    assertRefused("backoff = 1.5", 1, 2, 1.5, 1, 0, 1);
    assertRefused("interval = 0", 1, 2, 0.5, 0, 0, 1);
    assertRefused("floor = 2", 1, 2, 0.5, 1, 2, 4);
    assertRefused("cap = 0.5", 1, 2, 0.5, 1, 0, 0.5f);
    assertFalse(LossScaling.fixed(8).isDynamic());
  }

  private static void assertRefused(
      String message,
      float initial,
      double growth,
      double backoff,
      int interval,
      float floor,
      float cap) {
    var error =
        assertThrows(
            IllegalArgumentException.class,
            () -> new LossScaling(initial, growth, backoff, interval, floor, cap));
    assertTrue(error.toString().contains(message), error.toString());
  }

  private static StepResult overflow(GradScaler scaler) {
    return scaler.step(
        Gradients.of(Gradients.view("w", new float[] {Float.POSITIVE_INFINITY})),
        GradScalerTest::nothing);
  }

  private static StepResult clean(GradScaler scaler) {
    return scaler.step(Gradients.of(Gradients.view("w", new float[] {1})), GradScalerTest::nothing);
  }
}
