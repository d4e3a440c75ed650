package dev.narrow.bench;

import dev.narrow.amp.GradScaler;
import dev.narrow.amp.Gradients;
import dev.narrow.amp.LossScaling;
import dev.narrow.amp.StepResult;
import dev.narrow.kernels.Backend;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
 * What a step of the scaler takes, with an optimizer that does nothing, beside the least that it
 * could take: one pass that reads and writes the same memory.
 *
 * <p>What would fool it: gradients that shrink from step to step become subnormal, on which
 * multiplication is slow, then zero; so the scale is the float after 1. And gradients that no
 * backward pass has written to since are refused; so one of them is written to before each step, in
 * both.
 *
 * <p>Run: {@code mvn -pl bench -am verify -Pjmh -DskipTests "-Djmh.args=GradScaler -prof gc"}.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 10, time = 1)
@Fork(
    value = 3,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector"})
public class GradScalerBenchmark {
  private static final float SCALE = Math.nextUp(1f);

  /** Gradients of a network: small and large tensors in turn. */
  @State(Scope.Thread)
  public static class Network {
    /** How many gradients there are in all, an even number of times {@link #tensors}. */
    @Param("25000000")
    public int elements = 25_000_000;

    /** How many tensors they are in. */
    @Param("200")
    public int tensors = 200;

    final List<float[]> arrays = new ArrayList<>();
    final GradScaler scaler = GradScaler.of(LossScaling.fixed(SCALE), Backend.cpu(1));
    Gradients gradients = Gradients.of(Gradients.view("none", new float[1]));
    private int passes;

    /** Makes the gradients. */
    @Setup
    public void make() {
      int large = elements / tensors * 199 / 100;
      int small = elements / tensors * 2 - large;
      List<Gradients.View> views = new ArrayList<>();
      for (int i = 0; i < tensors; i++) {
        float[] array = new float[i % 2 == 0 ? large : small];
        Arrays.fill(array, 1 + i);
        arrays.add(array);
        views.add(Gradients.view("layer" + i / 2 + (i % 2 == 0 ? ".weight" : ".bias"), array));
      }
      gradients = Gradients.of(views);
    }

    /** As little as a backward pass can do. */
    void backward() {
      arrays.getFirst()[0] = 1 + (passes++ & 1);
    }
  }

  /** The scaler's step. */
  @Benchmark
  public StepResult step(Network network) {
    network.backward();
    return network.scaler.step(network.gradients, GradScalerBenchmark::nothing);
  }

  private static void nothing() {}

  /** One pass that reads and writes. */
  @Benchmark
  public void pass(Network network) {
    network.backward();
    for (float[] array : network.arrays) {
      scale(array, 1 / SCALE);
    }
  }

  private static void scale(float[] x, float factor) {
    for (int i = 0; i < x.length; i++) {
      x[i] *= factor;
    }
  }
}
