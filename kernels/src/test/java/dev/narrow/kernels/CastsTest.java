package dev.narrow.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.QuantizationError;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What casts of the processor add to those of a quantizer. */
@Tag("scalar")
class CastsTest {
  private static final Backend CPU = Backend.cpu(1);
  private static final float[] NANS = {
    1, Float.intBitsToFloat(0xFFC0_0000), 2, Float.intBitsToFloat(0x7FC1_2000), Float.NaN, -3
  };

  private static void assertCanonical(Tensor y) {
    float[] values = y.toFloats();
    for (int i = 0; i < values.length; i++) {
      if (Float.isNaN(NANS[i])) {
        assertEquals(0x7FC0_0000, Float.floatToRawIntBits(values[i]), "element " + i);
      } else {
        assertEquals(NANS[i], values[i], 0.1, "element " + i);
      }
    }
  }

  @Test
  void valuesThatAreNanAreTheCanonicalOne() {
    Tensor x = Tensor.of(NANS.clone(), 6);
    for (String name : List.of("fp16", "bf16", "e4m3fn", "lns8", "mxfp8", "int8/nan=nan-or-max")) {
      Quantizer quantizer = Recipes.parse(name);
      Tensor y = Tensor.zeros(6);
      if (!quantizer.format().equals(Formats.INT8)) { // which has no NaN to decode
        CPU.decode(CPU.quantize(quantizer, x, null), y);
        assertCanonical(y);
      }
      CPU.fakeQuantize(quantizer, x, y, null);
      assertCanonical(y);
    }
  }

  @Test
  void valuesInNativeMemoryToo() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(24);
      Tensor y = Tensor.of(memory, 6);
      CPU.fakeQuantize(Recipes.parse("fp16"), Tensor.of(NANS.clone(), 6), y, null);
      assertCanonical(y);
    }
  }

  @Test
  void codesKeepWhatTheFormatHas() {
    Tensor codes = CPU.quantize(Quantizer.of(Formats.FP16), Tensor.of(NANS.clone(), 6), null);
    Tensor expected =
        Tensor.of(
            Storage.of(
                new short[] {0x3C00, (short) 0xFE00, 0x4000, 0x7E09, 0x7E00, (short) 0xC200}),
            Shape.of(6),
            Formats.FP16,
            Scales.one());
    assertEquals(expected, codes);
  }

  @Test
  void amaxOfCodesIsThatOfTheirValues() {
    float[] x = {1, -6, 0.5f, Float.POSITIVE_INFINITY, 3, 0};
    Tensor codes = Recipes.parse("e5m2").quantize(Tensor.of(x, 2, 3), Scales.of(0.5f), null);
    Granularity rows = new Granularity.PerAxis(0);
    assertArrayEquals(rows.amax(codes.toFp32()), CPU.amax(codes, rows));
    assertArrayEquals(new float[] {6, 3}, CPU.amax(Tensor.of(x, 2, 3), rows));
  }

  @Test
  void momentsAreThoseOfTheReport() {
    Tensor x = Tensor.of(new float[] {1, -6.1f, 0.51f, 7, 3.3f, 0}, 2, 3);
    Tensor codes = Recipes.parse("e2m1").quantize(x);
    assertEquals(QuantizationError.measure(x, codes).moments(), CPU.moments(x, codes));
  }
}
