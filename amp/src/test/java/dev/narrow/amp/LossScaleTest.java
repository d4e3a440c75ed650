package dev.narrow.amp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.LossScaling.AtFloor;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class LossScaleTest {

  /** The traces were made with torch 2.13; the script beside them replays them. */
  @Test
  void torchsTracesComeOutBitForBit() throws IOException {
    int steps =
        replay(
            "torch-gradscaler-traces.jsonl.gz",
            trace ->
                LossScaling.torch(
                    (float) trace.get("init").doubleValue(),
                    trace.get("growth").doubleValue(),
                    trace.get("backoff").doubleValue(),
                    trace.get("interval").intValue()),
            (_, _) -> {});
    assertEquals(7720, steps);
  }

  /** The traces are those of Megatron-LM's own class; this is every one that there is. */
  @Test
  void megatronsTracesComeOutBitForBit() throws IOException {
    int steps =
        replay(
            "megatron-gradscaler-traces.jsonl.gz",
            trace ->
                LossScaling.megatron(
                    (float) trace.get("init").doubleValue(),
                    (float) trace.get("min").doubleValue(),
                    trace.get("growth").doubleValue(),
                    trace.get("backoff").doubleValue(),
                    trace.get("interval").intValue(),
                    trace.get("hysteresis").intValue()),
            (after, scale) -> assertEquals(after.get(2).intValue(), scale.hysteresisLeft()));
    assertEquals(4120, steps);
  }

  private int replay(
      String resource, Function<JsonNode, LossScaling> rule, BiConsumer<JsonNode, LossScale> more)
      throws IOException {
    int steps = 0;
    try (var in =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(
                    Objects.requireNonNull(getClass().getResourceAsStream(resource))),
                StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        JsonNode trace = JsonMapper.shared().readTree(line);
        LossScale scale = new LossScale(rule.apply(trace));
        for (int i = 0; i < trace.get("found").size(); i++) {
          JsonNode after = trace.get("trace").get(i);
          scale.update(trace.get("found").get(i).intValue() != 0);
          assertEquals((float) after.get(0).doubleValue(), scale.get(), line);
          assertEquals(after.get(1).intValue(), scale.cleanSteps(), line);
          more.accept(after, scale);
          steps++;
        }
      }
    }
    return steps;
  }

  /** The rule, straight down, on exponents of two alone. */
  private static final class Model {
    final int growth;
    final int backoff;
    final int interval;
    final int floor;
    final int cap;
    final int hysteresis;
    int exponent;
    int clean;
    int overflows;

    Model(SplittableRandom random) {
      growth = random.nextInt(4);
      backoff = random.nextInt(4);
      interval = 1 + random.nextInt(6);
      hysteresis = 1 + random.nextInt(4);
      exponent = random.nextInt(20);
      floor = exponent - random.nextInt(8);
      cap = exponent + random.nextInt(8);
    }

    LossScaling rule(AtFloor atFloor) {
      return new LossScaling(
          Math.scalb(1f, exponent),
          Math.scalb(1.0, growth),
          Math.scalb(1.0, -backoff),
          interval,
          Math.scalb(1f, floor),
          Math.scalb(1f, cap),
          hysteresis,
          atFloor);
    }

    /** Whether the scale ought to be smaller, and cannot. */
    boolean step(boolean overflow) {
      boolean cornered = false;
      if (overflow) {
        clean = 0;
        overflows++;
        if (overflows >= hysteresis && backoff > 0) {
          cornered = exponent == floor;
          exponent = Math.max(floor, exponent - backoff);
        }
      } else {
        clean++;
        if (clean == interval) {
          clean = 0;
          overflows = 0;
          if (exponent + growth <= cap) {
            exponent += growth;
          }
        }
      }
      return cornered;
    }
  }

  @Test
  void aMillionRandomSequencesGoAsTheModelDoes() {
    SplittableRandom random = new SplittableRandom(1);
    int cornered = 0;
    for (int sequence = 0; sequence < 1_000_000; sequence++) {
      Model model = new Model(random);
      LossScale scale = new LossScale(model.rule(AtFloor.FAIL));
      int steps = random.nextInt(40);
      int rarity = 1 + random.nextInt(6);
      for (int step = 0; step < steps; step++) {
        boolean overflow = random.nextInt(rarity) == 0;
        boolean expected = model.step(overflow);
        if (overflow) {
          if (expected != scale.isAtFloor()
              || scale.afterOverflow() != Math.scalb(1f, model.exponent)) {
            throw new AssertionError("sequence " + sequence + ", step " + step);
          }
          cornered += expected ? 1 : 0;
        }
        scale.update(overflow);
        if (scale.get() != Math.scalb(1f, model.exponent)
            || scale.cleanSteps() != model.clean
            || scale.hysteresisLeft() != model.hysteresis - model.overflows) {
          throw new AssertionError("sequence " + sequence + ", step " + step);
        }
      }
    }
    assertTrue(cornered > 100_000, cornered + " at the floor");
  }

  /** The same through the scaler itself, with gradients that overflow or do not. */
  @Test
  void theScalerGoesAsTheModelDoes() {
    SplittableRandom random = new SplittableRandom(2);
    float[] g = new float[1];
    Gradients gradients = Gradients.of(Gradients.view("w", g));
    for (int sequence = 0; sequence < 5_000; sequence++) {
      Model model = new Model(random);
      AtFloor atFloor = random.nextBoolean() ? AtFloor.FAIL : AtFloor.SKIP;
      GradScaler scaler = GradScaler.of(model.rule(atFloor));
      int[] stepped = {0};
      int applied = 0;
      int steps = random.nextInt(40);
      for (int step = 0; step < steps; step++) {
        boolean overflow = random.nextInt(4) == 0;
        float used = scaler.lossScale();
        g[0] = overflow ? Float.NaN : 3 * used;
        StepResult result = scaler.step(gradients, () -> stepped[0]++);
        boolean cornered = model.step(overflow);
        float next = Math.scalb(1f, model.exponent);
        switch (result) {
          case StepResult.Applied(float scale) -> {
            assertFalse(overflow);
            assertEquals(used, scale);
            assertEquals(3, g[0]);
            applied++;
          }
          case StepResult.Skipped(_, float scale) -> {
            assertTrue(overflow && !(cornered && atFloor == AtFloor.FAIL));
            assertEquals(next, scale);
          }
          case StepResult.Collapsed _ -> assertTrue(cornered && atFloor == AtFloor.FAIL);
        }
        assertEquals(next, scaler.lossScale());
      }
      assertEquals(applied, stepped[0]);
      assertEquals(applied, scaler.appliedSteps());
      assertEquals(steps - applied, scaler.skippedSteps());
    }
  }

  @Test
  void rulesThatCannotWorkAreRefused() {
    assertRefused("initial = 0", 0, 2, 0.5, 1, 0, 1, 1);
    assertRefused("growth = 0.5", 1, 0.5, 0.5, 1, 0, 1, 1);
    assertRefused("backoff = 1.5", 1, 2, 1.5, 1, 0, 1, 1);
    assertRefused("backoff = -1.0", 1, 2, -1, 1, 0, 1, 1);
    assertRefused("interval = 0", 1, 2, 0.5, 0, 0, 1, 1);
    assertRefused("floor = 2", 1, 2, 0.5, 1, 2, 4, 1);
    assertRefused("cap = 0.5", 1, 2, 0.5, 1, 0, 0.5f, 1);
    assertRefused("hysteresis = 0", 1, 2, 0.5, 1, 0, 1, 0);
    assertFalse(LossScaling.fixed(8).isDynamic());
  }

  private static void assertRefused(
      String message,
      float initial,
      double growth,
      double backoff,
      int interval,
      float floor,
      float cap,
      int hysteresis) {
    var error =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                new LossScaling(
                    initial, growth, backoff, interval, floor, cap, hysteresis, AtFloor.FAIL));
    assertTrue(error.toString().contains(message), error.toString());
  }
}
