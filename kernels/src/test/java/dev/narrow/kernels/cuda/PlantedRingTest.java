package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.kernels.cuda.EmulatedDriver.Order;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The emulator's models of copies of boxes, barriers and products of warpgroups find what is wrong
 * with a ring of them: src/test/cuda/planted_ring.cu.
 */
class PlantedRingTest {
  private static final int ROWS = 64;
  private static final int COLUMNS = 256;
  private static final int SLICES = 5;
  private static final int TERMS = 64 * SLICES;
  private static final int SHARED_BYTES = 1024 + 2 * 40960 + 32;

  private static @TempDir java.nio.file.Path directory;

  @BeforeEach
  void install() {
    EmulatedDriver.install();
    EmulatedDriver.trace(directory.resolve("trace").toString()); // not into that of tests that pass
  }

  @AfterAll
  static void forward() {
    EmulatedDriver.trace("");
    EmulatedDriver.reset();
  }

  private static Tensor numbers(Random random, int rows) {
    float[] values = new float[rows * TERMS];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextInt(17) - 8;
    }
    return Quantizer.of(Formats.FP16).quantize(Tensor.of(values, rows, TERMS));
  }

  /** What a kernel computes, and what is right. */
  private static float[][] run(String kernel) {
    String ptx =
        """
        .version 8.0
        .target sm_90a
        .address_size 64
        .visible .entry %s(.param .align 64 .b8 a[128], .param .align 64 .b8 b[128],
            .param .u64 y, .param .u32 slices) { ret; }
        """
            .formatted(kernel);
    Random random = new Random(1);
    Tensor a = numbers(random, ROWS);
    Tensor b = numbers(random, COLUMNS);
    Tensor expected = Tensor.zeros(ROWS, COLUMNS);
    Backend.cpu(1)
        .matmul(Matmul.plain(), Matrices.of(a), Matrices.of(b).transposed(), Matrices.of(expected));
    try (CudaDevice device = CudaDevice.open();
        Arena arena = Arena.ofConfined()) {
      Tensor left = device.upload(a);
      Tensor right = device.upload(b);
      Tensor y = device.upload(Tensor.zeros(ROWS, COLUMNS));
      CudaModule module = device.load(ptx.getBytes(StandardCharsets.US_ASCII), "ring");
      Kernel ring = module.kernel(kernel);
      ring.allowShared(SHARED_BYTES);
      long[] strides = {2L * TERMS, 16};
      CudaContext context = device.context();
      ring.launch(
          1,
          160,
          SHARED_BYTES,
          ring.arguments()
              .add(
                  context.tensorMap(
                      arena,
                      CudaContext.TENSOR_MAP_FP16,
                      device.pointer(left, "a"),
                      new long[] {TERMS, ROWS, 1},
                      strides,
                      new int[] {64, ROWS, 1}))
              .add(
                  context.tensorMap(
                      arena,
                      CudaContext.TENSOR_MAP_FP16,
                      device.pointer(right, "b"),
                      new long[] {TERMS, COLUMNS, 1},
                      strides,
                      new int[] {64, COLUMNS, 1}))
              .add(device.pointer(y, "y"))
              .add(SLICES));
      return new float[][] {device.download(y).toFloats(), expected.toFloats()};
    }
  }

  @Test
  void aRingThatIsRightIsRightInEveryOrder() {
    for (Order order : Order.all()) {
      EmulatedDriver.order(order);
      float[][] results = run("planted_ring_none");
      assertArrayEquals(results[1], results[0], order::toString);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"early", "pattern"})
  void aMistakeGivesSomethingElseInEveryOrder(String mistake) {
    for (Order order : Order.all()) {
      EmulatedDriver.order(order);
      float[][] results = run("planted_ring_" + mistake);
      assertFalse(Arrays.equals(results[1], results[0]), order::toString);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "unfenced, without wgmma.fence",
    "unseen, before the mbarrier",
    "unwaited, ends before its products do",
    "endless, trap",
  })
  void aMistakeEndsTheLaunch(String mistake, String message) {
    CudaException failure = assertThrows(CudaException.class, () -> run("planted_ring_" + mistake));
    assertTrue(String.valueOf(failure.getMessage()).contains("LAUNCH_FAILED"), failure::toString);
    assertTrue(EmulatedDriver.message().contains(message), EmulatedDriver.message());
  }

  /** Where a mistake leads depends on the order, but never to what is right. */
  @ParameterizedTest
  @ValueSource(strings = {"full", "empty", "groups", "unexpected"})
  void aMistakeIsNeverRight(String mistake) {
    for (Order order : Order.all()) {
      EmulatedDriver.order(order);
      try {
        float[][] results = run("planted_ring_" + mistake);
        assertFalse(Arrays.equals(results[1], results[0]), order::toString);
      } catch (CudaException e) {
        assertTrue(String.valueOf(e.getMessage()).contains("LAUNCH_FAILED"), e::toString);
      }
    }
  }
}
