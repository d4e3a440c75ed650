package dev.narrow.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.junit.jupiter.api.Test;

/** The network that is looked at trains as the one that is not. */
class InspectorBenchmarkTest {
  @Test
  void lookingIsTheOnlyDifference() throws IOException {
    InspectorBenchmark.Networked networks = new InspectorBenchmark.Networked();
    networks.units = "20-12-10";
    networks.open();
    for (int step = 0; step < 3; step++) {
      float alone = networks.step(networks.alone);
      assertEquals(alone, networks.step(networks.sampled));
      assertEquals(alone, networks.step(networks.everyStep));
    }
    assertEquals(1, networks.sparse.report().steps());
    assertEquals(3, networks.always.report().steps());
    assertTrue(networks.always.report().tensors().stream().allMatch(t -> t.whatIf().size() == 5));
    networks.close();
  }
}
