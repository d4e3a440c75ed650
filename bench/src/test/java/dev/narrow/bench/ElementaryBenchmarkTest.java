package dev.narrow.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.kernels.Activations;
import dev.narrow.kernels.Elementary;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is timed is what is claimed, and is charged right. */
class ElementaryBenchmarkTest {
  private static final int N = 1 << 10;

  private final ElementaryBenchmark benchmark = new ElementaryBenchmark();
  private final ElementaryBenchmark.Arrays arrays = new ElementaryBenchmark.Arrays();
  private final ElementaryBenchmark.Count count = new ElementaryBenchmark.Count();

  @BeforeEach
  void draw() {
    arrays.n = N;
    arrays.draw();
  }

  private static float[] map(float[] x, UnaryOperator<Float> f) {
    float[] y = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      y[i] = f.apply(x[i]);
    }
    return y;
  }

  @Test
  void oursAreTheFunctionsOfTheirNames() {
    float[] x = arrays.values;
    float[] magnitudes = arrays.magnitudes;
    assertArrayEquals(map(x, Elementary::exp), benchmark.exp(arrays, count));
    assertArrayEquals(map(x, Elementary::exp2), benchmark.exp2(arrays, count));
    assertArrayEquals(map(magnitudes, Elementary::log), benchmark.log(arrays, count));
    assertArrayEquals(map(x, Elementary::tanh), benchmark.tanh(arrays, count));
    assertArrayEquals(map(x, Elementary::erf), benchmark.erf(arrays, count));
    assertArrayEquals(
        map(magnitudes, Elementary::reciprocalSqrt), benchmark.reciprocalSqrt(arrays, count));
    assertArrayEquals(map(x, Activations::sigmoid), benchmark.sigmoid(arrays, count));
    assertArrayEquals(map(x, Activations::gelu), benchmark.gelu(arrays, count));
    assertArrayEquals(map(x, Activations::geluTanh), benchmark.geluTanh(arrays, count));
    assertArrayEquals(
        map(x, at -> Activations.geluGradient(at) * Math.abs(at)),
        benchmark.geluBackward(arrays, count));
    assertArrayEquals(
        map(x, at -> Activations.geluTanhGradient(at) * Math.abs(at)),
        benchmark.geluTanhBackward(arrays, count));
    assertEquals(11L * N, count.elements);
  }

  @Test
  void theJdkComputesTheSameFunctions() {
    float[] x = arrays.values;
    float[] magnitudes = arrays.magnitudes;
    assertNear(map(x, Elementary::exp), benchmark.mathExp(arrays, count));
    assertNear(map(x, Elementary::exp), benchmark.operatorExp(arrays, count));
    assertNear(map(x, Elementary::exp2), benchmark.mathExp2(arrays, count));
    assertNear(map(x, Elementary::exp2), benchmark.operatorExp2(arrays, count));
    assertNear(map(magnitudes, Elementary::log), benchmark.mathLog(arrays, count));
    assertNear(map(magnitudes, Elementary::log), benchmark.operatorLog(arrays, count));
    assertNear(map(x, Elementary::tanh), benchmark.mathTanh(arrays, count));
    assertNear(map(x, Elementary::tanh), benchmark.operatorTanh(arrays, count));
    float[] roots = map(magnitudes, Elementary::reciprocalSqrt);
    assertNear(roots, benchmark.mathReciprocalSqrt(arrays, count));
    assertNear(roots, benchmark.operatorReciprocalSqrt(arrays, count));
    assertNear(map(x, Activations::sigmoid), benchmark.mathSigmoid(arrays, count));
    assertNear(map(x, Activations::sigmoid), benchmark.operatorSigmoid(arrays, count));
    float[] units = map(x, Activations::geluTanh);
    // Below 0 a small difference.
    assertArrayEquals(units, benchmark.mathGeluTanh(arrays, count), 2e-6f);
    assertArrayEquals(units, benchmark.operatorGeluTanh(arrays, count), 2e-6f);
    assertEquals(14L * N, count.elements);
  }

  private static void assertNear(float[] expected, float[] actual) {
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], 4 * Math.ulp(expected[i]));
    }
  }
}
