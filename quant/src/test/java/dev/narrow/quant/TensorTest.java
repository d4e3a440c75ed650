package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class TensorTest {
  @Test
  void anArrayIsWrappedNotCopied() {
    float[] values = {1, 2, 3, 4, 5, 6};
    Tensor tensor = Tensor.of(values, 2, 3);
    values[4] = 50;
    assertArrayEquals(new float[] {1, 2, 3, 4, 50, 6}, tensor.toFloats());
    Floats.of(tensor, "tensor").array()[0] = -1;
    assertEquals(-1, values[0]);
  }

  @Test
  void aNativeSegmentIsSeenThroughACopyThatIsWrittenBack() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2, 3);
      Tensor tensor = Tensor.of(memory, 3);
      Floats floats = Floats.of(tensor, "tensor");
      assertTrue(floats.isCopy());
      floats.array()[floats.offset() + 1] = 20;
      floats.writeBack(tensor);
      assertEquals(20, memory.getAtIndex(ValueLayout.JAVA_FLOAT, 1));
    }
  }

  @Test
  void aSliceOfAnArrayIsSeenInPlace() {
    float[] values = {0, 1, 2, 3};
    Tensor tensor = Tensor.of(MemorySegment.ofArray(values).asSlice(4, 8), 2);
    Floats floats = Floats.of(tensor, "tensor");
    assertFalse(floats.isCopy());
    assertEquals(1, floats.offset());
    assertArrayEquals(new float[] {1, 2}, tensor.toFloats());
  }

  @Test
  void codesDecodeTimesTheScaleOfTheirRow() {
    byte[] codes = {0x40, 0x48, 0x00, (byte) 0xC0}; // 1, 2, 0, -1
    Tensor tensor =
        Tensor.of(
            Storage.of(codes),
            Shape.of(2, 2),
            Formats.LNS8,
            Scales.of(new Granularity.PerAxis(0), 4f, 0.5f));
    assertArrayEquals(new float[] {4, 8, 0, -0.5f}, tensor.toFloats());
  }

  @Test
  void storageAndScalesMustFitTheShape() {
    var storage = assertThrows(IllegalArgumentException.class, () -> Tensor.of(new float[5], 2, 3));
    assertTrue(storage.toString().contains("20 bytes, expected 24"), storage.toString());
    var scales =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                Tensor.of(
                    Storage.of(new byte[6]),
                    Shape.of(2, 3),
                    Formats.E5M2,
                    Scales.of(new Granularity.PerAxis(1), 1f, 1f)));
    assertTrue(scales.toString().contains("2 values, expected 3"), scales.toString());
  }

  @Test
  void shapesThatCannotBeAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> Shape.of(2, -1));
    assertThrows(IllegalArgumentException.class, () -> Shape.of(1 << 16, 1 << 16));
    assertThrows(IllegalArgumentException.class, () -> Shape.of(3).dim(1));
    assertEquals(1, Shape.of().size());
    assertEquals(12, Shape.of(2, 3, 4).stride(0));
  }

  @Test
  void onlyFp32WithoutScalesIsSeenAsFloats() {
    Tensor half = Tensor.of(Storage.of(new short[2]), Shape.of(2), Formats.FP16, Scales.one());
    var error = assertThrows(IllegalArgumentException.class, () -> Floats.of(half, "w"));
    assertTrue(error.toString().contains("w = fp16[2]"), error.toString());
  }

  @Test
  void rotatedTensorsAreTurnedBack() {
    float[] values = {1, 2, 3, 4, -5, 6, 0.5f, 8};
    Tensor tensor = Tensor.of(values, 2, 4);
    Hadamard rotation = new Hadamard(4, 3);
    Tensor rotated = rotation.rotate(tensor).rotatedBy(rotation);
    assertArrayEquals(values, rotated.toFloats(), 1e-6f);
    assertArrayEquals(new float[] {-5, 6, 0.5f, 8}, rotated.slice(1, 2).toFloats(), 1e-6f);
    assertThrows(IllegalArgumentException.class, () -> tensor.rotatedBy(new Hadamard(8, 0)));
    assertThrows(IllegalArgumentException.class, () -> rotated.rotatedBy(rotation));
    assertThrows(IllegalArgumentException.class, rotated::transpose);
    QuantizationError error =
        QuantizationError.measure(
            tensor, Recipes.parse("int8").quantize(rotation.rotate(tensor)).rotatedBy(rotation));
    double noise = 0;
    float[] after =
        Recipes.parse("int8").quantize(rotation.rotate(tensor)).rotatedBy(rotation).toFloats();
    for (int i = 0; i < values.length; i++) {
      noise += (values[i] - (double) after[i]) * (values[i] - (double) after[i]);
    }
    assertEquals(noise, error.noise(), 1e-5 * noise);
  }

  @Test
  void scalesAreNeitherNegativeNorInfinite() {
    assertThrows(IllegalArgumentException.class, () -> Scales.of(-1f));
    assertThrows(IllegalArgumentException.class, () -> Scales.of(Float.POSITIVE_INFINITY));
    Tensor values = Tensor.of(new float[] {3, 4}, 2);
    assertArrayEquals(new float[2], scaled(values, 0f).toFloats());
    assertTrue(Float.isNaN(scaled(values, Float.NaN).toFloats()[0]));
  }

  private static Tensor scaled(Tensor values, float scale) {
    return Tensor.of(values.storage(), values.shape(), Formats.FP32, Scales.of(scale));
  }
}
