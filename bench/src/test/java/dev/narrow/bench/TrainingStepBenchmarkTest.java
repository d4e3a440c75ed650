package dev.narrow.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** All three ways train the same network. */
class TrainingStepBenchmarkTest {
  @Test
  void codesAndSeparatePassesAreTheSameStep() {
    TrainingStepBenchmark benchmark = new TrainingStepBenchmark();
    TrainingStepBenchmark.Networks networks = new TrainingStepBenchmark.Networks();
    networks.units = "20-12-9-5";
    networks.batch = 16;
    networks.draw();
    float first = 0;
    float last = 0;
    for (int step = 0; step < 40; step++) {
      float loss = benchmark.lns8(networks);
      assertEquals(loss, benchmark.lns8InSeparatePasses(networks), "step " + step);
      float full = benchmark.fp32(networks);
      assertEquals(full, loss, 0.2f, "step " + step);
      first = step == 0 ? full : first;
      last = full;
    }
    assertTrue(last < first);
  }
}
