package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.formats.Formats;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RunningAmaxTest {
  private static final Quantizer INT8 =
      Quantizer.of(Formats.INT8).with(ScaleRule.AMAX_TO_MAX_FINITE);

  @Test
  void theFirstObservationCountsWholeAndEachFurtherOneByItsShare() {
    RunningAmax running = RunningAmax.of(INT8, Shape.of(2), 0.75);
    assertEquals(1f, running.scales().get(0), "nothing seen yet");
    running.observe(Tensor.of(new float[] {-127, 5}, 2));
    assertEquals(1f, running.scales().get(0));
    running.observe(Tensor.of(new float[] {635, Float.POSITIVE_INFINITY}, 2));
    assertEquals(2f, running.scales().get(0), "127 + (635 - 127) / 4 = 254");
    running.observe(Tensor.of(new float[] {0, Float.NaN}, 2));
    assertEquals(2f, running.scales().get(0), "nothing to learn");
  }

  @Test
  void eachIndexOfAnAxisHasItsOwnAverage() {
    RunningAmax running =
        RunningAmax.of(INT8.with(new Granularity.PerAxis(1)), Shape.of(2, 2), 0.5);
    running.observe(Tensor.of(new float[] {127, 0, 0, 254}, 2, 2));
    running.observe(Tensor.of(new float[] {381, 0, 0, 254}, 2, 2));
    assertEquals(Scales.of(new Granularity.PerAxis(1), 2, 2), running.scales());
  }

  @Test
  void theAverageFollowsTheFormula() {
    RunningAmax running = RunningAmax.of(INT8, Shape.of(1), 0.9);
    Random random = new Random(1);
    double expected = 0;
    for (int step = 0; step < 100; step++) {
      float amax = 1 + random.nextFloat();
      running.observe(Tensor.of(new float[] {amax}, 1));
      expected = step == 0 ? amax : 0.9 * expected + 0.1 * amax;
    }
    assertEquals(expected / 127, running.scales().get(0), 1e-7);
  }

  @Test
  void aSnapshotGoesOnLikeTheOriginal() {
    RunningAmax original = RunningAmax.of(INT8, Shape.of(1), 0.9);
    original.observe(Tensor.of(new float[] {3}, 1));
    RunningAmax restored = RunningAmax.of(INT8, Shape.of(1), 0.9);
    restored.restore(original.snapshot());
    original.observe(Tensor.of(new float[] {5}, 1));
    restored.observe(Tensor.of(new float[] {5}, 1));
    assertEquals(original.scales(), restored.scales());
    assertThrows(IllegalArgumentException.class, () -> restored.restore(Tensor.zeros(2, 1)));
    Tensor infinite = Tensor.of(new float[] {Float.POSITIVE_INFINITY}, 1, 1);
    assertThrows(IllegalArgumentException.class, () -> restored.restore(infinite));
    assertEquals(original.scales(), restored.scales(), "nothing has changed");
  }

  @Test
  void impossibleMomentumIsRefused() {
    for (double momentum : new double[] {-0.1, 1, Double.NaN}) {
      assertThrows(
          IllegalArgumentException.class, () -> RunningAmax.of(INT8, Shape.of(1), momentum));
    }
  }
}
