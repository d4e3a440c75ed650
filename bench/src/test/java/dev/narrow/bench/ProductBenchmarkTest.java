package dev.narrow.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.narrow.kernels.NativeLibrary;
import dev.narrow.quant.Tensor;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is timed is what is claimed, and is charged right. */
class ProductBenchmarkTest {

  @ParameterizedTest
  @CsvSource({"3x5x7, 1", "1x64x64, 1", "130x90x110, 0"})
  void productsAreThoseClaimed(String mkn, int threads) {
    NativeLibrary library = NativeLibrary.oneDnn();
    assumeTrue(library.available(), "no oneDNN: " + library.detail());
    ProductBenchmark benchmark = new ProductBenchmark();
    ProductBenchmark.Operands operands = new ProductBenchmark.Operands();
    operands.mkn = mkn;
    operands.threads = threads;
    operands.draw();
    MatmulBenchmark.Operations operations = new MatmulBenchmark.Operations();
    check(operands, operands.a, operands.b, benchmark.java(operands, operations));
    check(operands, operands.a, operands.b, benchmark.oneDnn(operands, operations));
    check(operands, "bf16", benchmark.oneDnnBf16(operands, operations));
    check(operands, "lns8", benchmark.lns8(operands, operations));
    check(operands, "e4m3fn", benchmark.e4m3fn(operands, operations));
    check(operands, "fp16", benchmark.fp16(operands, operations));
    check(operands, "mxfp8", benchmark.mxfp8(operands, operations));
    assertEquals(7 * 2L * operands.m * operands.k * operands.n, operations.flop);
  }

  private static void check(ProductBenchmark.Operands operands, String recipe, Tensor c) {
    check(
        operands,
        Objects.requireNonNull(operands.left.get(recipe)),
        Objects.requireNonNull(operands.right.get(recipe)),
        c);
  }

  /** Terms are below 1, so k roundings of partial sums below k add up to less than k² 2^-24. */
  private static void check(ProductBenchmark.Operands operands, Tensor a, Tensor b, Tensor c) {
    float[] left = a.toFloats();
    float[] right = b.toFloats();
    float[] values = c.toFloats();
    int k = operands.k;
    int n = operands.n;
    for (int i = 0; i < values.length; i++) {
      double sum = 0;
      for (int p = 0; p < k; p++) {
        sum += (double) left[i / n * k + p] * right[p * n + i % n];
      }
      assertEquals(sum, values[i], (double) k * k * 0x1p-24);
    }
  }
}
