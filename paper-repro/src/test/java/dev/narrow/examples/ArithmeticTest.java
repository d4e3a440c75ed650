package dev.narrow.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.formats.Arithmetic;
import dev.narrow.formats.Formats;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Text;
import org.junit.jupiter.api.Test;

/** The README's example of arithmetic on codes, word for word. */
class ArithmeticTest {
  @Test
  void arithmetic() {
    // README: arithmetic
    Projection nearest = Formats.E4M3FN.defaultProjection();
    Arithmetic e4m3 = Arithmetic.of(Formats.E4M3FN, nearest);
    int x = Text.parse(Formats.E4M3FN, "1.75", nearest); //    0x3e
    int y = e4m3.fma(x, x, e4m3.exp(x)); //                    1.75 * 1.75 + 6: 0x51
    String shown = Text.exact(Formats.E4M3FN, y); //           "9.0"
    Projection down = nearest.with(Rounding.TOWARD_NEGATIVE);
    Arithmetic wide = Arithmetic.of(Formats.E4M3FN, Formats.FP16, down);
    int product = wide.multiply(x, y); //                      15.75 in fp16: 0x4be0
    // end

    assertEquals(0x3E, x);
    assertEquals(0x51, y);
    assertEquals("9.0", shown);
    assertEquals(0x4BE0, product);
  }
}
