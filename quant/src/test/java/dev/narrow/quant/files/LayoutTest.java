package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class LayoutTest {
  @Test
  void eachIsParsedFromItsName() {
    for (Layout layout : Layout.values()) {
      assertEquals(layout, Layout.parse(layout.toString()));
    }
    assertEquals(Layout.COMPRESSED_TENSORS, Layout.parse(" Compressed-Tensors"));
  }

  @Test
  void anotherNameIsRefusedWithTheNearest() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Layout.parse("compressed_tensor"));
    assertEquals(
        "layout = \"compressed_tensor\", expected one of compressed-tensors, narrow",
        e.getMessage());
  }
}
