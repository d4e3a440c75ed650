package dev.narrow.amp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.LossScaling.AtFloor;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.state.Action;
import net.jqwik.api.state.ActionChain;
import net.jqwik.api.state.Transformer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.function.Executable;

/**
 * Any calls in any order, legal or not, against a plain model of what is where: the scale, the
 * values, the results, and which calls are refused.
 */
class IterationPropertiesTest {
  enum Stage {
    SCALED,
    UNSCALED,
    STEPPED
  }

  /** Two gradients and three sets of them: the last one shares its memory with the first. */
  static final class World {
    static final int[] MEMORY_OF = {0, 1, 0};
    static final int FLOOR = -2;
    static final int CAP = 6;
    static final int INTERVAL = 2;
    static final int HYSTERESIS = 2;

    final GradScaler scaler =
        GradScaler.of(
            new LossScaling(
                8,
                2,
                0.5,
                INTERVAL,
                Math.scalb(1f, FLOOR),
                Math.scalb(1f, CAP),
                HYSTERESIS,
                AtFloor.FAIL));
    final float[][] memory = {{0}, {0}};
    final Gradients[] sets = new Gradients[3];
    GradScaler.@Nullable Iteration iteration;

    // The model.
    final float[] values = {0, 0};
    final Stage[] stages = {Stage.SCALED, Stage.SCALED, Stage.SCALED};
    final boolean[] left = {false, false, false}; // unscaled by this set, and not written since
    int exponent = 3;
    int clean;
    int overflows;
    boolean open;
    boolean checked;
    boolean found;
    boolean failed;
    int draws;

    World() {
      for (int s = 0; s < sets.length; s++) {
        sets[s] = Gradients.of(Gradients.view("set" + s, memory[MEMORY_OF[s]]));
      }
    }

    void write(int m, float value) {
      values[m] = value;
      for (int s = 0; s < sets.length; s++) {
        left[s] &= MEMORY_OF[s] != m;
      }
    }

    void backward(int m, boolean overflow) {
      if (open) {
        return; // another backward pass before the update is another story
      }
      draws++;
      write(m, overflow ? Float.POSITIVE_INFINITY : (1000 + 7 * draws) * scaler.lossScale());
      memory[m][0] = values[m];
    }

    boolean isFinite(int s) {
      return values[MEMORY_OF[s]] < Float.POSITIVE_INFINITY;
    }

    boolean mayUnscale(int s) {
      for (int other = 0; other < sets.length; other++) {
        if (other != s && MEMORY_OF[other] == MEMORY_OF[s] && stages[other] != Stage.SCALED) {
          return false;
        }
      }
      boolean changes = exponent != 0 && values[MEMORY_OF[s]] != 0 && isFinite(s);
      return stages[s] == Stage.SCALED && !(left[s] && changes);
    }

    void modelUnscale(int s) {
      float unscaled = Math.scalb(values[MEMORY_OF[s]], -exponent);
      if (unscaled != values[MEMORY_OF[s]]) {
        write(MEMORY_OF[s], unscaled);
      }
      stages[s] = Stage.UNSCALED;
      checked = true;
      found |= !isFinite(s);
    }

    void open() {
      if (open) {
        refused(scaler::iteration);
        return;
      }
      iteration = scaler.iteration();
      open = true;
    }

    void unscale(int s) {
      GradScaler.Iteration current = iteration;
      if (current == null) {
        return;
      }
      if (!open || !mayUnscale(s)) {
        failed |= open;
        refused(() -> current.unscale(sets[s]));
        return;
      }
      modelUnscale(s);
      assertEquals(isFinite(s), current.unscale(sets[s]));
    }

    void step(int s) {
      GradScaler.Iteration current = iteration;
      if (current == null) {
        return;
      }
      if (!open || stages[s] == Stage.STEPPED || (stages[s] == Stage.SCALED && !mayUnscale(s))) {
        failed |= open;
        refused(() -> current.step(sets[s], () -> {}));
        return;
      }
      boolean[] stepped = {false};
      StepResult result = current.step(sets[s], () -> stepped[0] = true);
      modelStep(s, result, stepped[0]);
    }

