package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What exact sums know of their numbers holds for each of them. */
class NumberRangeTest {

  private static Tensor all(NumericFormat format, float... scales) {
    int codes = 1 << format.width();
    int bytes = Tensor.bytesPerCode(format);
    byte[] storage = new byte[scales.length * codes * bytes];
    for (int i = 0; i < scales.length * codes; i++) {
      storage[i * bytes] = (byte) i;
      if (bytes == 2) {
        storage[2 * i + 1] = (byte) (i >> 8);
      }
    }
    return Tensor.of(
        Storage.of(MemorySegment.ofArray(storage)),
        Shape.of(scales.length, codes),
        format,
        Scales.of(new Granularity.PerAxis(0), scales));
  }

  @Test
  void everyNumberIsInItsRange() {
    Random random = new Random(1);
    for (NumericFormat format :
        List.of(
            Formats.LNS8, Formats.E4M3FN, Formats.E5M2, Formats.E2M1, Formats.FP16, Formats.BF16)) {
      for (float scale :
          new float[] {1, 0.25f, 3.7f, 0x1p-100f, 0x1.8p-120f, 0x1p120f, 0x1p-149f, 0}) {
        Tensor tensor = all(format, scale, scale * (1 + random.nextFloat()));
        NumberRange range = NumberRange.of(tensor);
        for (float value : tensor.toFloats()) {
          if (value != 0 && Float.isFinite(value)) {
            int field = Math.max(1, Float.floatToRawIntBits(Math.abs(value)) >>> 23);
            assertTrue(
                range.leastField() <= field && field <= range.greatestField(),
                () -> format.name() + " x " + scale + ": " + value + " outside " + range);
            if (range.unit().isPresent()) {
              double units = Math.scalb((double) value, -range.unit().getAsInt());
              assertEquals(Math.rint(units), units);
            }
          }
        }
      }
    }
  }

  @Test
  void narrowFormatsHaveNarrowSums() {
    NumberRange e4m3 = NumberRange.of(all(Formats.E4M3FN, 1));
    NumberRange lns8 = NumberRange.of(all(Formats.LNS8, 1));
    NumberRange fp16 = NumberRange.of(all(Formats.FP16, 1));
    NumberRange bf16 = NumberRange.of(all(Formats.BF16, 1));
    assertTrue(e4m3.fits64(e4m3, 1 << 27));
    assertFalse(e4m3.fits64(e4m3, Integer.MAX_VALUE));
    assertFalse(lns8.fits64(lns8, 1));
    assertTrue(lns8.fits128(lns8, Integer.MAX_VALUE));
    assertTrue(lns8.fits128(fp16, 1 << 24));
    assertTrue(fp16.fits128(fp16, 2));
    assertFalse(bf16.fits128(bf16, 2));
    assertFalse(NumberRange.ANY.fits128(lns8, 1));
  }
}
