package dev.narrow.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import dev.narrow.amp.StepResult;
import org.junit.jupiter.api.Test;

/** Both do the same to the same number of gradients. */
class GradScalerBenchmarkTest {
  @Test
  void theStepIsThePassAndIsApplied() {
    GradScalerBenchmark benchmark = new GradScalerBenchmark();
    GradScalerBenchmark.Network stepped = network();
    GradScalerBenchmark.Network passed = network();
    assertEquals(20_000, stepped.arrays.stream().mapToInt(array -> array.length).sum());
    for (int i = 0; i < 3; i++) {
      assertInstanceOf(StepResult.Applied.class, benchmark.step(stepped));
      benchmark.pass(passed);
      for (int t = 0; t < 10; t++) {
        assertArrayEquals(passed.arrays.get(t), stepped.arrays.get(t));
      }
    }
  }

  private static GradScalerBenchmark.Network network() {
    GradScalerBenchmark.Network network = new GradScalerBenchmark.Network();
    network.elements = 20_000;
    network.tensors = 10;
    network.make();
    return network;
  }
}
