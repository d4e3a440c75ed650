package dev.narrow.kernels.cuda;

import static jcuda.driver.CUresult.CUDA_ERROR_ILLEGAL_ADDRESS;
import static jcuda.driver.CUresult.CUDA_ERROR_LAUNCH_FAILED;
import static jcuda.driver.CUresult.CUDA_SUCCESS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import jcuda.NativePointerObject;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The tests of the kernels would find what is wrong with them: kernels with mistakes, all of x and
 * y of 63 elements (src/test/cuda/planted.cu), are found out.
 */
class PlantedBugsTest {
  /** Behind so many lies memory that no allocation has, but that is there. */
  private static final int SIZE = 63;

  private final CUcontext context = new CUcontext();
  private @TempDir Path directory;

  @BeforeAll
  static void load() {
    EmulatedDriver.install();
    assertInstanceOf(CudaProbe.Available.class, Cuda.probe());
  }

  @BeforeEach
  void create() {
    EmulatedDriver.reset();
    JCudaDriver.setExceptionsEnabled(false);
    EmulatedDriver.trace(trace().toString()); // not into that of tests that pass
    assertEquals(CUDA_SUCCESS, JCudaDriver.cuCtxCreate(context, 0, new CUdevice()));
  }

  @AfterEach
  void destroy() {
    assertEquals(CUDA_SUCCESS, JCudaDriver.cuCtxDestroy(context));
    EmulatedDriver.trace("");
  }

  /** Runs a kernel over 0, 1, 2, ... and gives what came of it. */
  private static int launch(String kernel, int[] result) {
    String ptx =
        """
        .version 8.0
        .target sm_75
        .address_size 64
        .visible .entry %s(.param .u64 x, .param .u64 y) { ret; }\0\
        """
            .formatted(kernel);
    var module = new CUmodule();
    var function = new CUfunction();
    JCudaDriver.cuModuleLoadData(module, ptx.getBytes(StandardCharsets.US_ASCII));
    assertEquals(CUDA_SUCCESS, JCudaDriver.cuModuleGetFunction(function, module, kernel));
    var x = new CUdeviceptr();
    var y = new CUdeviceptr();
    JCudaDriver.cuMemAlloc(x, 4 * SIZE);
    JCudaDriver.cuMemAlloc(y, 4 * SIZE);
    int[] numbers = IntStream.range(0, SIZE).toArray();
    JCudaDriver.cuMemcpyHtoD(x, Pointer.to(numbers), 4 * SIZE);
    JCudaDriver.cuMemsetD8(y, (byte) 0, 4 * SIZE);
    var arguments =
        Pointer.to(Pointer.to((NativePointerObject) x), Pointer.to((NativePointerObject) y));
    JCudaDriver.cuLaunchKernel(function, 1, 1, 1, SIZE, 1, 1, 0, new CUstream(), arguments, null);
    return JCudaDriver.cuMemcpyDtoH(Pointer.to(result), y, 4 * SIZE);
  }

  /** Each order gives something else, and none what is right. */
  @Test
  void aMissingBarrierShowsInTheOrdersOfThreads() {
    int[] right = IntStream.range(0, SIZE).map(i -> SIZE - 1 - i).toArray();
    int[][] results = new int[3][SIZE];
    for (int i = 0; i < 3; i++) {
      EmulatedDriver.order(EmulatedDriver.Order.all().get(i));
      assertEquals(CUDA_SUCCESS, launch("planted_missing_barrier", results[i]));
      assertFalse(Arrays.equals(right, results[i]), "order " + i);
    }
    assertNotEquals(Arrays.toString(results[0]), Arrays.toString(results[1]));
  }

