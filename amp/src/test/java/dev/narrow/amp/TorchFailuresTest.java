package dev.narrow.amp;

import static dev.narrow.amp.Gradients.view;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.LossScaling.AtFloor;
import dev.narrow.amp.StepResult.Applied;
import dev.narrow.amp.StepResult.Collapsed;
import dev.narrow.amp.StepResult.Skipped;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Eleven ways in which torch.amp.GradScaler 2.13 silently goes wrong, and what happens here.
 * Parameters start at 1 and are stepped by SGD with a learning rate of 0.1, as where torch's were
 * observed.
 */
class TorchFailuresTest {
  private static final float INFINITY = Float.POSITIVE_INFINITY;

  private final float[] w = {1};
  private final float[] g = {0};
  private final Gradients gradients = Gradients.of(view("w", g));

  private void sgd() {
    w[0] -= 0.1f * g[0];
  }

  /** torch: the scale sinks to 0; the next clean step makes the parameter NaN. */
  @Test
  void n01AScaleThatCollapsesDoesNotDestroyParameters() {
    GradScaler floored = GradScaler.of(LossScaling.dynamic());
    StepResult result;
    do {
      g[0] = INFINITY;
      result = floored.step(gradients, this::sgd);
    } while (result instanceof Skipped);
    assertInstanceOf(Collapsed.class, result);
    assertEquals(1, floored.lossScale());

    GradScaler torch = GradScaler.of(LossScaling.torch(0x1p-148f, 2, 0.5, 2000));
    for (float expected : new float[] {Float.MIN_VALUE, 0, 0, 0}) { // as torch has them
      g[0] = INFINITY;
      torch.step(gradients, this::sgd);
      assertEquals(expected, torch.lossScale());
    }
    g[0] = 0;
    assertInstanceOf(Collapsed.class, torch.step(gradients, this::sgd));
    assertEquals(0, g[0]);
    assertEquals(1, w[0]);
  }

  /** torch: the check comes before the multiplication; the parameter becomes -infinity. */
  @Test
  void n02AnOverflowOfTheUnscalingIsSeen() {
    g[0] = 3e38f;
    assertInstanceOf(
        Skipped.class, GradScaler.of(LossScaling.fixed(0x1p-10f)).step(gradients, this::sgd));
    assertEquals(1, w[0]);
  }

  /** torch: the gradient is divided twice, and is 1.5e-5. */
  @Test
  void n03AParameterOfTwoOptimizersIsNotUnscaledTwice() {
    GradScaler scaler = GradScaler.of(LossScaling.dynamic());
    Gradients other = Gradients.of(view("tied", g));
    g[0] = 65536;
    try (var iteration = scaler.iteration()) {
      iteration.unscale(gradients);
      var refused = assertThrows(IllegalStateException.class, () -> iteration.unscale(other));
      assertTrue(refused.toString().contains("w and tied"), refused.getMessage());
    }
    assertEquals(1, g[0]);
  }

  /** torch: unscale, update, unscale divides twice. */
  @Test
  void n04GradientsWithoutANewBackwardPassAreNotUnscaledAgain() {
    GradScaler scaler = GradScaler.of(LossScaling.dynamic());
    g[0] = 65536;
    try (var iteration = scaler.iteration()) {
      iteration.unscale(gradients);
    }
    assertThrows(IllegalStateException.class, () -> scaler.step(gradients, this::sgd));
    assertEquals(1, g[0]);
    assertEquals(1, w[0]);
    g[0] = 65536; // the backward pass
    assertInstanceOf(Applied.class, scaler.step(gradients, this::sgd));
  }

  /** torch: the tracker has passed the shorter interval, is never equal to it, and never grows. */
  @Test
  void n05AShorterIntervalStillLetsTheScaleGrow() {
    GradScaler slow = GradScaler.of(LossScaling.torch(8, 2, 0.5, 10));
    for (int i = 0; i < 5; i++) {
      g[0] = 8;
      slow.step(gradients, this::sgd);
    }
    GradScaler quick = GradScaler.of(LossScaling.torch(8, 2, 0.5, 3));
    quick.restore(slow.state());
    assertEquals(5, quick.cleanSteps());
    g[0] = 8;
    quick.step(gradients, this::sgd);
    assertEquals(16, quick.lossScale());
    assertThrows(IllegalArgumentException.class, () -> LossScaling.torch(8, 2, 0.5, 0));
  }

  /** torch: values are checked before equal indices are added up; the sum is infinite, unseen. */
  @Test
  void n06ASumOverEqualIndicesThatOverflowsIsSeen() {
    SparseGradient sparse =
        SparseGradient.of(
            "embedding.weight",
            new int[] {4, 1, 4},
            Tensor.of(new float[] {3e38f, 1, 3e38f}, 3, 1));
    StepResult result =
        GradScaler.of(LossScaling.checkOnly()).step(Gradients.of(sparse), this::sgd);
    assertEquals(
        "step skipped: embedding.weight[4] = Infinity at loss scale 1, backward of embedding;"
            + " next 1",
        result.toString());
  }

