package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.kernels.Backend;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Where backends keep tensors. */
class CudaMemoryTest {
  private static final Backend CPU = Backend.cpu(1);

  @SuppressWarnings("NullAway.Init") // opened before all tests
  private static CudaDevice device;

  @BeforeAll
  static void open() {
    EmulatedDriver.install();
    device = CudaDevice.open();
  }

  @AfterAll
  static void close() {
    assertEquals(List.of(), device.usage().open());
    device.close();
  }

  private static Tensor ramp() {
    return Tensor.of(new float[] {-2, -1, 0, 1, 2, 3}, 2, 3);
  }

  @Test
  void whatIsPlacedIsItselfOrACopy() {
    for (Tensor host :
        new Tensor[] {
          ramp(), Recipes.parse("lns8").quantize(ramp()), Recipes.parse("fp16").quantize(ramp())
        }) {
      assertSame(host, CPU.place(host));
      Tensor there = device.backend().place(host);
      assertFalse(there.storage().isHost());
      assertSame(there, device.backend().place(there));
      Tensor back = CPU.place(there);
      assertEquals(host, back);
      assertEquals(host.quantizer(), back.quantizer());
      device.backend().free(there);
    }
  }

  @Test
  void newMemoryLiesBesideATensor() {
    Tensor there = device.upload(ramp());
    Tensor beside = device.backend().allocate(there, 4, 5);
    assertEquals("fp32[4, 5]", beside.toString());
    assertFalse(beside.storage().isHost());
    assertTrue(device.backend().allocate(ramp(), 3).storage().isHost());
    assertTrue(CPU.allocate(ramp(), 3).storage().isHost());
    String message =
        assertThrows(IllegalArgumentException.class, () -> CPU.allocate(there, 3)).getMessage();
    assertEquals(
        "x = fp32[2, 3] lies on a device, expected memory of the host, or a backend of the device",
        message);
    device.backend().clear(there);
    assertArrayEquals(new float[6], there.toFloats());
    Tensor host = ramp();
    device.backend().clear(host);
    CPU.clear(host);
    assertArrayEquals(new float[6], host.toFloats());
    device.backend().free(beside);
    device.backend().free(beside);
    device.backend().free(there);
    device.backend().free(host);
    assertThrows(IllegalStateException.class, () -> device.backend().allocate(there, 1));
    assertThrows(IllegalStateException.class, () -> device.backend().clear(there));
  }

  @Test
  void bytesAreWrittenAndBelongToTheirAllocation() {
    Tensor there = device.upload(ramp());
    Storage storage = there.storage();
    storage.write(8, MemorySegment.ofArray(new float[] {7, 8}));
    assertArrayEquals(new float[] {-2, -1, 7, 8, 2, 3}, there.toFloats());
    assertThrows(
        IndexOutOfBoundsException.class,
        () -> storage.write(20, MemorySegment.ofArray(new float[2])));
    Storage half = storage.slice(12, 12);
    assertSame(storage.owner(), half.owner());
    assertEquals(storage.address() + 12, half.address());
    Tensor other = device.upload(ramp());
    assertNotSame(storage.owner(), other.storage().owner());
    Storage wrapped = device.wrap(other.storage().address(), 24);
    assertSame(wrapped.owner(), device.wrap(wrapped.address() + 4, 8).owner());
    device.free(other);
    device.free(there);
    assertThrows(
        IllegalStateException.class, () -> storage.write(0, MemorySegment.ofArray(new byte[1])));
  }
}
