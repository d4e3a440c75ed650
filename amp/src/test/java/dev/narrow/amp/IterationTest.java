package dev.narrow.amp;

import static dev.narrow.amp.Gradients.view;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.StepResult.Applied;
import dev.narrow.amp.StepResult.Collapsed;
import dev.narrow.amp.StepResult.Skipped;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class IterationTest {
  private final float[] a = {8};
  private final float[] b = {16, 24};
  private final Gradients first = Gradients.of(view("a", a));
  private final Gradients second = Gradients.of(view("b", b));
  private final List<String> steps = new ArrayList<>();
  private final GradScaler scaler = GradScaler.of(LossScaling.torch(8, 2, 0.5, 1));

  @Test
  void severalOptimizersShareAScaleThatIsUpdatedOnce() {
    try (var iteration = scaler.iteration()) {
      assertTrue(iteration.unscale(first));
      assertEquals(new Applied(8), iteration.step(first, () -> steps.add("first")));
      assertEquals(new Applied(8), iteration.step(second, () -> steps.add("second")));
      assertEquals(8, scaler.lossScale());
    }
    assertArrayEquals(new float[] {1}, a);
    assertArrayEquals(new float[] {2, 3}, b);
    assertEquals(List.of("first", "second"), steps);
    assertEquals(16, scaler.lossScale());
  }

  @Test
  void anOverflowSkipsItsOwnOptimizerAndBacksOffForAll() {
    b[1] = Float.NaN;
    try (var iteration = scaler.iteration()) {
      assertInstanceOf(Applied.class, iteration.step(first, () -> steps.add("first")));
      Skipped skipped =
          assertInstanceOf(Skipped.class, iteration.step(second, () -> steps.add("second")));
      assertEquals("b", skipped.overflow().gradient());
      assertEquals(1, skipped.overflow().index());
      assertEquals(4, skipped.nextLossScale());
    }
    assertEquals(List.of("first"), steps);
    assertEquals(4, scaler.lossScale());
    assertEquals(1, scaler.appliedSteps());
    assertEquals(1, scaler.skippedSteps());
  }

  @Test
  void atTheFloorOnlyTheOptimizerThatOverflowsCollapses() {
    GradScaler floored = GradScaler.of(new LossScaling(8, 2, 0.5, 1, 8, 16));
    b[0] = Float.POSITIVE_INFINITY;
    try (var iteration = floored.iteration()) {
      assertInstanceOf(Collapsed.class, iteration.step(second, () -> steps.add("second")));
      assertInstanceOf(Applied.class, iteration.step(first, () -> steps.add("first")));
    }
    assertEquals(8, floored.lossScale());
  }

  /** Each loss with a scaler of its own: unscaled, gradients of one parameter can be added. */
  @Test
  void lossesWithScalesOfTheirOwn() {
    GradScaler other = GradScaler.of(LossScaling.torch(2, 2, 0.5, 1));
    float[] c = {6};
    Gradients third = Gradients.of(view("c", c));
    try (var one = scaler.iteration();
        var two = other.iteration()) {
      assertTrue(one.unscale(first));
      assertTrue(two.unscale(third));
      a[0] += c[0];
      assertInstanceOf(Applied.class, one.step(first, () -> steps.add("step")));
    }
    assertEquals(4, a[0]);

    a[0] = 16;
    c[0] = Float.NaN;
    try (var one = scaler.iteration();
        var two = other.iteration()) {
      assertTrue(one.unscale(first));
      assertFalse(two.unscale(third));
      a[0] += c[0];
      assertInstanceOf(Skipped.class, one.step(first, () -> steps.add("never")));
    }
    assertEquals(List.of("step"), steps);
    assertEquals(32, scaler.lossScale(), "its own loss was finite");
    assertEquals(2, other.lossScale(), "4 was too much");
  }

  @Test
  void unscalingTwiceIsRefused() {
    refused(
        "gradients are unscaled already: once for each backward pass, by unscale or by step",
        iteration -> iteration.unscale(first),
        iteration -> iteration.unscale(first));
    refused(
        "unscaled already",
        iteration -> iteration.step(first, () -> {}),
        iteration -> iteration.unscale(first));
    assertEquals(1, a[0]);
  }

  @Test
  void unscalingTheSameMemoryTwiceIsRefused() {
    Gradients same = Gradients.of(view("x", new float[1]), view("y", b));
    refused(
        "gradients b and y of two sets share memory and would be unscaled twice: unscale each"
            + " parameter's gradient in one set",
        iteration -> iteration.unscale(second),
        iteration -> iteration.step(same, () -> {}));
    assertArrayEquals(new float[] {2, 3}, b);
  }

  @Test
  void unscalingAgainWithoutABackwardPassIsRefused() {
    scaler.step(first, () -> {});
    var error = assertThrows(IllegalStateException.class, () -> scaler.step(first, () -> {}));
    assertEquals(
        "gradients are as the last unscaling left them, and would be unscaled twice: backward, then"
            + " unscale or step",
        error.getMessage());
    assertEquals(1, a[0]);
    assertEquals(16, scaler.lossScale());
  }

  /** Unscaling leaves zeros and a scale of 1 as they are: nothing can go wrong, or be noticed. */
  @Test
  void whatUnscalingDoesNotChangeMayBeUnscaledAgain() {
    GradScaler checks = GradScaler.of(LossScaling.checkOnly());
    for (int i = 0; i < 3; i++) {
      assertInstanceOf(Applied.class, checks.step(first, () -> {}));
    }
    a[0] = 0;
    for (int i = 0; i < 3; i++) {
      assertInstanceOf(Applied.class, scaler.step(first, () -> {}));
    }
    a[0] = Float.NaN;
    for (int i = 0; i < 3; i++) {
      assertInstanceOf(Skipped.class, scaler.step(first, () -> {}));
    }
  }

  @Test
  void steppingTwiceIsRefused() {
    refused(
        "gradients have been stepped on already: unscale, clip, step, each once, then close",
        iteration -> iteration.step(first, () -> steps.add("once")),
        iteration -> iteration.step(first, () -> steps.add("twice")));
    assertEquals(List.of("once"), steps);
  }

  @Test
  void steppingOnWhatAnotherScalerHasUnscaledIsRefused() {
    GradScaler other = GradScaler.of(LossScaling.dynamic());
    try (var foreign = other.iteration()) {
      foreign.unscale(first);
      refused(
          "gradients were unscaled by another scaler: unscale and step with one and the same",
          iteration -> iteration.unscale(second),
          iteration -> iteration.step(first, () -> {}));
    }
  }

  @Test
  void clippingAfterTheStepIsRefused() {
    refused(
        "clip after the optimizer has stepped: unscale, clip, step; between Iteration.unscale and"
            + " Iteration.step",
        iteration -> iteration.step(first, () -> {}),
        _ -> Clip.norm(first, 1));
  }

  @Test
  void anUpdateWithoutACheckIsRefused() {
    var error =
        assertThrows(
            IllegalStateException.class,
            () -> {
              var iteration = scaler.iteration();
              iteration.close();
            });
    assertEquals(
        "the iteration was closed without a check, and the scale has not changed: unscale or step"
            + " with all gradients, then close",
        error.getMessage());
    assertEquals(8, scaler.lossScale());
  }

  @Test
  void oneIterationAtATime() {
    try (var iteration = scaler.iteration()) {
      iteration.unscale(first);
      for (Executable another :
          List.<Executable>of(scaler::iteration, () -> scaler.step(second, () -> {}))) {
        var error = assertThrows(IllegalStateException.class, another);
        assertEquals(
            "an iteration is open: step with its own methods, and close it before the next",
            error.getMessage());
      }
      assertThrows(IllegalStateException.class, () -> scaler.microBatch(Float.NaN, second));
      assertThrows(IllegalStateException.class, () -> scaler.unscalePenalty(second));
      assertThrows(IllegalStateException.class, scaler::state);
    }
    assertThrows(
        IllegalStateException.class,
        () ->
            scaler.step(second, () -> scaler.step(Gradients.of(view("c", new float[1])), () -> {})),
        "within the body");
    assertEquals(16, scaler.lossScale(), "of the first iteration alone");
  }

  @Test
  void aClosedIterationIsOver() {
    var iteration = scaler.iteration();
    iteration.unscale(first);
    iteration.close();
    iteration.close();
    assertEquals(16, scaler.lossScale());
    var error = assertThrows(IllegalStateException.class, () -> iteration.step(first, () -> {}));
    assertEquals(
        "the iteration is closed: backward, then scaler.iteration(), unscale, step, close",
        error.getMessage());
  }

  @Test
  void anOptimizerThatThrowsLeavesTheScale() {
    assertThrows(
        ArithmeticException.class,
        () -> {
          try (var iteration = scaler.iteration()) {
            iteration.step(
                first,
                () -> {
                  throw new ArithmeticException("in the optimizer");
                });
          }
        });
    assertEquals(8, scaler.lossScale());
  }

  private interface Move {
    void make(GradScaler.Iteration iteration);
  }

  /** The second move is refused, and the iteration then does not update the scale. */
  private void refused(String message, Move good, Move bad) {
    GradScaler fresh = GradScaler.of(LossScaling.torch(8, 2, 0.5, 1));
    a[0] = 8;
    b[0] = 16;
    b[1] = 24;
    try (var iteration = fresh.iteration()) {
      good.make(iteration);
      var error = assertThrows(IllegalStateException.class, () -> bad.make(iteration));
      assertTrue(error.toString().contains(message), error.getMessage());
    }
    if (!message.startsWith("clip")) {
      assertEquals(8, fresh.lossScale());
    }
  }
}
