package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.formats.Formats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Reading runs of a tensor, and writing codes into memory that exists. */
class TensorReaderTest {
  private static Tensor values(int... dims) {
    Tensor values = Tensor.zeros(dims);
    Random random = new Random(3);
    MemorySegment segment = values.storage().segment();
    for (int i = 0; i < values.shape().size(); i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian() * (1 + i % 7));
    }
    return values;
  }

  /** Where a run begins and ends within blocks does not matter. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "tensor",
        "axis=0",
        "axis=1",
        "axis=-1",
        "block=4",
        "block=5",
        "block=7@0",
        "block=2@1",
        "tile=3x4",
        "tile=2x5"
      })
  void everyRunIsThatOfTheWhole(String granularity) {
    Tensor codes =
        Quantizer.of(Formats.parse("e4m3fn"))
            .with(ScaleRule.AMAX_TO_MAX_FINITE)
            .with(Granularity.parse(granularity))
            .quantize(values(3, 5, 8));
    float[] all = new float[120];
    for (int i = 0; i < all.length; i++) {
      int scale = codes.scales().granularity().scale(codes.shape(), i);
      byte code = codes.storage().segment().get(ValueLayout.JAVA_BYTE, i);
      all[i] = codes.scales().get(scale) * codes.format().decode(code & 0xff);
    }
    assertArrayEquals(all, codes.toFloats());
    TensorReader reader = TensorReader.of(codes, "codes");
    for (int from = 0; from <= all.length; from++) {
      for (int n = 0; from + n <= all.length; n++) {
        float[] run = new float[n + 2];
        reader.read(from, n, run, 1);
        assertArrayEquals(
            Arrays.copyOfRange(all, from, from + n), Arrays.copyOfRange(run, 1, n + 1));
        assertEquals(0f, run[0] + run[n + 1]);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"lns8", "fp16", "bf16", "fp32", "int4"})
  void codesMayLieAnywhere(String format) {
    Tensor values = values(4, 6);
    Quantizer quantizer =
        Quantizer.of(Formats.parse(format)).with(ScaleRule.AMAX).with(new Granularity.PerAxis(0));
    Tensor expected = quantizer.quantize(values);
    Scales scales = expected.scales();
    int bytes = Tensor.bytesPerCode(expected.format()) * 24;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment shifted = MemorySegment.ofArray(new byte[bytes + 3]).asSlice(3, bytes);
      MemorySegment floats = MemorySegment.ofArray(new float[40]).asSlice(4, bytes);
      for (MemorySegment memory :
          new MemorySegment[] {arena.allocate(bytes + 1).asSlice(1), shifted, floats}) {
        Tensor codes = Tensor.of(Storage.of(memory), expected.shape(), expected.format(), scales);
        quantizer.quantize(values, codes, null);
        assertEquals(expected, codes);
        float[] read = new float[13];
        TensorReader.of(codes, "codes").read(7, 13, read, 0);
        assertArrayEquals(Arrays.copyOfRange(expected.toFloats(), 7, 20), read);
      }
    }
  }

  @Test
  void codesAreWrittenOnlyWhereTheyFit() {
    Quantizer quantizer = Quantizer.of(Formats.parse("e4m3fn"));
    Tensor other = Quantizer.of(Formats.FP16).quantize(values(2, 2));
    assertEquals(
        "codes = fp16[2, 2], expected e4m3fn[2, 3]",
        assertThrows(
                IllegalArgumentException.class, () -> quantizer.quantize(values(2, 3), other, null))
            .getMessage());
    Tensor readOnly =
        Tensor.of(
            Storage.of(MemorySegment.ofArray(new byte[4]).asReadOnly()),
            Shape.of(2, 2),
            quantizer.format(),
            Scales.one());
    assertEquals(
        "codes is read-only, expected memory to write to",
        assertThrows(
                IllegalArgumentException.class,
                () -> quantizer.quantize(values(2, 2), readOnly, null))
            .getMessage());
  }
}
