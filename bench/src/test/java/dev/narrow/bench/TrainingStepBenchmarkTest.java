package dev.narrow.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** All three ways train the same network. */
class TrainingStepBenchmarkTest {
  @Test
  void codesAndSeparatePassesAreTheSameStep() {
    TrainingStepBenchmark benchmark = new TrainingStepBenchmark();
    TrainingStepBenchmark.Steps steps = new TrainingStepBenchmark.Steps();
    steps.units = "20-12-9-5";
    steps.batch = 16;
    steps.draw();
    float first = 0;
    float last = 0;
    for (int step = 0; step < 40; step++) {
      float loss = benchmark.lns8(steps);
      assertEquals(loss, benchmark.lns8InSeparatePasses(steps), "step " + step);
      float full = benchmark.fp32(steps);
      assertEquals(full, loss, 0.2f, "step " + step);
      first = step == 0 ? full : first;
      last = full;
    }
    assertTrue(last < first);
  }
}
