package dev.narrow.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.quant.Tensor;
import java.util.function.IntToDoubleFunction;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is timed is what is claimed, and is charged right. */
class MatmulBenchmarkTest {
  private final MatmulBenchmark benchmark = new MatmulBenchmark();

  @ParameterizedTest
  @ValueSource(strings = {"3x5x7", "32x256x128", "128x128x128"})
  void productsAreThoseClaimed(String mkn) {
    MatmulBenchmark.Operands operands = new MatmulBenchmark.Operands();
    operands.mkn = mkn;
    operands.draw();
    int m = operands.m;
    int k = operands.k;
    int n = operands.n;
    MatmulBenchmark.Operations operations = new MatmulBenchmark.Operations();
    float[] a = operands.a.toFloats();
    float[] b = operands.b.toFloats();
    float[] at = operands.aTransposed.toFloats();
    float[] bt = operands.bTransposed.toFloats();
    check(
        benchmark.matmul(operands, operations),
        k,
        at(m, n, (i, j, p) -> (double) a[i * k + p] * b[p * n + j], k));
    check(
        benchmark.matmulTransposedA(operands, operations),
        k,
        at(m, n, (i, j, p) -> (double) at[p * m + i] * b[p * n + j], k));
    check(
        benchmark.matmulTransposedB(operands, operations),
        k,
        at(m, n, (i, j, p) -> (double) a[i * k + p] * bt[j * k + p], k));
    assertEquals(3 * 2L * m * k * n, operations.flop);
  }

  private interface Term {
    double of(int i, int j, int p);
  }

  private static IntToDoubleFunction at(int m, int n, Term term, int k) {
    return index -> {
      assertTrue(index < m * n);
      double sum = 0;
      for (int p = 0; p < k; p++) {
        sum += term.of(index / n, index % n, p);
      }
      return sum;
    };
  }

  /** Terms are below 1, so k roundings of partial sums below k add up to less than k² 2^-24. */
  private static void check(Tensor c, int k, IntToDoubleFunction exact) {
    float[] values = c.toFloats();
    for (int i = 0; i < values.length; i++) {
      assertEquals(exact.applyAsDouble(i), values[i], (double) k * k * 0x1p-24);
    }
  }

  @Test
  void thePeakRunsItsChains() {
    MatmulBenchmark.Operations operations = new MatmulBenchmark.Operations();
    int lanes = FloatVector.SPECIES_PREFERRED.length();
    // Chain i starts at i; all steps are exact.
    float sum = 0;
    for (int i = 0; i < MatmulBenchmark.CHAINS; i++) {
      sum += i + MatmulBenchmark.ROUNDS * MatmulBenchmark.LEFT * MatmulBenchmark.RIGHT;
    }
    assertEquals(lanes * sum, benchmark.fusedMultiplyAddPeak(operations));
    assertEquals(2L * MatmulBenchmark.CHAINS * MatmulBenchmark.ROUNDS * lanes, operations.flop);
  }
}
