package dev.narrow.repro.tuning;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.quant.Tensor;
import dev.narrow.repro.data.DataLocator;
import dev.narrow.repro.data.Datasets;
import java.util.List;
import org.junit.jupiter.api.Test;

class NetworkTaskTest {
  private static final String TEXT = "to be, or not to be: that is the question. ".repeat(40);

  /** Steps few enough for a test, and enough to learn a sentence that is all there is. */
  private static List<NetworkTask> tasks(int steps) {
    return List.of(
        new Characters(TEXT, steps, 2),
        new Digits(Datasets.load("glyphs", DataLocator.of(null, line -> {})), steps, 2));
  }

  @Test
  void aRunDependsOnPolicyAndSeedAlone() {
    for (NetworkTask task : tasks(3)) {
      NetworkTask.Outcome first = task.run(AmpPolicy.lns8(), 1);
      assertEquals(first, task.run(AmpPolicy.lns8(), 1), task.describe());
      assertTrue(first.loss() != task.run(AmpPolicy.lns8(), 2).loss(), task.describe());
      assertTrue(first.loss() != task.run(AmpPolicy.fp32(), 1).loss(), task.describe());
      List<Tensor> gradients = task.gradients(AmpPolicy.bf16(), null, 0);
      List<Tensor> again = task.gradients(AmpPolicy.bf16(), null, 0);
      for (int p = 0; p < gradients.size(); p++) {
        assertArrayEquals(gradients.get(p).toFloats(), again.get(p).toFloats(), task.describe());
      }
    }
  }

  @Test
  void itLearns() {
    double before = tasks(1).getFirst().run(AmpPolicy.fp32(), 0).loss();
    NetworkTask.Outcome after = tasks(40).getFirst().run(AmpPolicy.fp32(), 0);
    assertTrue(after.loss() < 0.7 * before, before + " to " + after);
    assertTrue(after.accuracy() > 40, after.toString());
  }

  @Test
  void aTextThatIsTooShortIsRefused() {
    var error = assertThrows(IllegalArgumentException.class, () -> new Characters("no", 1, 1));
    assertTrue(error.toString().contains("text has 2 characters"), error.toString());
  }
}
