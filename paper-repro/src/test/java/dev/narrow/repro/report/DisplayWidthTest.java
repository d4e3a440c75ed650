package dev.narrow.repro.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class DisplayWidthTest {

  @Test
  void widthsAreThoseOfATerminal() {
    assertEquals(12, DisplayWidth.of("97.81 ± 0.12"));
    assertEquals(2, DisplayWidth.of("–−"));
    assertEquals(1, DisplayWidth.of("e\u0301")); // a combining accent
    assertEquals(4, DisplayWidth.of("数字"));
    assertEquals(2, DisplayWidth.of("🚀"));
  }

  @Property
  void truncatedTextFits(@ForAll String text, @ForAll @IntRange(min = 1, max = 30) int columns) {
    assertTrue(DisplayWidth.of(DisplayWidth.truncate(text, columns)) <= columns);
  }

  @Test
  void whatFitsStaysAsItIs() {
    assertEquals("fp16", DisplayWidth.truncate("fp16", 4));
    assertEquals("fp1…", DisplayWidth.truncate("fp16x", 4));
  }
}
