package dev.narrow.examples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.formats.Codec;
import dev.narrow.formats.Formats;
import dev.narrow.quant.QuantizationError;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Tensor;
import org.junit.jupiter.api.Test;

/** The README's example of casting, word for word. */
class CastingTest {
  @Test
  void casting() {
    // README: casting
    float[] x = {1f, -0.3f, 100f, 1e-9f};
    byte[] codes = new byte[4];
    Codec lns8 = Codec.of(Formats.LNS8, Formats.LNS8.defaultProjection());
    lns8.encode(x, 0, codes, 0, 4); //                      40 b2 75 00
    float[] back = new float[4];
    lns8.decode(codes, 0, back, 0, 4); //                   1, -0.2973, 98.70, 0

    Tensor w = Tensor.of(x, 2, 2); //                       wraps x, copies nothing
    Tensor q = Quantizer.of(Formats.E4M3FN).with(ScaleRule.AMAX_TO_POWER_OF_TWO).quantize(w);
    QuantizationError e = QuantizationError.measure(w, q); // sqnrDb(), flushed(), saturated()...
    // end

    assertArrayEquals(new byte[] {0x40, (byte) 0xB2, 0x75, 0x00}, codes);
    assertArrayEquals(new float[] {1, -0.2973018f, 98.701f, 0}, back, 1e-3f);
    assertEquals(1, e.flushed());
  }
}
