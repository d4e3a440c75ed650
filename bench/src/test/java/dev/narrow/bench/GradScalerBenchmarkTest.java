package dev.narrow.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import com.sun.management.ThreadMXBean;
import dev.narrow.amp.StepResult;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** Both do the same to the same number of gradients, and the step allocates nothing. */
class GradScalerBenchmarkTest {
  private final GradScalerBenchmark benchmark = new GradScalerBenchmark();

  @Test
  void theStepIsThePassAndIsApplied() {
    GradScalerBenchmark.Network stepped = network();
    GradScalerBenchmark.Network passed = network();
    assertEquals(50_000, stepped.arrays.stream().mapToInt(array -> array.length).sum());
    for (int i = 0; i < 3; i++) {
      assertInstanceOf(StepResult.Applied.class, benchmark.step(stepped));
      benchmark.pass(passed);
      for (int t = 0; t < 10; t++) {
        assertArrayEquals(passed.arrays.get(t), stepped.arrays.get(t));
      }
    }
  }

  /**
   * Until it is compiled, a step allocates what the compiler later proves to be of no use, vectors
   * above all. So rounds are run until one allocates nothing; a step that does allocate never gets
   * there. (In this module because no other test here leaves the compiler a profile of the scaler.)
   */
  @Test
  void aStepAllocatesNothing() {
    GradScalerBenchmark.Network network = network();
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long allocated = -1;
    for (int round = 0; round < 2000 && allocated != 0; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int step = 0; step < 100; step++) {
        benchmark.step(network);
      }
      allocated = threads.getCurrentThreadAllocatedBytes() - before;
    }
    assertEquals(0, allocated, "bytes in 100 steps");
  }

  private static GradScalerBenchmark.Network network() {
    GradScalerBenchmark.Network network = new GradScalerBenchmark.Network();
    network.elements = 50_000;
    network.tensors = 10;
    network.make();
    return network;
  }
}
