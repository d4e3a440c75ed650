package dev.narrow.bench;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.Optimizer;
import dev.narrow.amp.Role;
import dev.narrow.amp.Sgd;
import dev.narrow.amp.nn.Network;
import dev.narrow.amp.nn.Networks;
import dev.narrow.kernels.Activation;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
 * A training step of a perceptron: forward, backward, update. In fp32; with weights, activations,
 * activation gradients and weight gradients in LNS8, products running on codes; and the same in the
 * way of QPyTorch: each tensor is fake-quantized into a copy, a pass of its own, and the products
 * are those of fp32.
 *
 * <p>What would fool it: weights that do not change give products on cold and on warm caches alike,
 * so the update is part of the step. The batch is always the same; its loss falls, which changes no
 * time.
 *
 * <p>Run: {@code mvn -pl bench -am verify -Pjmh -DskipTests "-Djmh.args=TrainingStep"}.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector"})
public class TrainingStepBenchmark {

  /** The network, three times, and a batch. */
  @State(Scope.Thread)
  public static class Steps {
    /** Units of the layers: the network of the experiments on MNIST, and a wider one. */
    @Param({"784-256-128-10", "784-1024-1024-10"})
    public String units = "";

    /** Samples of a batch. */
    @Param("128")
    public int batch = 128;

    final Backend backend = Backend.cpu(1);
    final List<Layer> separate = new ArrayList<>();
    Network fp32 = network(AmpPolicy.fp32(), 1, 1);
    Network lns8 = fp32;
    Optimizer fp32Optimizer = optimizer(fp32);
    Optimizer lns8Optimizer = fp32Optimizer;
    Optimizer separateOptimizer = fp32Optimizer;
    Tensor x = Tensor.zeros(0, 0);
    int[] labels = {};

    /** A layer whose tensors are fake-quantized into copies. */
    record Layer(
        Tensor weight,
        Tensor bias,
        Tensor weightGradient,
        Tensor biasGradient,
        Tensor quantizedWeight,
        Tensor quantizedInput,
        Tensor output,
        Tensor gradient) {}

    /** Draws the weights and the batch. */
    @Setup
    public void draw() {
      int[] extents = Arrays.stream(units.split("-")).mapToInt(Integer::parseInt).toArray();
      fp32 = network(AmpPolicy.fp32(), extents);
      lns8 = network(policy(), extents);
      Network third = network(policy(), extents);
      for (int l = 0; l + 1 < extents.length; l++) {
        separate.add(
            new Layer(
                third.parameters().get(2 * l).value(),
                third.parameters().get(2 * l + 1).value(),
                third.parameters().get(2 * l).gradient(),
                third.parameters().get(2 * l + 1).gradient(),
                Tensor.zeros(extents[l], extents[l + 1]),
                Tensor.zeros(batch, extents[l]),
                Tensor.zeros(batch, extents[l + 1]),
                Tensor.zeros(batch, extents[l + 1])));
      }
      fp32Optimizer = optimizer(fp32);
      lns8Optimizer = optimizer(lns8);
      separateOptimizer = optimizer(third);
      Random random = new Random(1);
      float[] values = new float[batch * extents[0]];
      for (int i = 0; i < values.length; i++) {
        values[i] = random.nextFloat();
      }
      x = Tensor.of(values, batch, extents[0]);
      labels = new int[batch];
      for (int i = 0; i < batch; i++) {
        labels[i] = random.nextInt(extents[extents.length - 1]);
      }
    }

    private Network network(AmpPolicy policy, int... units) {
      return new Network(Autocast.with(policy).on(backend), Networks.mlp(1, units));
    }

    private Optimizer optimizer(Network mlp) {
      return Optimizer.of(backend, new Sgd(0.9f, 0f), 0.01f, mlp.parameters(), AmpPolicy.fp32(), 1);
    }
  }

  /** W, A, E and G; biases and the update stay in fp32. */
  private static AmpPolicy policy() {
    return AmpPolicy.lns8().without(Role.UPDATE).without(Role.OPTIMIZER_STATE);
  }

  /** The step in fp32. */
  @Benchmark
  public float fp32(Steps steps) {
    float loss = steps.fp32.backpropagate(steps.x, steps.labels, 1f);
    steps.fp32Optimizer.step();
    return loss;
  }

  /** The step in LNS8. */
  @Benchmark
  public float lns8(Steps steps) {
    float loss = steps.lns8.backpropagate(steps.x, steps.labels, 1f);
    steps.lns8Optimizer.step();
    return loss;
  }

  /** The same step in passes of their own. */
  @Benchmark
  public float lns8InSeparatePasses(Steps steps) {
    Backend backend = steps.backend;
    List<Steps.Layer> layers = steps.separate;
    Tensor previous = steps.x;
    for (int l = 0; l < layers.size(); l++) {
      Steps.Layer layer = layers.get(l);
      copy(previous, layer.quantizedInput);
      fakeQuantize(Role.ACTIVATION, layer.quantizedInput);
      copy(layer.weight, layer.quantizedWeight);
      fakeQuantize(Role.WEIGHT, layer.quantizedWeight);
      boolean last = l + 1 == layers.size();
      backend.matmul(
          Matmul.plain().bias(layer.bias).activation(last ? Activation.NONE : Activation.RELU),
          Matrices.of(layer.quantizedInput),
          Matrices.of(layer.quantizedWeight),
          Matrices.of(layer.output));
      previous = layer.output;
    }
    float loss = backend.softmaxCrossEntropy(previous, steps.labels, 1f, layers.getLast().gradient);
    for (int l = layers.size() - 1; l >= 0; l--) {
      Steps.Layer layer = layers.get(l);
      fakeQuantize(Role.ACTIVATION_GRADIENT, layer.gradient);
      backend.matmul(
          Matmul.plain(),
          Matrices.of(layer.quantizedInput).transposed(),
          Matrices.of(layer.gradient),
          Matrices.of(layer.weightGradient));
      fakeQuantize(Role.WEIGHT_GRADIENT, layer.weightGradient);
      backend.sumRows(layer.gradient, layer.biasGradient);
      if (l > 0) {
        Steps.Layer below = layers.get(l - 1);
        backend.matmul(
            Matmul.plain(),
            Matrices.of(layer.gradient),
            Matrices.of(layer.quantizedWeight).transposed(),
            Matrices.of(below.gradient));
        backend.reluBackward(below.output, below.gradient, below.gradient);
      }
    }
    steps.separateOptimizer.step();
    return loss;
  }

  private static void copy(Tensor from, Tensor to) {
    to.storage().segment().copyFrom(from.storage().segment());
  }

  private static void fakeQuantize(Role role, Tensor tensor) {
    policy().quantizer(role).orElseThrow().fakeQuantize(tensor);
  }
}
