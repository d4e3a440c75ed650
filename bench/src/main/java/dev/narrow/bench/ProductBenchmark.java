package dev.narrow.bench;

import dev.narrow.formats.Formats;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.NativeLibrary;
import dev.narrow.kernels.Summation;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Tensor;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
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
 * Products in pure Java, of floats and of codes, and by oneDNN, in one run with the most that fused
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
 * <p>Run: {@code mvn -pl bench -am verify -Pjmh -DskipTests "-Djmh.args=Product|Peak"}.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class ProductBenchmark {

  /** How operands are quantized: under one scale each, but for the blocks of 32 of MXFP8. */
  private static final Map<String, Quantizer> RECIPES =
      Map.of(
          "bf16", Quantizer.of(Formats.BF16),
          "fp16", Quantizer.of(Formats.FP16),
          "lns8", Recipes.parse("lns8"),
          "e4m3fn", Recipes.parse("fp8"),
          "mxfp8", Recipes.parse("mxfp8"));

  /** The operands of a product, in fp32 and in few bits. */
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
    final Map<String, Tensor> left = new HashMap<>();
    final Map<String, Tensor> right = new HashMap<>();
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
      a = uniform(random, m, k);
      b = uniform(random, k, n);
      RECIPES.forEach((name, quantizer) -> {
        left.put(name, quantizer.quantize(a));
        right.put(name, quantizer.quantize(b));
      });
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
    return product(operands.java, operands.a, operands.b, operands, operations);
  }

  /** c = a b for a and b in LNS8 and c in fp32, in Java. */
  @Benchmark
  public Tensor lns8(Operands operands, MatmulBenchmark.Operations operations) {
    return codes("lns8", operands.java, operands, operations);
  }

  /** c = a b for a and b in E4M3 and c in fp32, in Java. */
  @Benchmark
  public Tensor e4m3fn(Operands operands, MatmulBenchmark.Operations operations) {
    return codes("e4m3fn", operands.java, operands, operations);
  }

  /** c = a b for a and b in fp16 and c in fp32, in Java. */
  @Benchmark
  public Tensor fp16(Operands operands, MatmulBenchmark.Operations operations) {
    return codes("fp16", operands.java, operands, operations);
  }

  /** c = a b for a and b in MXFP8 and c in fp32, in Java. */
  @Benchmark
  public Tensor mxfp8(Operands operands, MatmulBenchmark.Operations operations) {
    return codes("mxfp8", operands.java, operands, operations);
  }

  /** c = a b in fp32, by oneDNN. */
  @Benchmark
  public Tensor oneDnn(Operands operands, MatmulBenchmark.Operations operations) {
    return product(operands.oneDnn, operands.a, operands.b, operands, operations);
  }

  /** c = a b for a and b in bf16 and c in fp32, by oneDNN. */
  @Benchmark
  public Tensor oneDnnBf16(Operands operands, MatmulBenchmark.Operations operations) {
    return codes("bf16", operands.oneDnn, operands, operations);
  }

  private static Tensor codes(
      String recipe, Backend backend, Operands operands, MatmulBenchmark.Operations operations) {
    Tensor a = Objects.requireNonNull(operands.left.get(recipe));
    Tensor b = Objects.requireNonNull(operands.right.get(recipe));
    return product(backend, a, b, operands, operations);
  }

  private static Tensor product(
      Backend backend,
      Tensor a,
      Tensor b,
      Operands operands,
      MatmulBenchmark.Operations operations) {
    backend.matmul(a, b, operands.c);
    operations.flop += operands.flop();
    return operands.c;
  }
}
