package dev.narrow.kernels.cuda;

import static jcuda.driver.CUresult.CUDA_ERROR_ILLEGAL_ADDRESS;
import static jcuda.driver.CUresult.CUDA_ERROR_INVALID_VALUE;
import static jcuda.driver.CUresult.CUDA_ERROR_NOT_FOUND;
import static jcuda.driver.CUresult.CUDA_ERROR_NO_BINARY_FOR_GPU;
import static jcuda.driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY;
import static jcuda.driver.CUresult.CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
import static jcuda.driver.CUresult.CUDA_SUCCESS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import jcuda.CudaException;
import jcuda.NativePointerObject;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Unmodified JCuda launches kernels on the emulated device, and the device is strict. */
class EmulatedDriverTest {
  private static final String PTX =
      """
      .version 8.0
      .target sm_75
      .address_size 64
      .visible .entry sample_scale(
        .param .u64 sample_scale_param_0,
        .param .u64 .ptr .align 1 sample_scale_param_1, // a comment
        .param .f32 sample_scale_param_2,
        .param .u64 sample_scale_param_3
      ) { ret; }
      .visible .entry sample_max(.param .u64 a, .param .u64 b, .param .u32 c)
      .maxntid 256, 1, 1
      { ret; }
      .visible .entry sample_gone() { ret; }
      """;

  private final CUcontext context = new CUcontext();

  @BeforeAll
  static void load() {
    EmulatedDriver.install();
    assertInstanceOf(CudaProbe.Available.class, Cuda.probe());
  }

  @BeforeEach
  void create() {
    EmulatedDriver.reset();
    JCudaDriver.setExceptionsEnabled(false);
    assertEquals(CUDA_SUCCESS, JCudaDriver.cuCtxCreate(context, 0, new CUdevice()));
  }

  @AfterEach
  void destroy() {
    assertEquals(CUDA_SUCCESS, JCudaDriver.cuCtxDestroy(context));
  }

  private static CUmodule module(String ptx) {
    var module = new CUmodule();
    assertEquals(CUDA_SUCCESS, load(module, ptx), EmulatedDriver::message);
    return module;
  }

  private static int load(CUmodule module, String ptx) {
    return JCudaDriver.cuModuleLoadData(module, (ptx + "\0").getBytes(StandardCharsets.US_ASCII));
  }

  private static CUfunction scale() {
    var function = new CUfunction();
    int result = JCudaDriver.cuModuleGetFunction(function, module(PTX), "sample_scale");
    assertEquals(CUDA_SUCCESS, result, EmulatedDriver::message);
    return function;
  }

  private static CUdeviceptr upload(float[] x) {
    CUdeviceptr pointer = allocate(4L * x.length);
    assertEquals(CUDA_SUCCESS, JCudaDriver.cuMemcpyHtoD(pointer, Pointer.to(x), 4L * x.length));
    return pointer;
  }

  private static CUdeviceptr allocate(long bytes) {
    var pointer = new CUdeviceptr();
    assertEquals(CUDA_SUCCESS, JCudaDriver.cuMemAlloc(pointer, bytes), EmulatedDriver::message);
    return pointer;
  }

  private static int launch(CUdeviceptr x, CUdeviceptr y, float factor, long n) {
    var arguments =
        Pointer.to(
            Pointer.to((NativePointerObject) x),
            Pointer.to((NativePointerObject) y),
            Pointer.to(new float[] {factor}),
            Pointer.to(new long[] {n}));
    return JCudaDriver.cuLaunchKernel(
        scale(), 2, 1, 1, 64, 1, 1, 0, new CUstream(), arguments, null);
  }

  static Iterable<EmulatedDriver.Order> orders() {
    return EmulatedDriver.Order.all();
  }

  @ParameterizedTest
  @MethodSource("orders")
  void launchesAKernel(EmulatedDriver.Order order) {
    EmulatedDriver.order(order);
    float[] x = new float[1000];
    float[] expected = new float[1000];
    for (int i = 0; i < 1000; i++) {
      x[i] = i - 500;
      expected[i] = x[i] * 0.1f;
    }
    CUdeviceptr onDevice = upload(x);
    CUdeviceptr result = allocate(4000);
    assertEquals(CUDA_SUCCESS, launch(onDevice, result, 0.1f, 1000));
    assertEquals(0, EmulatedDriver.launches(), "nobody has waited");
    float[] y = new float[1000];
    assertEquals(CUDA_SUCCESS, JCudaDriver.cuMemcpyDtoH(Pointer.to(y), result, 4000));
    assertArrayEquals(expected, y);
    assertEquals(1, EmulatedDriver.launches());
    assertEquals(1, EmulatedDriver.calls("cuLaunchKernel"));
  }

  @Test
  void freshMemoryIsNotZero() {
    float[] y = new float[1];
    JCudaDriver.cuMemcpyDtoH(Pointer.to(y), allocate(4), 4);
    assertNotEquals(0, y[0]);
  }

