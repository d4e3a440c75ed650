package dev.narrow.bench;

import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.quant.Tensor;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.openjdk.jmh.annotations.AuxCounters;
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
 * The fp32 product of the processor's backend, on one thread, beside the most that the processor's
 * fused multiply-add can do, measured in the same run.
 *
 * <p>Charged: 2 m k n operations for a product, and nothing for packing or transposing an operand,
 * which is the product's own business. The counter {@code flop} is in operations per nanosecond,
 * that is in GFLOP/s; divide it by that of {@link #fusedMultiplyAddPeak}.
 *
 * <p>What would fool it:
 *
 * <ul>
 *   <li>Another process on the core. Both figures suffer, but not at the same moment: repeat until
 *       the peak is steady, or take the fastest call of each ({@code -bm sample -tu ns}, p0.00).
 *   <li>Too short a warm-up. Until the register block is compiled, each of its vectors is an
 *       object, and a small product is a hundred times slower; that takes seconds on a busy
 *       machine.
 *   <li>A processor that lowers its clock for wide vectors. The peak uses the same width, so the
 *       ratio still holds.
 *   <li>Operands in the cache. They are, for all but the largest size: a product reads each element
 *       many times, and packing is included.
 *   <li>Zeros and subnormals. Values are from [-1, 1); results are overwritten, never accumulated,
 *       so they do not grow from call to call.
 *   <li>A peak whose chains are too few: with fewer than latency × units of them it would measure
 *       the latency. There are twelve; processors of 2026 need ten at most.
 * </ul>
 *
 * <p>Run: {@code mvn -pl bench -am verify -Pjmh -DskipTests "-Djmh.args=Matmul"}.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector"})
public class MatmulBenchmark {
  static final int CHAINS = 12;

  /** Enough that entering and leaving the loop, microseconds under JMH, do not count. */
  static final int ROUNDS = 20_000;

  static final float LEFT = 0.5f;
  static final float RIGHT = 0.25f;

  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

  /** Counts floating-point operations; JMH divides by the time. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Operations {
    /** A fused multiply-add is two. */
    public long flop;
  }

  /** The operands of a product. */
  @State(Scope.Thread)
  public static class Operands {
    /** Rows of a × terms of a sum × columns of b: squares, and layers of a perceptron. */
    @Param({"128x128x128", "256x256x256", "512x512x512", "1024x1024x1024", "32x256x128"})
    public String mkn = "";

    final Backend backend = Backend.cpu(1);
    int m;
    int k;
    int n;
    Tensor a = Tensor.zeros(0, 0);
    Tensor aTransposed = a;
    Tensor b = a;
    Tensor bTransposed = a;
    Tensor c = a;

    /** Draws the values. */
    @Setup
    public void draw() {
      String[] extents = mkn.split("x", 3);
      m = Integer.parseInt(extents[0]);
      k = Integer.parseInt(extents[1]);
      n = Integer.parseInt(extents[2]);
      Random random = new Random(1);
      a = uniform(random, m, k);
      aTransposed = uniform(random, k, m);
      b = uniform(random, k, n);
      bTransposed = uniform(random, n, k);
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

  /** c = a b: the forward pass. */
  @Benchmark
  public Tensor matmul(Operands operands, Operations operations) {
    operands.backend.matmul(operands.a, operands.b, operands.c);
    operations.flop += operands.flop();
    return operands.c;
  }

  /** c = aᵀ b: the gradient of the weights. */
  @Benchmark
  public Tensor matmulTransposedA(Operands operands, Operations operations) {
    operands.backend.matmul(
        Matmul.plain(),
        Matrices.of(operands.aTransposed).transposed(),
        Matrices.of(operands.b),
        Matrices.of(operands.c));
    operations.flop += operands.flop();
    return operands.c;
  }

  /** c = a bᵀ: the gradient of the layer's input. */
  @Benchmark
  public Tensor matmulTransposedB(Operands operands, Operations operations) {
    operands.backend.matmul(
        Matmul.plain(),
        Matrices.of(operands.a),
        Matrices.of(operands.bTransposed).transposed(),
        Matrices.of(operands.c));
    operations.flop += operands.flop();
    return operands.c;
  }

  /**
   * Twelve independent chains x = LEFT × RIGHT + x, in registers: nothing but multiply-adds. The
   * chain runs through the addend, the operand that the instruction overwrites; through a factor,
   * each step would also be charged a move.
   */
  @Benchmark
  public float fusedMultiplyAddPeak(Operations operations) {
    FloatVector left = FloatVector.broadcast(SPECIES, LEFT);
    FloatVector right = FloatVector.broadcast(SPECIES, RIGHT);
    FloatVector x0 = FloatVector.broadcast(SPECIES, 0f);
    FloatVector x1 = FloatVector.broadcast(SPECIES, 1f);
    FloatVector x2 = FloatVector.broadcast(SPECIES, 2f);
    FloatVector x3 = FloatVector.broadcast(SPECIES, 3f);
    FloatVector x4 = FloatVector.broadcast(SPECIES, 4f);
    FloatVector x5 = FloatVector.broadcast(SPECIES, 5f);
    FloatVector x6 = FloatVector.broadcast(SPECIES, 6f);
    FloatVector x7 = FloatVector.broadcast(SPECIES, 7f);
    FloatVector x8 = FloatVector.broadcast(SPECIES, 8f);
    FloatVector x9 = FloatVector.broadcast(SPECIES, 9f);
    FloatVector x10 = FloatVector.broadcast(SPECIES, 10f);
    FloatVector x11 = FloatVector.broadcast(SPECIES, 11f);
    for (int i = 0; i < ROUNDS; i++) {
      x0 = left.fma(right, x0);
      x1 = left.fma(right, x1);
      x2 = left.fma(right, x2);
      x3 = left.fma(right, x3);
      x4 = left.fma(right, x4);
      x5 = left.fma(right, x5);
      x6 = left.fma(right, x6);
      x7 = left.fma(right, x7);
      x8 = left.fma(right, x8);
      x9 = left.fma(right, x9);
      x10 = left.fma(right, x10);
      x11 = left.fma(right, x11);
    }
    operations.flop += 2L * CHAINS * ROUNDS * SPECIES.length();
    return x0.add(x1)
        .add(x2.add(x3))
        .add(x4.add(x5).add(x6.add(x7)))
        .add(x8.add(x9).add(x10.add(x11)))
        .reduceLanes(VectorOperators.ADD);
  }
}
