package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.formats.Formats;
import dev.narrow.quant.DelayedScaling.Algorithm;
import dev.narrow.quant.DelayedScaling.Recipe;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class DelayedScalingTest {
  private static final Shape SHAPE = Shape.of(3, 2);
  private static final Quantizer E4M3 =
      Quantizer.of(Formats.E4M3FN).with(ScaleRule.AMAX_TO_MAX_FINITE);
  private static final Quantizer E4M3_PER_ROW = E4M3.with(new Granularity.PerAxis(0));

  /** What Transformer Engine's kernel does with the history and the scale of one tensor. */
  private static final class TransformerEngine {
    private final float[] history;
    private final boolean max;
    private final float scaledMax;
    private float scale = 1; // multiplies elements

    TransformerEngine(int length, boolean max, int margin) {
      this.history = new float[length];
      this.max = max;
      this.scaledMax = 448 * (float) Math.pow(2, -margin);
    }

    void observe(float amax) {
      if (amax > history[0]) {
        history[0] = amax;
      }
    }

    void update() {
      float last = history[0];
      float amax = last;
      System.arraycopy(history, 1, history, 0, history.length - 1);
      history[history.length - 1] = last;
      for (float a : history) {
        amax = max ? Math.max(amax, a) : amax;
      }
      history[0] = 0;
      if (amax > 0 && amax < Float.POSITIVE_INFINITY) {
        scale = scaledMax / amax;
      }
    }
  }

  @Property(tries = 300)
  void scalesAreThoseOfTransformerEngine(
      @ForAll @IntRange(min = 1, max = 5) int length,
      @ForAll Algorithm algorithm,
      @ForAll @IntRange(min = -2, max = 3) int margin,
      @ForAll long seed) {
    DelayedScaling delayed = DelayedScaling.of(E4M3, SHAPE, new Recipe(length, algorithm, margin));
    TransformerEngine engine = new TransformerEngine(length, algorithm == Algorithm.MAX, margin);
    Random random = new Random(seed);
    for (int step = 0; step < 30; step++) {
      assertEquals(1.0, (double) delayed.scales().get(0) * engine.scale, 1e-6, "step " + step);
      for (int observation = random.nextInt(3); observation > 0; observation--) {
        float amax =
            switch (random.nextInt(6)) {
              case 0 -> 0f;
              case 1 -> random.nextInt(3) == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
              default -> (float) Math.exp(5 * random.nextGaussian());
            };
        delayed.observe(amax);
        engine.observe(amax);
      }
      delayed.endStep();
      engine.update();
    }
  }

  @Test
  void aTensorIsQuantizedWithWhatStepsBeforeItHaveSeen() {
    DelayedScaling delayed =
        DelayedScaling.of(E4M3_PER_ROW, SHAPE, new Recipe(2, Algorithm.MAX, 0));
    delayed.observe(Tensor.of(new float[] {448, 1, 2, 896, 0, 0}, 3, 2));
    assertEquals(Scales.of(new Granularity.PerAxis(0), 1, 1, 1), delayed.scales());
    delayed.endStep();
    assertEquals(Scales.of(new Granularity.PerAxis(0), 1, 2, 1), delayed.scales());
    delayed.observe(Tensor.of(new float[] {44.8f, 0, 0, 0, 0, 1344}, 3, 2));
    delayed.endStep(); // the first step is remembered
    assertEquals(Scales.of(new Granularity.PerAxis(0), 1, 2, 3), delayed.scales());
    delayed.endStep(); // now it is forgotten; where there was nothing since, the scale stays
    assertEquals(44.8f / 448, delayed.scales().get(0));
    assertEquals(2f, delayed.scales().get(1));
  }

  @Test
  void aTensorsInfinitiesDoNotFreezeTheScale() {
    DelayedScaling delayed = DelayedScaling.of(E4M3, SHAPE, Recipe.DEFAULT);
    delayed.observe(
        Tensor.of(new float[] {Float.POSITIVE_INFINITY, 1, Float.NaN, 896, 0, 0}, 3, 2));
    delayed.endStep();
    assertEquals(2f, delayed.scales().get(0));
  }

  @Property(tries = 50)
  void aSnapshotGoesOnLikeTheOriginal(
      @ForAll @IntRange(max = 12) int before, @ForAll Algorithm algorithm, @ForAll long seed) {
    Recipe recipe = new Recipe(4, algorithm, 1);
    DelayedScaling original = DelayedScaling.of(E4M3_PER_ROW, SHAPE, recipe);
    Random random = new Random(seed);
    for (int step = 0; step < before; step++) {
      original.observe(random.nextFloat(), random.nextFloat(), random.nextFloat());
      original.endStep();
    }
    original.observe(random.nextFloat(), 0.5f, 7f); // in the middle of a step
    DelayedScaling restored = DelayedScaling.of(E4M3_PER_ROW, SHAPE, recipe);
    restored.restore(original.snapshot());
    for (int step = 0; step < 8; step++) {
      assertEquals(original.scales(), restored.scales());
      assertEquals(original.snapshot(), restored.snapshot());
      float amax = random.nextFloat();
      original.observe(amax, amax, amax);
      restored.observe(amax, amax, amax);
      original.endStep();
      restored.endStep();
    }
  }

  @Test
  void whatDoesNotFitIsRefused() {
    Recipe recipe = new Recipe(2, Algorithm.MAX, 0);
    DelayedScaling delayed = DelayedScaling.of(E4M3_PER_ROW, SHAPE, recipe);
    assertThrows(IllegalArgumentException.class, () -> delayed.observe(1f));
    assertThrows(IllegalArgumentException.class, () -> delayed.observe(1f, -1f, 0f));
    assertThrows(IllegalArgumentException.class, () -> delayed.observe(Tensor.zeros(2, 3)));
    assertThrows(IllegalArgumentException.class, () -> delayed.restore(Tensor.zeros(2, 3)));
    Tensor negative = Tensor.of(new float[] {0, 0, 0, 0, 0, 0, 1, 1, -1}, 3, 3);
    assertThrows(IllegalArgumentException.class, () -> delayed.restore(negative));
    Tensor unscaledRows = Tensor.of(new float[] {0, 0, 0, 0, 0, 0, 1, 1, 0}, 3, 3);
    assertThrows(IllegalArgumentException.class, () -> delayed.restore(unscaledRows));
    assertThrows(IllegalArgumentException.class, () -> new Recipe(0, Algorithm.MAX, 0));
    assertThrows(IllegalArgumentException.class, () -> new Recipe(4, Algorithm.MAX, 100));
    Quantizer blocks = E4M3.with(new Granularity.PerBlock(-1, 2));
    assertThrows(IllegalArgumentException.class, () -> DelayedScaling.of(blocks, SHAPE, recipe));
    Quantizer unscaled = Quantizer.of(Formats.E4M3FN);
    assertThrows(IllegalArgumentException.class, () -> DelayedScaling.of(unscaled, SHAPE, recipe));
  }
}