    void modelStep(int s, StepResult result, boolean stepped) {
      if (stages[s] == Stage.SCALED) {
        modelUnscale(s);
      }
      stages[s] = Stage.STEPPED;
      assertEquals(isFinite(s), stepped);
      switch (result) {
        case StepResult.Applied(float scale) -> {
          assertTrue(isFinite(s));
          assertEquals(Math.scalb(1f, exponent), scale);
        }
        case StepResult.Skipped(Overflow overflow, float next) -> {
          assertTrue(!isFinite(s) && !isCornered());
          assertEquals("set" + s, overflow.gradient());
          assertEquals(Math.scalb(1f, backsOff() ? exponent - 1 : exponent), next);
        }
        case StepResult.Collapsed _ -> assertTrue(!isFinite(s) && isCornered());
      }
    }

    boolean backsOff() {
      return overflows + 1 >= HYSTERESIS;
    }

    boolean isCornered() {
      return backsOff() && exponent == FLOOR;
    }

    void shortStep(int s) {
      if (open) {
        refused(() -> scaler.step(sets[s], () -> {}));
        return;
      }
      boolean[] stepped = {false};
      if (!mayUnscale(s)) {
        refused(() -> scaler.step(sets[s], () -> stepped[0] = true));
        assertEquals(false, stepped[0]);
        return;
      }
      StepResult result = scaler.step(sets[s], () -> stepped[0] = true);
      modelStep(s, result, stepped[0]);
      modelClose();
    }

    void clip(int s) {
      if (stages[s] != Stage.UNSCALED) {
        refused(() -> Clip.norm(sets[s], Float.MAX_VALUE));
        return;
      }
      assertEquals(values[MEMORY_OF[s]], Clip.norm(sets[s], Float.MAX_VALUE), 1e-3);
    }

    void microBatch(int s) {
      if (open) {
        refused(() -> scaler.microBatch(sets[s]));
        return;
      }
      assertEquals(isFinite(s), scaler.microBatch(sets[s]));
    }

    void close() {
      GradScaler.Iteration current = iteration;
      if (current == null) {
        return;
      }
      if (open && !failed && !checked) {
        refused(current::close);
      } else {
        current.close();
      }
      if (open) {
        modelClose();
      }
    }

    void modelClose() {
      if (!failed && checked) {
        update();
      }
      for (int s = 0; s < sets.length; s++) {
        left[s] |= stages[s] != Stage.SCALED;
        stages[s] = Stage.SCALED;
      }
      open = false;
      checked = false;
      found = false;
      failed = false;
    }

    void update() {
      if (found) {
        clean = 0;
        exponent = backsOff() ? Math.max(FLOOR, exponent - 1) : exponent;
        overflows++;
      } else if (++clean == INTERVAL) {
        clean = 0;
        overflows = 0;
        exponent = Math.min(CAP, exponent + 1);
      }
    }

    static void refused(Executable call) {
      assertThrows(IllegalStateException.class, call);
    }

    void agree() {
      assertEquals(Math.scalb(1f, exponent), scaler.lossScale());
      assertEquals(clean, scaler.cleanSteps());
      for (int m = 0; m < values.length; m++) {
        assertEquals(values[m], memory[m][0]);
      }
    }
  }

  private interface Call {
    void make(World world, int set);
  }

  private static Action<World> action(String name, Call call) {
    return new Action.Independent<>() {
      @Override
      public Arbitrary<Transformer<World>> transformer() {
        return Arbitraries.integers()
            .between(0, 2)
            .map(set ->
                Transformer.mutate(
                    name + " " + set,
                    world -> {
                      call.make(world, set);
                      world.agree();
                    }));
      }
    };
  }

  @Provide
  Arbitrary<ActionChain<World>> calls() {
    return ActionChain.startWith(World::new)
        .withAction(6, action("backward of memory", (world, m) -> world.backward(m % 2, false)))
        .withAction(2, action("overflow of memory", (world, m) -> world.backward(m % 2, true)))
        .withAction(4, action("open", (world, _) -> world.open()))
        .withAction(4, action("unscale", World::unscale))
        .withAction(4, action("step", World::step))
        .withAction(3, action("close", (world, _) -> world.close()))
        .withAction(5, action("short step", World::shortStep))
        .withAction(1, action("clip", World::clip))
        .withAction(1, action("micro-batch", World::microBatch))
        .withMaxTransformations(60);
  }

  @Property(tries = 500)
  void anyCallsInAnyOrderDoWhatTheModelDoes(@ForAll("calls") ActionChain<World> chain) {
    chain.run();
  }
}
