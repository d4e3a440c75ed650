package dev.narrow.examples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.formats.Formats;
import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Activation;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Tensor;
import org.junit.jupiter.api.Test;

/** The README's example of products of codes, word for word. */
class ProductsTest {
  private static Tensor filled(int rows, int columns) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (i * 37 % 64 - 31) / 32f;
    }
    return Tensor.of(values, rows, columns);
  }

  @Test
  void products() {
    Tensor activations = filled(4, 64);
    Tensor weights = filled(3, 64);
    Tensor bias = Tensor.of(new float[] {0.5f, 0f, -0.5f}, 3);
    // README: products
    Tensor x = Quantizer.of(Formats.FP16).quantize(activations); // [4, 64]
    Tensor w = Recipes.parse("mxfp8").quantize(weights); //         [3, 64], blocks of 32 inputs
    Tensor y = Tensor.zeros(4, 3);
    Backend cpu = Backend.cpu(); // the same bits on any number of threads, at any vector width
    cpu.matmul(
        Matmul.plain().bias(bias).activation(Activation.GELU),
        Matrices.of(x),
        Matrices.of(w).transposed(),
        Matrices.of(y));
    Backend half = cpu.with(Accumulator.rounded(Formats.FP16)); // what if sums were fp16?
    Backend exact = cpu.with(Accumulator.exact()); //              and what would be right?
    // end

    Tensor sums = Tensor.zeros(4, 3);
    Tensor halfSums = Tensor.zeros(4, 3);
    exact.matmul(Matmul.plain(), Matrices.of(x), Matrices.of(w).transposed(), Matrices.of(sums));
    half.matmul(Matmul.plain(), Matrices.of(x), Matrices.of(w).transposed(), Matrices.of(halfSums));
    float[] expected = new float[12];
    for (int i = 0; i < 12; i++) {
      double sum = 0; // exact: products of so few bits
      for (int k = 0; k < 64; k++) {
        sum += (double) x.toFloats()[i / 3 * 64 + k] * w.toFloats()[i % 3 * 64 + k];
      }
      expected[i] = (float) sum;
      double v = sum + bias.toFloats()[i % 3];
      double gelu = 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)));
      assertEquals(gelu, y.toFloats()[i], 2e-3, "the tanh form is that near");
    }
    assertArrayEquals(expected, sums.toFloats());
    assertArrayEquals(expected, halfSums.toFloats(), 0.05f);
  }
}
