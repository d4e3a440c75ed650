package dev.narrow.bench;

import dev.narrow.formats.Formats;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.NativeLibrary;
import dev.narrow.kernels.Summation;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Products in pure Java and by oneDNN, on the same arrays, in one run with the most that fused
 * multiply-add can do: {@link MatmulBenchmark#fusedMultiplyAddPeak}. All go through {@link
 * Backend}, checks included; 2 m k n operations are charged, in the counter {@code flop}.
 *
 * <p>What would fool it, besides what {@link MatmulBenchmark} names:
 *
 * <ul>
 *   <li>Threads that wait by turning. Those of OpenMP do so for some milliseconds after a product,
 *       on cores that the next benchmark wants; each benchmark has a process of its own.
 *   <li>One row times a matrix. It reads each element of the matrix once, 64 MiB in fp32 and 32 in
 *       bf16: what is measured is the memory, and whether the matrix stays in the largest cache.
 *   <li>A product of bf16 that rounds its result to bf16 writes half as much. This one does not.
 * </ul>
 *
 * <p>Run: {@code mvn -pl bench -am verify -Pjmh -DskipTests "-Djmh.args=OneDnn|Peak"}.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class OneDnnBenchmark {

  /** The operands of a product, in fp32 and in bf16. */
  @State(Scope.Thread)
  public static class Operands {
    /** Rows of a × terms of a sum × columns of b: squares, and a row or some times a layer. */
    @Param({
      "256x256x256",
      "512x512x512",
      "1024x1024x1024",
      "2048x2048x2048",
      "1x4096x4096",
      "16x4096x4096"
    })
    public String mkn = "";

    /** How many threads; 0 is as many as there are cores. */
    @Param({"1", "0"})
    public int threads = 1;

    Backend java = Backend.cpu(1);
    Backend oneDnn = java;
    int m;
    int k;
    int n;
    Tensor a = Tensor.zeros(0, 0);
    Tensor b = a;
    Tensor aBf16 = a;
    Tensor bBf16 = a;
    Tensor c = a;

    /**
     * Draws the values.
     *
     * @throws IllegalStateException if oneDNN is not there
     */
    @Setup
    public void draw() {
      int cores = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
      java = Backend.cpu(cores);
      oneDnn = Backend.oneDnn(cores);
      if (oneDnn.summation() != Summation.FAST) {
        throw new IllegalStateException("no oneDNN: " + NativeLibrary.oneDnn().detail());
      }
      String[] extents = mkn.split("x", 3);
      m = Integer.parseInt(extents[0]);
      k = Integer.parseInt(extents[1]);
      n = Integer.parseInt(extents[2]);
      Random random = new Random(1);
      Quantizer bf16 = Quantizer.of(Formats.BF16);
      a = uniform(random, m, k);
      b = uniform(random, k, n);
      aBf16 = bf16.quantize(a);
      bBf16 = bf16.quantize(b);
      c = Tensor.zeros(m, n);
    }

    private static Tensor uniform(Random random, int rows, int columns) {
      float[] values = new float[rows * columns];
      for (int i = 0; i < values.length; i++) {
        values[i] = random.nextFloat(-1f, 1f);
      }
      return Tensor.of(values, rows, columns);
    }

    long flop() {
      return 2L * m * k * n;
    }
  }

  /** c = a b in fp32, in Java. */
  @Benchmark
  public Tensor java(Operands operands, MatmulBenchmark.Operations operations) {
    operands.java.matmul(operands.a, operands.b, operands.c);
    operations.flop += operands.flop();
    return operands.c;
  }

  /** c = a b in fp32, by oneDNN. */
  @Benchmark
  public Tensor oneDnn(Operands operands, MatmulBenchmark.Operations operations) {
    operands.oneDnn.matmul(operands.a, operands.b, operands.c);
    operations.flop += operands.flop();
    return operands.c;
  }

  /** c = a b for a and b in bf16 and c in fp32, by oneDNN. */
  @Benchmark
  public Tensor oneDnnBf16(Operands operands, MatmulBenchmark.Operations operations) {
    operands.oneDnn.matmul(operands.aBf16, operands.bBf16, operands.c);
    operations.flop += operands.flop();
    return operands.c;
  }
}
