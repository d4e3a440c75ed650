package dev.narrow.bench;

import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
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
 * Elementary and activation functions over an array on one thread, beside the two ways that the JDK
 * has: {@link Math}, element by element ({@code mathExp}, ...), and the operators of the Vector API
 * ({@code operatorExp}, ...), whose bits differ from machine to machine.
 *
 * <p>Charged: elements, as the counter {@code elements} in elements per nanosecond.
 *
 * <p>Math and the Vector API have no error function, so that erf, GELU and the gradients stand
 * alone. In the first-level cache only, {@code ElementaryBenchmark -p n=4096} takes some two
 * minutes.
 *
 * <p>What would fool it:
 *
 * <ul>
 *   <li>Arguments of one kind: a normal distribution, times 4, meets both polynomials of tanh and
 *       erf and what is saturated, in no order that a branch predictor could learn. Logarithm and
 *       root take the magnitudes.
 *   <li>One size: 4096 floats stay in the first-level cache and measure the arithmetic; 2^24, 64
 *       MiB, measure memory too.
 *   <li>Several functions through one loop: in one JVM the compiler would call each operation
 *       instead of compiling it into the loop. JMH forks for every benchmark; never run this with
 *       {@code -f 0}.
 *   <li>Fresh pages: the arrays are written once before anything is timed.
 * </ul>
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "-Xmx2g"})
public class ElementaryBenchmark {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final double SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);

  /** Counts elements; JMH divides by the time. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Count {
    /** Arguments of the function. */
    public long elements;
  }

  /** Arguments and memory for results. */
  @State(Scope.Thread)
  public static class Arrays {
    /** Elements. */
    @Param({"4096", "16777216"})
    public int n;

    final Backend backend = Backend.cpu(1);
    float[] values = {};
    float[] magnitudes = {};
    float[] results = {};
    Tensor x = Tensor.zeros(0);
    Tensor magnitude = x;
    Tensor y = x;

    /** Draws the arguments. */
    @Setup
    public void draw() {
      values = new float[n];
      magnitudes = new float[n];
      results = new float[n];
      Random random = new Random(1);
      for (int i = 0; i < n; i++) {
        values[i] = (float) (4 * random.nextGaussian());
        magnitudes[i] = Math.abs(values[i]);
        results[i] = values[i];
      }
      x = Tensor.of(values, n);
      magnitude = Tensor.of(magnitudes, n);
      y = Tensor.of(results, n);
    }
  }

  private static float[] counted(Arrays arrays, Count count) {
    count.elements += arrays.n;
    return arrays.results;
  }

  private static float[] scalar(float[] x, Arrays arrays, Count count, DoubleUnaryOperator f) {
    float[] y = arrays.results;
    for (int i = 0; i < x.length; i++) {
      y[i] = (float) f.applyAsDouble(x[i]);
    }
    return counted(arrays, count);
  }

  private static float[] vectors(
      float[] x, Arrays arrays, Count count, UnaryOperator<FloatVector> f) {
    for (int i = 0; i < x.length; i += SPECIES.length()) {
      f.apply(FloatVector.fromArray(SPECIES, x, i)).intoArray(arrays.results, i);
    }
    return counted(arrays, count);
  }

  /** e to the power x. */
  @Benchmark
  public float[] exp(Arrays arrays, Count count) {
    arrays.backend.exp(arrays.x, arrays.y);
    return counted(arrays, count);
  }

  /** The same by {@link Math}. */
  @Benchmark
  public float[] mathExp(Arrays arrays, Count count) {
    return scalar(arrays.values, arrays, count, Math::exp);
  }

  /** The same by the Vector API. */
  @Benchmark
  public float[] operatorExp(Arrays arrays, Count count) {
    return vectors(arrays.values, arrays, count, x -> x.lanewise(VectorOperators.EXP));
  }

  /** 2 to the power x. */
  @Benchmark
  public float[] exp2(Arrays arrays, Count count) {
    arrays.backend.exp2(arrays.x, arrays.y);
    return counted(arrays, count);
  }

  /** The same by {@link Math}. */
  @Benchmark
  public float[] mathExp2(Arrays arrays, Count count) {
    return scalar(arrays.values, arrays, count, x -> Math.pow(2, x));
  }

  /** The same by the Vector API. */
  @Benchmark
  public float[] operatorExp2(Arrays arrays, Count count) {
    return vectors(arrays.values, arrays, count, x -> FloatVector.broadcast(SPECIES, 2f).pow(x));
  }

  /** The natural logarithm. */
  @Benchmark
  public float[] log(Arrays arrays, Count count) {
    arrays.backend.log(arrays.magnitude, arrays.y);
    return counted(arrays, count);
  }

  /** The same by {@link Math}. */
  @Benchmark
  public float[] mathLog(Arrays arrays, Count count) {
    return scalar(arrays.magnitudes, arrays, count, Math::log);
  }

  /** The same by the Vector API. */
  @Benchmark
  public float[] operatorLog(Arrays arrays, Count count) {
    return vectors(arrays.magnitudes, arrays, count, x -> x.lanewise(VectorOperators.LOG));
  }

  /** The hyperbolic tangent. */
  @Benchmark
  public float[] tanh(Arrays arrays, Count count) {
    arrays.backend.tanh(arrays.x, arrays.y);
    return counted(arrays, count);
  }

  /** The same by {@link Math}. */
  @Benchmark
  public float[] mathTanh(Arrays arrays, Count count) {
    return scalar(arrays.values, arrays, count, Math::tanh);
  }

  /** The same by the Vector API. */
  @Benchmark
  public float[] operatorTanh(Arrays arrays, Count count) {
    return vectors(arrays.values, arrays, count, x -> x.lanewise(VectorOperators.TANH));
  }

  /** The error function, which the JDK has not. */
  @Benchmark
  public float[] erf(Arrays arrays, Count count) {
    arrays.backend.erf(arrays.x, arrays.y);
    return counted(arrays, count);
  }

  /** 1 / √x, rounded once. */
  @Benchmark
  public float[] reciprocalSqrt(Arrays arrays, Count count) {
    arrays.backend.reciprocalSqrt(arrays.magnitude, arrays.y);
    return counted(arrays, count);
  }

  /** 1 / √x in double. */
  @Benchmark
  public float[] mathReciprocalSqrt(Arrays arrays, Count count) {
    return scalar(arrays.magnitudes, arrays, count, x -> 1 / Math.sqrt(x));
  }

  /** 1 / √x in float, rounded twice. */
  @Benchmark
  public float[] operatorReciprocalSqrt(Arrays arrays, Count count) {
    return vectors(
        arrays.magnitudes, arrays, count, x -> FloatVector.broadcast(SPECIES, 1f).div(x.sqrt()));
  }

  /** The logistic function. */
  @Benchmark
  public float[] sigmoid(Arrays arrays, Count count) {
    arrays.backend.sigmoid(arrays.x, arrays.y);
    return counted(arrays, count);
  }

  /** The same by {@link Math}. */
  @Benchmark
  public float[] mathSigmoid(Arrays arrays, Count count) {
    return scalar(arrays.values, arrays, count, x -> 1 / (1 + Math.exp(-x)));
  }

  /** The same by the Vector API, in float. */
  @Benchmark
  public float[] operatorSigmoid(Arrays arrays, Count count) {
    FloatVector one = FloatVector.broadcast(SPECIES, 1f);
    return vectors(
        arrays.values, arrays, count, x -> one.div(x.neg().lanewise(VectorOperators.EXP).add(one)));
  }

  /** The Gaussian error linear unit. */
  @Benchmark
  public float[] gelu(Arrays arrays, Count count) {
    arrays.backend.gelu(arrays.x, arrays.y);
    return counted(arrays, count);
  }

  /** Its gradient. */
  @Benchmark
  public float[] geluBackward(Arrays arrays, Count count) {
    arrays.backend.geluBackward(arrays.x, arrays.magnitude, arrays.y);
    return counted(arrays, count);
  }

  /** Its approximation by tanh. */
  @Benchmark
  public float[] geluTanh(Arrays arrays, Count count) {
    arrays.backend.geluTanh(arrays.x, arrays.y);
    return counted(arrays, count);
  }

  /** The same by {@link Math}. */
  @Benchmark
  public float[] mathGeluTanh(Arrays arrays, Count count) {
    return scalar(
        arrays.values,
        arrays,
        count,
        x -> 0.5 * x * (1 + Math.tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x))));
  }

  /** The same by the Vector API, in float. */
  @Benchmark
  public float[] operatorGeluTanh(Arrays arrays, Count count) {
    return vectors(
        arrays.values,
        arrays,
        count,
        x -> {
          FloatVector at = x.mul(x).mul(0.044715f).add(1f).mul(x).mul((float) SQRT_2_OVER_PI);
          return at.lanewise(VectorOperators.TANH).add(1f).mul(x.mul(0.5f));
        });
  }

  /** Its gradient. */
  @Benchmark
  public float[] geluTanhBackward(Arrays arrays, Count count) {
    arrays.backend.geluTanhBackward(arrays.x, arrays.magnitude, arrays.y);
    return counted(arrays, count);
  }
}
