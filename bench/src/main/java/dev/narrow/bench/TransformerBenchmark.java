package dev.narrow.bench;

import dev.narrow.kernels.Attention;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import java.util.Random;
import java.util.concurrent.TimeUnit;
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
 * The operations of a transformer beside its products, on one thread: layer norm, softmax and
 * embedding beside a copy of as many bytes, attention as operations per second.
 *
 * <p>Charged: elements of the result, as the counter {@code elements} in elements per nanosecond;
 * {@link #copy} reads and writes each once, which is the least that layer norm, softmax and
 * embedding do. For attention 4 × queries × keys × dim operations a head in the forward pass, two
 * products, and 10 in the backward pass, five products, as the counter {@code flop} in GFLOP/s;
 * causal attention is charged half of that. {@link MatmulBenchmark#fusedMultiplyAddPeak} is the
 * limit.
 *
 * <p>What would fool it: operands in the second-level cache, as the smaller size is, while
 * activations of real size are not; rows that all have the same values, which make a softmax of
 * equal shares; and an embedding whose rows follow one another, which the prefetcher would find.
 *
 * <p>Run: {@code mvn -pl bench -am verify -Pjmh -DskipTests "-Djmh.args=Transformer"}.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 20, time = 100, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "-Xmx1g"})
public class TransformerBenchmark {

  /** Counts elements; JMH divides by the time. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Count {
    /** Of the result. */
    public long elements;
  }

  /** Counts floating-point operations; JMH divides by the time. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Operations {
    /** A fused multiply-add is two. */
    public long flop;
  }

  /** Activations in rows, and what goes with them. */
  @State(Scope.Thread)
  public static class Rows {
    /** Rows × columns: tokens and their features, or queries and their keys. */
    @Param({"256x256", "2048x768"})
    public String shape = "";

    final Backend backend = Backend.cpu(1);
    int rows;
    int columns;
    float[] values = {};
    float[] copy = {};
    int[] indices = {};
    Tensor x = Tensor.zeros(0, 0);
    Tensor y = x;
    Tensor dy = x;
    Tensor dx = x;
    Tensor weight = x;
    Tensor bias = x;
    Tensor dweight = x;
    Tensor dbias = x;
    Tensor mean = x;
    Tensor inverse = x;
    Tensor dtable = x;

    /** Draws the values. */
    @Setup
    public void draw() {
      String[] extents = shape.split("x", 2);
      rows = Integer.parseInt(extents[0]);
      columns = Integer.parseInt(extents[1]);
      Random random = new Random(1);
      values = normal(random, rows * columns);
      copy = new float[values.length];
      indices = random.ints(rows, 0, rows).toArray();
      x = Tensor.of(values, rows, columns);
      y = Tensor.zeros(rows, columns);
      dy = Tensor.of(normal(random, rows * columns), rows, columns);
      dx = Tensor.zeros(rows, columns);
      weight = Tensor.of(normal(random, columns), columns);
      bias = Tensor.of(normal(random, columns), columns);
      dweight = Tensor.zeros(columns);
      dbias = Tensor.zeros(columns);
      mean = Tensor.zeros(rows);
      inverse = Tensor.zeros(rows);
      dtable = Tensor.zeros(rows, columns);
      backend.layerNorm(x, weight, bias, 1e-5f, y, mean, inverse);
    }
  }

  /** The operands of attention: eight heads of 64 in one sequence. */
  @State(Scope.Thread)
  public static class Heads {
    /** Queries, and keys. */
    @Param({"256", "2048"})
    public int time;

    /** Whether a query sees the keys up to its own only. */
    @Param({"false", "true"})
    public boolean causal;

    final Backend backend = Backend.cpu(1);
    Attention attention = Attention.full(8, 64);
    Tensor q = Tensor.zeros(0, 0);
    Tensor k = q;
    Tensor v = q;
    Tensor y = q;
    Tensor dy = q;
    Tensor dq = q;
    Tensor dk = q;
    Tensor dv = q;

    /** Draws the values. */
    @Setup
    public void draw() {
      attention = causal ? Attention.causal(8, 64) : Attention.full(8, 64);
      Random random = new Random(1);
      q = operand(random);
      k = operand(random);
      v = operand(random);
      dy = operand(random);
      y = Tensor.zeros(1, time, 512);
      dq = Tensor.zeros(1, time, 512);
      dk = Tensor.zeros(1, time, 512);
      dv = Tensor.zeros(1, time, 512);
    }

    private Tensor operand(Random random) {
      return Tensor.of(normal(random, time * 512), 1, time, 512);
    }

    long flop(int products) {
      return 2L * products * time * time * 512 / (causal ? 2 : 1);
    }
  }

  private static float[] normal(Random random, int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** The limit: each element read and written once. */
  @Benchmark
  public float[] copy(Rows rows, Count count) {
    System.arraycopy(rows.values, 0, rows.copy, 0, rows.values.length);
    count.elements += rows.values.length;
    return rows.copy;
  }

  /** Forward. */
  @Benchmark
  public Tensor layerNorm(Rows rows, Count count) {
    rows.backend.layerNorm(rows.x, rows.weight, rows.bias, 1e-5f, rows.y, rows.mean, rows.inverse);
    count.elements += rows.values.length;
    return rows.y;
  }

  /** All three gradients: one more operand is read than by a copy. */
  @Benchmark
  public Tensor layerNormBackward(Rows rows, Count count) {
    rows.backend.layerNormBackward(
        rows.x, rows.weight, rows.mean, rows.inverse, rows.dy, rows.dx, rows.dweight, rows.dbias);
    count.elements += rows.values.length;
    return rows.dx;
  }

  /** Forward. */
  @Benchmark
  public Tensor softmax(Rows rows, Count count) {
    rows.backend.softmax(rows.x, rows.y);
    count.elements += rows.values.length;
    return rows.y;
  }

  /** As many rows as the table has, drawn at random. */
  @Benchmark
  public Tensor embedding(Rows rows, Count count) {
    rows.backend.embedding(rows.x, rows.indices, rows.y);
    count.elements += rows.values.length;
    return rows.y;
  }

  /** The gradient, added to what is there. */
  @Benchmark
  public Tensor addEmbeddingBackward(Rows rows, Count count) {
    rows.backend.addEmbeddingBackward(rows.indices, rows.dy, rows.dtable);
    count.elements += rows.values.length;
    return rows.dtable;
  }

  /** Forward. */
  @Benchmark
  public Tensor attention(Heads heads, Operations operations) {
    heads.backend.attention(heads.q, heads.k, heads.v, heads.attention, heads.y);
    operations.flop += heads.flop(2);
    return heads.y;
  }

  /** All three gradients, scores and probabilities included. */
  @Benchmark
  public Tensor attentionBackward(Heads heads, Operations operations) {
    heads.backend.attentionBackward(
        heads.q, heads.k, heads.v, heads.attention, heads.dy, heads.dq, heads.dk, heads.dv);
    operations.flop += heads.flop(5);
    return heads.dq;
  }
}
