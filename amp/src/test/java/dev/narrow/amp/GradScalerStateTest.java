package dev.narrow.amp;

import static dev.narrow.amp.Gradients.view;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.GradScaler.State;
import dev.narrow.amp.LossScaling.AtFloor;
import dev.narrow.kernels.Backend;
import java.util.List;
import org.junit.jupiter.api.Test;

class GradScalerStateTest {
  private static final LossScaling RULE = new LossScaling(16, 2, 0.5, 3, 1, 64, 2, AtFloor.FAIL);

  private static State one(float scale, int cleanSteps, int hysteresisLeft) {
    return new State(7, 2, List.of(new State.Scale("", scale, cleanSteps, hysteresisLeft)));
  }

  @Test
  void whatIsRestoredIsTheState() {
    GradScaler scaler = GradScaler.of(RULE);
    assertEquals(
        new State(0, 0, List.of(new State.Scale("", 16, 0, 2))), scaler.state(), "at the start");
    State state = one(32, 2, -4);
    scaler.restore(state);
    assertEquals(state, scaler.state());
    assertEquals(32, scaler.lossScale());
    assertEquals(2, scaler.cleanSteps());
    assertEquals(7, scaler.appliedSteps());
    assertEquals(2, scaler.skippedSteps());
    scaler.step(Gradients.of(view("w", new float[] {1})), () -> {});
    assertEquals(64, scaler.lossScale());
  }

  @Test
  void aStateOfAnotherScalerIsRefusedAndNothingChanges() {
    refused("loss scale.scale = 128.0, expected 1.0 to 64.0", one(128, 0, 2));
    refused("loss scale.scale = 0.5", one(0.5f, 0, 2));
    refused("loss scale.scale = NaN", one(Float.NaN, 0, 2));
    refused("loss scale.cleanSteps = -1", one(16, -1, 2));
    refused("loss scale.hysteresisLeft = 3, expected at most the rule's 2", one(16, 0, 3));
    refused("appliedSteps = -1", new State(-1, 0, one(16, 0, 2).scales()));
    refused("skippedSteps = -1", new State(0, -1, one(16, 0, 2).scales()));
    refused("state has scales of [], expected []", new State(0, 0, List.of()));
    refused(
        "state has scales of [, fc1]",
        new State(
            0, 0, List.of(one(16, 0, 2).scales().getFirst(), new State.Scale("fc1", 16, 0, 2))));
  }

  private static void refused(String message, State state) {
    GradScaler scaler = GradScaler.of(RULE);
    State before = scaler.state();
    var error = assertThrows(IllegalArgumentException.class, () -> scaler.restore(state));
    assertTrue(error.toString().contains(message), error.getMessage());
    assertEquals(before, scaler.state());
  }

  /** A scale that was saved does not slip into a run that has none. */
  @Test
  void fixedScalersHaveAStateToo() {
    GradScaler fixed = GradScaler.of(LossScaling.checkOnly());
    fixed.step(Gradients.of(view("w", new float[] {Float.NaN})), () -> {});
    State state = fixed.state();
    assertEquals(1, state.skippedSteps());
    GradScaler resumed = GradScaler.of(LossScaling.checkOnly());
    resumed.restore(state);
    assertEquals(state, resumed.state());
    assertThrows(
        IllegalArgumentException.class,
        () -> resumed.restore(GradScaler.of(LossScaling.dynamic()).state()));
  }

  @Test
  void scalesOfLayersAreSavedByName() {
    GradScaler scaler = GradScaler.perLayer(RULE, Backend.cpu(1), "a", "b");
    scaler.step(Gradients.of(view("b.weight", new float[] {Float.NaN})), () -> {});
    scaler.step(Gradients.of(view("b.weight", new float[] {Float.NaN})), () -> {});
    State state = scaler.state();
    assertEquals(
        List.of(
            new State.Scale("", 16, 0, 2),
            new State.Scale("a", 16, 0, 2),
            new State.Scale("b", 8, 0, 0)),
        state.scales());
    GradScaler resumed = GradScaler.perLayer(RULE, Backend.cpu(1), "a", "b");
    resumed.restore(state);
    assertEquals(8, resumed.lossScale("b"));
    State second =
        new State(
            0,
            0,
            List.of(
                new State.Scale("", 32, 0, 2),
                new State.Scale("a", 32, 0, 2),
                new State.Scale("b", 128, 0, 2)));
    assertThrows(IllegalArgumentException.class, () -> resumed.restore(second));
    assertEquals(state, resumed.state());
  }

  @Test
  void withinAnIterationThereIsNoState() {
    GradScaler scaler = GradScaler.of(RULE);
    Gradients gradients = Gradients.of(view("w", new float[] {16}));
    State state = scaler.state();
    scaler.microBatch(gradients);
    var error = assertThrows(IllegalStateException.class, scaler::state);
    assertEquals(
        "state within an iteration: state after the step, before the next", error.getMessage());
    assertThrows(IllegalStateException.class, () -> scaler.restore(state));
    scaler.step(gradients, () -> assertThrows(IllegalStateException.class, scaler::state));
    assertEquals(1, scaler.state().appliedSteps());
  }
}