  /** What has not arrived is NaN, in every order. */
  @Test
  void aMissingWaitForCopiesShows() {
    int[] nothing = IntStream.range(0, SIZE).map(i -> -1).toArray();
    for (EmulatedDriver.Order order : EmulatedDriver.Order.all()) {
      EmulatedDriver.order(order);
      int[] result = new int[SIZE];
      assertEquals(CUDA_SUCCESS, launch("planted_missing_wait", result));
      assertArrayEquals(nothing, result);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "planted_divergent_barrier, '__syncthreads'",
    "planted_deadlock, 'deadlock: thread'",
    "planted_mask, 'does not name its lane 16'",
    "planted_division, 'divides an integer by zero'",
  })
  void whatCannotGoOnEndsWithAMessage(String kernel, String message) {
    int[] result = new int[SIZE];
    assertEquals(CUDA_ERROR_LAUNCH_FAILED, launch(kernel, result));
    assertTrue(
        EmulatedDriver.message().startsWith(kernel + ", block (0, 0, 0): "),
        EmulatedDriver.message());
    assertTrue(EmulatedDriver.message().contains(message), EmulatedDriver.message());
    assertArrayEquals(new int[SIZE], result);
  }

  @Test
  void whatTheDeviceDoesNotHaveEndsTheContextAndNotTheProcess() {
    assertEquals(CUDA_ERROR_ILLEGAL_ADDRESS, launch("planted_null", new int[SIZE]));
    assertTrue(EmulatedDriver.message().contains("address (nil)"), EmulatedDriver.message());
  }

  /** What the processor lets pass, a sanitizer finds when the trace is run again. */
  @ParameterizedTest
  @CsvSource({
    "planted_read_out_of_bounds, ERROR: AddressSanitizer, 16",
    "planted_shared_out_of_bounds, index 32 out of bounds, 26",
    "planted_misaligned, misaligned address, 31",
  })
  void aSanitizerSaysWhichLine(String kernel, String finding, int line) {
    assertEquals(CUDA_SUCCESS, launch(kernel, new int[SIZE]));
    EmulatedDriver.Run run = replay("replay");
    assertNotEquals(0, run.status());
    assertTrue(run.errors().contains(finding), run.errors());
    assertTrue(run.errors().contains("planted.cu:" + line), run.errors());
  }

  /** What is right in all orders by luck, or reads memory that nobody has written. */
  @ParameterizedTest
  @CsvSource({
    "planted_race, one thread reads what another writes, 36",
    "planted_missing_barrier, nobody has written what is read, 11",
    "planted_read_out_of_bounds, nobody has written what is read, 16",
  })
  void aRaceIsFoundThoughItsResultIsRight(String kernel, String finding, int line) {
    assertEquals(CUDA_SUCCESS, launch(kernel, new int[SIZE]));
    EmulatedDriver.Run run = replay("races");
    assertEquals(1, run.status());
    assertTrue(run.errors().contains(finding), run.errors());
    assertTrue(run.errors().contains("planted.cu:" + line), run.errors());
  }

  @Test
  void aSanitizerHasNothingAgainstWhatIsRight() {
    assertEquals(CUDA_SUCCESS, launch("planted_nothing", new int[SIZE]));
    for (String what : List.of("replay", "races")) {
      EmulatedDriver.Run run = replay(what);
      assertEquals(0, run.status(), run.errors());
      assertTrue(run.output().contains("1 launches"), run.output());
    }
  }

  /** A difference that no sanitizer sees: the trace has the result of another order. */
  @Test
  void aReplayComparesResults() {
    assertEquals(CUDA_SUCCESS, launch("planted_missing_barrier", new int[SIZE]));
    EmulatedDriver.Run run = replay("replay");
    assertNotEquals(0, run.status());
    assertTrue(run.errors().contains("after planted_missing_barrier"), run.errors());
  }

  private Path trace() {
    return directory.resolve("trace");
  }

  /** Runs again what was launched. */
  private EmulatedDriver.Run replay(String program) {
    EmulatedDriver.trace("");
    return EmulatedDriver.attempt(
        List.of(EmulatedDriver.build(program).toString(), trace().toString()));
  }
}