  @Test
  void aWriteOutOfBoundsEndsTheContextAndNotTheProcess() {
    CUdeviceptr x = upload(new float[1000]);
    assertEquals(CUDA_SUCCESS, launch(x, allocate(400), 1, 1000));
    assertEquals(CUDA_ERROR_ILLEGAL_ADDRESS, JCudaDriver.cuCtxSynchronize());
    assertTrue(EmulatedDriver.message().contains("sample_scale"), EmulatedDriver.message());
    assertEquals(
        CUDA_ERROR_ILLEGAL_ADDRESS, JCudaDriver.cuMemAlloc(new CUdeviceptr(), 4), "it stays");
  }

  @Test
  void aWriteJustBehindTheEndIsSeenToo() {
    CUdeviceptr x = upload(new float[101]);
    assertEquals(CUDA_SUCCESS, launch(x, allocate(400), 1, 101));
    assertEquals(CUDA_ERROR_ILLEGAL_ADDRESS, JCudaDriver.cuCtxSynchronize());
    assertTrue(
        EmulatedDriver.message().contains("writes beyond the allocation of 400 bytes"),
        EmulatedDriver.message());
  }

  @Test
  void freedMemoryIsRefused() {
    CUdeviceptr x = upload(new float[10]);
    CUdeviceptr y = allocate(40);
    assertEquals(CUDA_SUCCESS, JCudaDriver.cuMemFree(x));
    assertEquals(CUDA_ERROR_INVALID_VALUE, JCudaDriver.cuMemFree(x));
    assertEquals(
        CUDA_ERROR_INVALID_VALUE, JCudaDriver.cuMemcpyDtoH(Pointer.to(new float[10]), x, 40));
    assertEquals(CUDA_SUCCESS, launch(x, y, 1, 10));
    assertEquals(CUDA_ERROR_ILLEGAL_ADDRESS, JCudaDriver.cuCtxSynchronize());
  }

  @Test
  void memoryHasAnEnd() {
    EmulatedDriver.set("memory", 10_000);
    allocate(5_000);
    assertEquals(CUDA_ERROR_OUT_OF_MEMORY, JCudaDriver.cuMemAlloc(new CUdeviceptr(), 5_000));
    allocate(4_000);
  }

  @Test
  void aModuleForANewerDriverIsRefused() {
    assertEquals(
        CUDA_ERROR_UNSUPPORTED_PTX_VERSION, load(new CUmodule(), PTX.replace("8.0", "9.0")));
    EmulatedDriver.set("driver", 13000);
    assertEquals(CUDA_SUCCESS, load(new CUmodule(), PTX.replace("8.0", "9.0")));
    assertEquals(
        CUDA_ERROR_NO_BINARY_FOR_GPU, load(new CUmodule(), PTX.replace("sm_75", "sm_100")));
    EmulatedDriver.set("capability", 100);
    assertEquals(
        CUDA_ERROR_NO_BINARY_FOR_GPU, load(new CUmodule(), PTX.replace("sm_75", "sm_90a")));
  }

  @Test
  void kernelsAreThoseOfTheModuleAndOfTheSources() {
    CUmodule module = module(PTX);
    var function = new CUfunction();
    for (String name : new String[] {"sample_none", "sample_gone", "sample_max"}) {
      assertEquals(CUDA_ERROR_NOT_FOUND, JCudaDriver.cuModuleGetFunction(function, module, name));
      assertTrue(EmulatedDriver.message().contains(name), EmulatedDriver.message());
    }
    assertTrue(EmulatedDriver.message().contains("other parameters"), EmulatedDriver.message());
  }

  @Test
  void launchesAreChecked() {
    var function = scale();
    var nothing = Pointer.to(new byte[0]);
    int[][] shapes = {{0, 1, 0}, {1, 0, 0}, {1, 1025, 0}, {1, 32, 48 * 1024 + 1}};
    for (int[] shape : shapes) {
      assertEquals(
          CUDA_ERROR_INVALID_VALUE,
          JCudaDriver.cuLaunchKernel(
              function, shape[0], 1, 1, shape[1], 1, 1, shape[2], new CUstream(), nothing, null));
    }
    assertEquals(
        CUresult.CUDA_ERROR_INVALID_HANDLE,
        JCudaDriver.cuLaunchKernel(
            new CUfunction(), 1, 1, 1, 1, 1, 1, 0, new CUstream(), nothing, null));
  }

  @Test
  void aCallCanBeToldToFail() {
    EmulatedDriver.fail("cuMemAlloc", CUDA_ERROR_OUT_OF_MEMORY, 1);
    allocate(4);
    assertEquals(CUDA_ERROR_OUT_OF_MEMORY, JCudaDriver.cuMemAlloc(new CUdeviceptr(), 4));
    allocate(4);
    assertThrows(IllegalArgumentException.class, () -> EmulatedDriver.set("memroy", 1));
    JCudaDriver.setExceptionsEnabled(true);
    assertThrows(CudaException.class, () -> JCudaDriver.cuMemAlloc(new CUdeviceptr(), 0));
  }

  @Test
  void whatWasNotFreedIsCounted() {
    long before = EmulatedDriver.live("allocations");
    CUdeviceptr pointer = allocate(4);
    assertEquals(before + 1, EmulatedDriver.live("allocations"));
    JCudaDriver.cuMemFree(pointer);
    assertEquals(before, EmulatedDriver.live("allocations"));
  }
}
