package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class NamesTest {
  @Test
  void theNearestComesFirst() {
    assertEquals(
        "bf16, fp16, fp32", Names.nearest("Bf61", List.of("fp16", "lns8-madam", "bf16", "fp32")));
  }

  @Test
  void thereMayBeFewerThanThree() {
    assertEquals("glyphs", Names.nearest("glyph", List.of("glyphs")));
  }
}
