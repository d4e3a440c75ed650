package dev.narrow.bench;

import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.ByteVector;
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
 * Quantizing a tensor on one thread, by each recipe, beside a copy that moves the same number of
 * bytes.
 *
 * <p>Charged: elements, as the counter {@code elements} in elements per nanosecond. With a scale
 * for the tensor the floats are read twice, first for amax: 4 + 4 bytes and one of code. With
 * blocks under one level of scales they are read once: 4 bytes and one of code. {@link #copy} moves
 * so many bytes, half of them read, in a loop of the Vector API.
 *
 * <p>What would fool it: what {@link EncodeBenchmark} lists; and that a new array for the codes is
 * part of quantizing, which the copy does not pay for.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 20, time = 100, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "-Xmx2g"})
public class QuantizeBenchmark {

  /** Counts elements; JMH divides by the time. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Count {
    /** Quantized, or as many as the copied bytes stand for. */
    public long elements;
  }

  /** Floats, and memory for as many. */
  @State(Scope.Thread)
  public static class Arrays {
    /** A name that {@link Recipes} knows. */
    @Param({"fp8", "mxfp8-e4m3", "mxfp4", "nvfp4", "fp8-1x128", "lns8", "int8-symmetric"})
    public String recipe = "";

    /** Elements. */
    @Param({"65536", "16777216"})
    public int n;

    Quantizer quantizer = Recipes.parse("fp8");
    Tensor source = Tensor.zeros(0);
    Tensor target = Tensor.zeros(0);
    byte[] copySource = {};
    byte[] copyTarget = {};

    /** Draws the floats. */
    @Setup
    public void prepare() {
      quantizer = Recipes.parse(recipe);
      float[] x = new float[n];
      Random random = new Random(1);
      for (int i = 0; i < n; i++) {
        x[i] = (float) random.nextGaussian();
      }
      source = Tensor.of(x, n / 256, 256);
      target = Tensor.of(x.clone(), n / 256, 256);
      Scales scales = quantizer.scales(source);
      boolean readTwice = scales.count() == 1 || scales.outer().isPresent();
      copySource = new byte[n / 2 * (readTwice ? 9 : 5)];
      random.nextBytes(copySource);
      copyTarget = copySource.clone();
    }
  }

  /** Floats to codes and scales. */
  @Benchmark
  public Tensor quantize(Arrays arrays, Count count) {
    count.elements += arrays.n;
    return arrays.quantizer.quantize(arrays.source);
  }

  /** Floats to the values of their codes, in place. */
  @Benchmark
  public Tensor fakeQuantize(Arrays arrays, Count count) {
    count.elements += arrays.n;
    arrays.quantizer.fakeQuantize(arrays.target);
    return arrays.target;
  }

  /** The limit: as many bytes as {@link #quantize} is charged for, copied by a loop of vectors. */
  @Benchmark
  public byte[] copy(Arrays arrays, Count count) {
    count.elements += arrays.n;
    byte[] from = arrays.copySource;
    byte[] to = arrays.copyTarget;
    for (int i = 0; i < from.length; i += ByteVector.SPECIES_PREFERRED.length()) {
      ByteVector.fromArray(ByteVector.SPECIES_PREFERRED, from, i).intoArray(to, i);
    }
    return to;
  }
}
