package dev.narrow.kernels.cuda;

import static jcuda.driver.CUresult.CUDA_SUCCESS;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.formats.Formats;
import dev.narrow.formats.Projection;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import jcuda.NativePointerObject;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The example for users, between_kernels.cu: nvcc compiles it, and Java computes the same. */
class ExampleTest {
  private static final int N = 1000;

  /** What nvcc makes of the example, but for what kernels do. */
  private static final String PTX =
      """
      .version 8.0
      .target sm_75
      .address_size 64
      .visible .entry example_produce(
        .param .u64 x, .param .f32 slope, .param .f32 offset, .param .u64 codes, .param .u64 n,
        .param .u64 seed, .param .u64 step) { ret; }
      .visible .entry example_consume(
        .param .u64 codes, .param .u64 weight, .param .u64 y, .param .u64 n) { ret; }
      """;

  @Test
  void nvccCompilesIt(@TempDir Path directory) throws IOException {
    Assumptions.assumeTrue(hasNvcc(), "there is no nvcc");
    Path kernels = EmulatedDriver.kernels();
    Path ptx = directory.resolve("example.ptx");
    EmulatedDriver.run(
        List.of(
            "nvcc",
            "-std=c++17",
            "-fmad=false",
            "-Werror=all-warnings",
            "-I",
            kernels.resolve("src/main/cuda").toString(),
            "-ptx",
            kernels.resolve("src/example/cuda/between_kernels.cu").toString(),
            "-o",
            ptx.toString()));
    String text = Files.readString(ptx);
    assertEquals(2, text.split("\\.entry example_", -1).length - 1);
  }

  private static boolean hasNvcc() {
    String path = System.getenv().getOrDefault("PATH", "");
    return Arrays.stream(path.split(":", -1))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, "nvcc")));
  }

  @Test
  void itsCodesAreThoseOfJava() {
    EmulatedDriver.install();
    try (CudaDevice device = CudaDevice.open()) {
      long context = device.context().handle();
      DriverCalls.enter(context);
      try {
        run();
      } finally {
        DriverCalls.leave();
      }
    }
  }

  private static void run() {
    float[] x = new float[N];
    float[] weight = new float[N];
    for (int i = 0; i < N; i++) {
      x[i] = (i - 300) * 0.0137f;
      weight[i] = 1 + i * 0x1p-10f;
    }
    CUdeviceptr numbers = allocate(4L * N);
    CUdeviceptr weights = allocate(4L * N);
    CUdeviceptr codes = allocate(N);
    CUdeviceptr results = allocate(4L * N);
    check(JCudaDriver.cuMemcpyHtoD(numbers, Pointer.to(x), 4L * N));
    check(JCudaDriver.cuMemcpyHtoD(weights, Pointer.to(weight), 4L * N));
    CUmodule module = new CUmodule();
    check(JCudaDriver.cuModuleLoadData(module, (PTX + "\0").getBytes(StandardCharsets.US_ASCII)));
    launch(
        module,
        "example_produce",
        Pointer.to((NativePointerObject) numbers),
        Pointer.to(new float[] {1.5f}),
        Pointer.to(new float[] {0.1f}),
        Pointer.to((NativePointerObject) codes),
        Pointer.to(new long[] {N}),
        Pointer.to(new long[] {42}),
        Pointer.to(new long[] {7}));
    launch(
        module,
        "example_consume",
        Pointer.to((NativePointerObject) codes),
        Pointer.to((NativePointerObject) weights),
        Pointer.to((NativePointerObject) results),
        Pointer.to(new long[] {N}));
    byte[] found = new byte[N];
    float[] y = new float[N];
    check(JCudaDriver.cuMemcpyDtoH(Pointer.to(found), codes, N));
    check(JCudaDriver.cuMemcpyDtoH(Pointer.to(y), results, 4L * N));

    RandomBits random = new RandomBits(42, 7);
    Projection projection = Formats.LNS8.defaultProjection().with(Rounding.stochastic(16));
    for (int i = 0; i < N; i++) {
      float h = Math.max(0, Math.fma(1.5f, x[i], 0.1f));
      int code = Formats.LNS8.encode(h / 0.25f, projection, random.word(i));
      assertEquals(code, found[i] & 0xFF);
      assertEquals(weight[i] * (0.25f * Formats.LNS8.decode(code)), y[i]);
    }
    for (CUdeviceptr memory : List.of(numbers, weights, codes, results)) {
      check(JCudaDriver.cuMemFree(memory));
    }
    check(JCudaDriver.cuModuleUnload(module));
  }

  private static CUdeviceptr allocate(long bytes) {
    CUdeviceptr pointer = new CUdeviceptr();
    check(JCudaDriver.cuMemAlloc(pointer, bytes));
    return pointer;
  }

  private static void launch(CUmodule module, String name, Pointer... arguments) {
    CUfunction function = new CUfunction();
    check(JCudaDriver.cuModuleGetFunction(function, module, name));
    check(
        JCudaDriver.cuLaunchKernel(
            function, 3, 1, 1, 64, 1, 1, 0, new CUstream(), Pointer.to(arguments), null));
  }

  private static void check(int result) {
    assertEquals(CUDA_SUCCESS, result, EmulatedDriver::message);
  }
}
