package dev.narrow.repro.tuning;

import dev.narrow.amp.Sgd;
import dev.narrow.amp.UpdateRule;
import dev.narrow.amp.nn.Layer;
import dev.narrow.amp.nn.Networks;
import dev.narrow.formats.RandomBits;
import dev.narrow.quant.Tensor;
import dev.narrow.repro.data.Dataset;
import dev.narrow.repro.data.Split;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** A residual convolutional network on images of digits. */
final class Digits extends NetworkTask {
  private static final int BATCH = 32;
  private static final int VALIDATION = 256;
  private static final int[] CHANNELS = {8, 16};

  private final Dataset data;

  Digits(Dataset data, int steps, int probeSteps) {
    super(steps, probeSteps);
    this.data = data;
  }

  @Override
  String describe() {
    return "residual network, %d and %d channels, %s, SGD, %d steps of %d"
        .formatted(CHANNELS[0], CHANNELS[1], data.name(), steps(), BATCH);
  }

  @Override
  Layer body(long seed) {
    return Networks.residual(seed, 1, data.classes(), CHANNELS);
  }

  @Override
  UpdateRule rule() {
    return new Sgd(0.9f);
  }

  @Override
  float learningRate() {
    return 0.05f;
  }

  @Override
  Batch batch(long seed, int step) {
    RandomBits random = new RandomBits(seed, 0x64696769_00000000L + step);
    return of(
        data.train(),
        IntStream.range(0, BATCH)
            .map(i -> Integer.remainderUnsigned(random.word(i), data.train().size()))
            .toArray());
  }

  @Override
  List<Batch> validation() {
    List<Batch> batches = new ArrayList<>();
    for (int from = 0; from < data.test().size(); from += VALIDATION) {
      int to = Math.min(from + VALIDATION, data.test().size());
      batches.add(of(data.test(), IntStream.range(from, to).toArray()));
    }
    return batches;
  }

  private Batch of(Split split, int[] samples) {
    int features = split.features();
    float[] x = new float[samples.length * features];
    int[] labels = new int[samples.length];
    for (int i = 0; i < samples.length; i++) {
      System.arraycopy(split.x(), samples[i] * features, x, i * features, features);
      labels[i] = split.y()[samples[i]];
    }
    return new Batch(Tensor.of(x, samples.length, 1, data.height(), data.width()), labels);
  }
}
