package dev.narrow.examples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.formats.Formats;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.kernels.cuda.Cuda;
import dev.narrow.kernels.cuda.CudaDevice;
import dev.narrow.kernels.cuda.CudaProbe;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** The README's example of a GPU, word for word, on the emulated one. */
class CudaTest {
  private static final Path KERNELS = Path.of("../kernels").toAbsolutePath().normalize();

  /** With which build.sh ends where there is no compiler. */
  private static final int NO_COMPILER = 3;

  private static String emulatedDriver() throws IOException, InterruptedException {
    Process build =
        new ProcessBuilder(
                "bash",
                KERNELS.resolve("src/test/cuda/build.sh").toString(),
                "library",
                KERNELS.resolve("target/emulator").toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String library =
        new String(build.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    int status = build.waitFor();
    Assumptions.assumeTrue(status != NO_COMPILER, "no g++: there is no emulated GPU");
    assertEquals(0, status);
    return library;
  }

  private static Tensor filled(int rows, int columns) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (i * 37 % 64 - 31) / 32f;
    }
    return Tensor.of(values, rows, columns);
  }

  @Test
  void theSameBits() throws IOException, InterruptedException {
    System.setProperty("dev.narrow.cuda.library", emulatedDriver());
    Tensor activations = filled(4, 64);
    Tensor weights = filled(64, 3);
    Tensor product = onTheGpu(activations, weights);
    Tensor expected = multiply(Backend.cpu(), activations, weights, Tensor.zeros(4, 3));
    assertArrayEquals(expected.toFloats(), product.toFloats());
  }

  private static Tensor onTheGpu(Tensor activations, Tensor weights) {
    // README: gpu
    if (Cuda.probe() instanceof CudaProbe.Unavailable none) {
      System.err.println("on the CPU, since " + none.describe());
      return multiply(Backend.cpu(), activations, weights, Tensor.zeros(4, 3));
    }
    try (CudaDevice device = CudaDevice.open()) {
      Tensor x = device.upload(activations);
      Tensor w = device.upload(weights);
      Tensor y = device.upload(Tensor.zeros(4, 3));
      multiply(device.backend(), x, w, y); // the bits of the CPU; fastBackend(): tensor cores
      return device.download(y);
    } // frees what the device still holds
    // end
  }

  // README: either
  /** Weights in 8-bit logarithmic numbers, a scale for each output; on the CPU or on a GPU. */
  static Tensor multiply(Backend backend, Tensor x, Tensor w, Tensor y) {
    Quantizer lns8 =
        Quantizer.of(Formats.LNS8)
            .with(new Granularity.PerAxis(1))
            .with(ScaleRule.AMAX_TO_MAX_FINITE);
    backend.matmul(
        Matmul.plain(),
        Matrices.of(x),
        Matrices.of(backend.quantize(lns8, w, null)),
        Matrices.of(y));
    return y;
  }
  // end
}
