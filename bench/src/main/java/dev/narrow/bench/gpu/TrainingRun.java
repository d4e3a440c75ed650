package dev.narrow.bench.gpu;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.GradScaler;
import dev.narrow.amp.Gradients;
import dev.narrow.amp.Optimizer;
import dev.narrow.amp.Parameter;
import dev.narrow.amp.UpdateRule;
import dev.narrow.amp.nn.Layer;
import dev.narrow.amp.nn.Network;
import dev.narrow.amp.nn.Networks;
import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** A network that is trained on a backend, from fixed seeds. */
final class TrainingRun implements AutoCloseable {
  private static final int BATCHES = 8;
  private static final long SEED = 5;

  /**
   * What is trained.
   *
   * @param name in findings
   * @param batch samples of a step
   * @param classes that it tells apart
   * @param sample shape of one
   * @param rate of learning, as a share of what is usual
   * @param body makes the network
   */
  record Kind(
      String name, int batch, int classes, List<Integer> sample, float rate, Supplier<Layer> body) {

    /** Three layers, for comparisons. */
    static final Kind MLP =
        new Kind("mlp", 64, 10, List.of(256), 1, () -> Networks.mlp(SEED, 256, 128, 64, 10));

    /** Six convolutions and a linear layer, for comparisons. */
    static final Kind RESIDUAL =
        new Kind(
            "residual", 16, 10, List.of(3, 8, 8), 0.1f, () -> Networks.residual(SEED, 3, 10, 4, 8));

    /** Three layers whose products fill a GPU. */
    static final Kind WIDE_MLP =
        new Kind(
            "wide mlp",
            1024,
            1024,
            List.of(1024),
            1,
            () -> Networks.mlp(SEED, 1024, 4096, 4096, 1024));

    /** As in its paper, on batches of 128. */
    static final Kind RESNET_20 =
        new Kind("resnet-20", 128, 10, List.of(3, 32, 32), 1, () -> ResNet20.of(SEED, 10));
  }

  private final List<Tensor> samples = new ArrayList<>();
  private final List<int[]> labels = new ArrayList<>();
  private final Network network;
  private final Gradients gradients;
  private final GradScaler scaler;
  private final Optimizer optimizer;
  private int steps;

  TrainingRun(Kind kind, AmpPolicy policy, UpdateRule rule, Backend backend) {
    for (int b = 0; b < BATCHES; b++) {
      draw(kind, b);
    }
    network = new Network(Autocast.with(policy).on(backend).seed(SEED), kind.body.get());
    gradients = network.gradients();
    scaler = GradScaler.of(policy.lossScaling(), backend);
    optimizer =
        Optimizer.of(
            backend,
            rule,
            kind.rate * rule.defaultLearningRate(),
            network.parameters(),
            policy,
            SEED);
  }

  /** Uniform noise, brighter in the places of a class: something to learn. */
  private void draw(Kind kind, int number) {
    RandomBits random = new RandomBits(SEED, number);
    int size = kind.sample.stream().reduce(1, Math::multiplyExact);
    float[] values = new float[kind.batch * size];
    int[] classes = new int[kind.batch];
    for (int i = 0; i < kind.batch; i++) {
      classes[i] = (random.word(values.length + i) >>> 1) % kind.classes;
      for (int j = 0; j < size; j++) {
        float noise = (random.word((long) i * size + j) >>> 8) * 0x1p-24f - 0.5f;
        values[i * size + j] = noise + (j % kind.classes == classes[i] ? 0.5f : 0f);
      }
    }
    int[] dims =
        IntStream.concat(IntStream.of(kind.batch), kind.sample.stream().mapToInt(Integer::intValue))
            .toArray();
    samples.add(Tensor.of(values, dims));
    labels.add(classes);
  }

  /** Makes a step, and gives the loss before it. */
  float step() {
    int batch = steps++ % BATCHES;
    float loss = network.backpropagate(samples.get(batch), labels.get(batch), scaler.lossScale());
    scaler.step(loss, gradients, optimizer::step);
    return loss;
  }

  /** All that was learned. */
  List<float[]> values() {
    return network.parameters().stream().map(Parameter::value).map(Tensor::toFloats).toList();
  }

  @Override
  public void close() {
    optimizer.close();
    network.close();
  }
}