  /** torch: scaled gradients are clipped to 1, and the parameter moves by 1.5e-6. */
  @Test
  void n07ClippingScaledGradientsIsRefused() {
    GradScaler scaler = GradScaler.of(LossScaling.dynamic());
    g[0] = 5 * 65536;
    var refused = assertThrows(IllegalStateException.class, () -> Clip.norm(gradients, 1));
    assertTrue(
        refused.toString().contains("clip of scaled gradients: unscale, clip, step"),
        refused.getMessage());
    scaler.step(
        gradients,
        () -> {
          assertEquals(5, Clip.norm(gradients, 1));
          sgd();
        });
    assertEquals(0.9f, w[0]);
  }

  /** torch: an infinite norm makes NaN of all gradients. */
  @Test
  void n08ClippingByANormThatIsNotFiniteWritesNothing() {
    float[] two = {65536, INFINITY};
    Gradients both = Gradients.of(view("v", two));
    GradScaler scaler = GradScaler.of(LossScaling.dynamic());
    try (var iteration = scaler.iteration()) {
      assertFalse(iteration.unscale(both));
      assertEquals(INFINITY, Clip.norm(both, 1));
      Clip.value(both, 1); // nor does this make a finite number of it
      assertArrayEquals(new float[] {1, INFINITY}, two);
      assertInstanceOf(Skipped.class, iteration.step(both, this::sgd));
    }
    assertEquals(32768, scaler.lossScale());
  }

  /** torch: an infinity put in after unscaling is stepped on; one taken out still skips. */
  @Test
  void n09WhatIsSteppedOnIsWhatIsThere() {
    GradScaler scaler = GradScaler.of(LossScaling.dynamic());
    g[0] = 65536;
    try (var iteration = scaler.iteration()) {
      assertTrue(iteration.unscale(gradients));
      g[0] = INFINITY;
      assertEquals(
          "step skipped: w[0] = Infinity at loss scale 65536, between unscaling and step;"
              + " next 65536",
          iteration.step(gradients, this::sgd).toString());
    }
    assertEquals(1, w[0]);
    assertEquals(65536, scaler.lossScale(), "which was not too large");

    try (var iteration = scaler.iteration()) {
      assertFalse(iteration.unscale(gradients));
      g[0] = 1;
      assertInstanceOf(Applied.class, iteration.step(gradients, this::sgd));
    }
    assertEquals(0.9f, w[0]);
    assertEquals(32768, scaler.lossScale(), "which was too large");
  }

  /** torch: step() does not say whether it stepped, and schedules go on as if it had. */
  @Test
  void n10AScheduleAdvancesWithStepsThatWereMade() {
    GradScaler scaler = GradScaler.of(LossScaling.dynamic());
    List<Float> rates = new ArrayList<>();
    float rate = 0.1f;
    for (float gradient : new float[] {1, INFINITY, INFINITY, 1}) {
      g[0] = gradient * scaler.lossScale();
      switch (scaler.step(gradients, this::sgd)) {
        case Applied _ -> rate /= 2;
        case Skipped _ -> {}
        case Collapsed c -> throw new AmpException(c);
      }
      rates.add(rate);
    }
    assertEquals(List.of(0.05f, 0.05f, 0.05f, 0.025f), rates);
  }

  /** torch: state is five entries, loaded one by one; a missing one leaves half of it loaded. */
  @Test
  void n11AStateIsOneValueTakenOnWholeOrNotAtAll() {
    LossScaling rule = new LossScaling(16, 2, 0.5, 3, 1, 64, 2, AtFloor.FAIL);
    GradScaler uninterrupted = GradScaler.of(rule);
    GradScaler resumed = GradScaler.of(rule);
    for (int i = 0; i < 60; i++) {
      if (i % 7 == 3) { // a new process
        GradScaler next = GradScaler.of(rule);
        next.restore(resumed.state());
        resumed = next;
      }
      for (GradScaler scaler : List.of(uninterrupted, resumed)) {
        g[0] = i % 5 == 4 ? INFINITY : scaler.lossScale();
        scaler.step(gradients, this::sgd);
      }
      assertEquals(uninterrupted.state(), resumed.state());
    }
    assertEquals(12, resumed.skippedSteps());

    var before = resumed.state();
    var half = new GradScaler.State(1, 1, List.of(new GradScaler.State.Scale("", 32, -1, 1)));
    GradScaler scaler = resumed;
    var refused = assertThrows(IllegalArgumentException.class, () -> scaler.restore(half));
    assertTrue(refused.toString().contains("cleanSteps = -1"), refused.getMessage());
    assertEquals(before, scaler.state());
  }
}
