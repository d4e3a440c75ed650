package dev.narrow.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is timed is what is claimed, and is charged right. */
class ConvolutionBenchmarkTest {
  private static final int EXTENT = ConvolutionBenchmark.EXTENT;
  private static final int CHANNELS = ConvolutionBenchmark.CHANNELS;

  private final ConvolutionBenchmark benchmark = new ConvolutionBenchmark();

  /** The forward pass at some places, and by it the gradients, which are its adjoint maps. */
  @ParameterizedTest
  @ValueSource(strings = {"3x3", "1x1", "depthwise"})
  void convolutionsAreThoseClaimed(String kernel) {
    ConvolutionBenchmark.Operands operands = new ConvolutionBenchmark.Operands();
    operands.kernel = kernel;
    operands.draw();
    ConvolutionBenchmark.Operations operations = new ConvolutionBenchmark.Operations();
    float[] y = benchmark.forward(operands, operations).toFloats();
    float[] x = operands.x.toFloats();
    float[] weight = operands.weight.toFloats();
    int taps = operands.weight.shape().dim(2);
    int perGroup = operands.weight.shape().dim(1);
    for (int i = 0; i < y.length; i += 997) {
      int plane = EXTENT * EXTENT;
      int output = i / plane % CHANNELS;
      int sample = i / plane / CHANNELS;
      double sum = 0;
      for (int term = 0; term < perGroup * taps * taps; term++) {
        int iy = i / EXTENT % EXTENT + term / taps % taps - taps / 2;
        int ix = i % EXTENT + term % taps - taps / 2;
        int channel = (perGroup == 1 ? output : 0) + term / (taps * taps);
        if (iy >= 0 && iy < EXTENT && ix >= 0 && ix < EXTENT) {
          double w = weight[output * perGroup * taps * taps + term];
          sum += w * x[((sample * CHANNELS + channel) * EXTENT + iy) * EXTENT + ix];
        }
      }
      assertEquals(sum, y[i], 1e-4, "y " + i);
    }
    double forward = dot(operands.y, operands.dy);
    assertEquals(
        forward, dot(benchmark.backwardInput(operands, operations), operands.x), 1e-2, "dx");
    assertEquals(
        forward,
        dot(benchmark.backwardWeight(operands, operations), operands.weight),
        1e-2,
        "dweight");
    Tensor product = benchmark.matmul(operands, operations);
    Tensor expected = Tensor.zeros(product.shape().dims());
    Backend.cpu(2).matmul(operands.weightMatrix, operands.patchMatrix, expected);
    assertEquals(dot(expected, expected), dot(expected, product), "matmul");
    long multiplyAdds = (long) weight.length * ConvolutionBenchmark.SAMPLES * EXTENT * EXTENT;
    assertEquals(4 * 2 * multiplyAdds, operations.flop);
  }

  private static double dot(Tensor x, Tensor y) {
    float[] left = x.toFloats();
    float[] right = y.toFloats();
    double sum = 0;
    for (int i = 0; i < left.length; i++) {
      sum += (double) left[i] * right[i];
    }
    return sum;
  }
}
