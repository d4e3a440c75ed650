package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Encoding as a step function: every run is one, and begins where it must. */
class RunsTest {

  @Test
  void runsAreTheEncoding() {
    for (NumericFormat format :
        List.of(Formats.E4M3FN, Formats.LNS8, Formats.FP16, Formats.NF4, Formats.parse("posit8"))) {
      Projection projection = format.defaultProjection();
      Runs runs = Runs.of(format, projection);
      assertEquals(0, runs.start(0));
      for (int run = 0; run < runs.count(); run++) {
        int start = runs.start(run);
        int last = run + 1 < runs.count() ? runs.start(run + 1) - 1 : -1;
        assertTrue(Integer.compareUnsigned(start, last) <= 0);
        int middle = start + ((last - start) >>> 1);
        for (int bits : new int[] {start, middle, last}) {
          assertEquals(
              runs.code(run), format.encode(Float.intBitsToFloat(bits), projection), format.name());
        }
        if (run > 0) {
          assertNotEquals(runs.code(run - 1), runs.code(run));
        }
      }
    }
  }

  @Test
  void refusesWhatIsNoStepFunction() {
    Projection plain = Formats.FP32.defaultProjection();
    assertRefuses("expected at most 16", Formats.FP32, plain);
    Projection stochastic = Formats.LNS8.defaultProjection().with(Rounding.stochastic(8));
    assertRefuses("stochastic:8", Formats.LNS8, stochastic);
  }

  private static void assertRefuses(String message, NumericFormat format, Projection projection) {
    Throwable thrown =
        assertThrows(IllegalArgumentException.class, () -> Runs.of(format, projection));
    assertTrue(String.valueOf(thrown.getMessage()).contains(message), thrown::toString);
  }
}
