package dev.narrow.bench;

import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Convolution;
import dev.narrow.quant.Shape;
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
 * Convolution of a batch of 8 images of 32 × 32 with 64 channels, forward and both gradients, on
 * one thread, beside one matrix product of the same number of operations: what is left between them
 * is what bringing images into the shape of matrices costs.
 *
 * <p>Charged: 2 operations for each weight at each position of the output, those on padding
 * included, and nothing for moving data. The counter {@code flop} is in operations per nanosecond,
 * that is in GFLOP/s.
 *
 * <p>What would fool it: what fools {@link MatmulBenchmark}, and comparing a depthwise convolution
 * by operations. It has nine for each element it reads or writes, so memory bounds it, and the
 * product beside it, 64 × 9 by 9 × 8192, is no product that anyone tunes for.
 *
 * <p>Run: {@code mvn -pl bench -am verify -Pjmh -DskipTests "-Djmh.args=Convolution"}.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector"})
public class ConvolutionBenchmark {
  static final int SAMPLES = 8;
  static final int CHANNELS = 64;
  static final int EXTENT = 32;

  /** Counts floating-point operations; JMH divides by the time. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Operations {
    /** A fused multiply-add is two. */
    public long flop;
  }

  /** The operands of a convolution that keeps the extents of its images. */
  @State(Scope.Thread)
  public static class Operands {
    /** The kernel; depthwise is 3 × 3 with a group for each channel. */
    @Param({"3x3", "1x1", "depthwise"})
    public String kernel = "";

    final Backend backend = Backend.cpu(1);
    Convolution how = Convolution.unit();
    Tensor x = Tensor.zeros(0);
    Tensor weight = x;
    Tensor dy = x;
    Tensor y = x;
    Tensor dx = x;
    Tensor dweight = x;
    Tensor weightMatrix = x;
    Tensor patchMatrix = x;
    Tensor outputMatrix = x;

    /** Draws the values. */
    @Setup
    public void draw() {
      int taps = kernel.equals("1x1") ? 1 : 3;
      int groups = kernel.equals("depthwise") ? CHANNELS : 1;
      how = Convolution.unit().withPadding(taps / 2, taps / 2).withGroups(groups);
      Random random = new Random(1);
      x = uniform(random, SAMPLES, CHANNELS, EXTENT, EXTENT);
      dy = uniform(random, SAMPLES, CHANNELS, EXTENT, EXTENT);
      weight = uniform(random, CHANNELS, CHANNELS / groups, taps, taps);
      y = Tensor.zeros(SAMPLES, CHANNELS, EXTENT, EXTENT);
      dx = Tensor.zeros(SAMPLES, CHANNELS, EXTENT, EXTENT);
      dweight = Tensor.zeros(CHANNELS, CHANNELS / groups, taps, taps);
      int terms = CHANNELS / groups * taps * taps;
      weightMatrix = weight.reshape(CHANNELS, terms);
      patchMatrix = uniform(random, terms, SAMPLES * EXTENT * EXTENT);
      outputMatrix = Tensor.zeros(CHANNELS, SAMPLES * EXTENT * EXTENT);
    }

    private static Tensor uniform(Random random, int... dims) {
      float[] values = new float[Shape.of(dims).size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = random.nextFloat(-1f, 1f);
      }
      return Tensor.of(values, dims);
    }

    long flop() {
      return 2L * weight.shape().size() * SAMPLES * EXTENT * EXTENT;
    }
  }

  /** y from x and the weights. */
  @Benchmark
  public Tensor forward(Operands operands, Operations operations) {
    operands.backend.convolve(operands.how, operands.x, operands.weight, operands.y);
    operations.flop += operands.flop();
    return operands.y;
  }

  /** dx from dy and the weights. */
  @Benchmark
  public Tensor backwardInput(Operands operands, Operations operations) {
    operands.backend.convolveBackwardInput(operands.how, operands.weight, operands.dy, operands.dx);
    operations.flop += operands.flop();
    return operands.dx;
  }

  /** The gradient of the weights from x and dy. */
  @Benchmark
  public Tensor backwardWeight(Operands operands, Operations operations) {
    operands.backend.convolveBackwardWeight(
        operands.how, operands.x, operands.dy, operands.dweight);
    operations.flop += operands.flop();
    return operands.dweight;
  }

  /** The weights, a row for each channel of the output, by patches that are there already. */
  @Benchmark
  public Tensor matmul(Operands operands, Operations operations) {
    operands.backend.matmul(operands.weightMatrix, operands.patchMatrix, operands.outputMatrix);
    operations.flop += operands.flop();
    return operands.outputMatrix;
  }
}
