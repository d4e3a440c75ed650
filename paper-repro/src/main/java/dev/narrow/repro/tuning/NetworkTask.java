package dev.narrow.repro.tuning;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.CastObserver;
import dev.narrow.amp.Optimizer;
import dev.narrow.amp.UpdateRule;
import dev.narrow.amp.nn.Layer;
import dev.narrow.amp.nn.Network;
import dev.narrow.amp.tune.TuningTask;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A network, its data, and how it is trained, on one thread. Parameters stay in fp32. */
abstract class NetworkTask implements TuningTask {
  private static final long WARM_SEED = 1_000_003;

  /**
   * Samples with their classes.
   *
   * @param x as the network takes it
   * @param labels one for each row of the logits
   */
  @SuppressWarnings("ArrayRecordComponent") // it is handed on, and compared by nobody
  record Batch(Tensor x, int[] labels) {}

  /**
   * How a run ends.
   *
   * @param loss mean over the validation set, in nats
   * @param accuracy share of it, in percent
   */
  record Outcome(double loss, double accuracy) {}

  private final int steps;
  private final int probeSteps;
  private final Backend backend = Backend.cpu(1);
  private @Nullable Layer warm;

  /**
   * A task.
   *
   * @param steps of a whole run
   * @param probeSteps of a run that the tuner makes
   */
  NetworkTask(int steps, int probeSteps) {
    this.steps = steps;
    this.probeSteps = probeSteps;
  }

  /** What it is, in a few words. */
  abstract String describe();

  abstract Layer body(long seed);

  abstract UpdateRule rule();

  abstract float learningRate();

  /** A batch to train on: it depends on the arguments alone. */
  abstract Batch batch(long seed, int step);

  abstract List<Batch> validation();

  int steps() {
    return steps;
  }

  /** Gradients after a fp32 run of {@code probeSteps}. */
  @Override
  public List<Tensor> gradients(AmpPolicy policy, @Nullable CastObserver observer, int batch) {
    Layer body = warm;
    if (body == null) {
      body = body(WARM_SEED);
      train(AmpPolicy.fp32(), body, WARM_SEED, probeSteps);
      warm = body;
    }
    Network network = new Network(autocast(policy).observed(observer), body);
    Batch samples = batch(WARM_SEED, probeSteps + batch);
    network.backpropagate(samples.x, samples.labels, 1);
    return network.parameters().stream().map(p -> p.gradient().toFp32()).toList();
  }

  /** The loss after a run of {@code probeSteps}; not the seeds of {@link #run}. */
  @Override
  public double train(AmpPolicy policy, long seed) {
    return evaluate(train(policy, body(WARM_SEED + 1 + seed), WARM_SEED + 1 + seed, probeSteps))
        .loss;
  }

  /** A whole run. */
  Outcome run(AmpPolicy policy, long seed) {
    return evaluate(train(policy, body(seed), seed, steps));
  }

  private Autocast autocast(AmpPolicy policy) {
    return Autocast.with(policy).on(backend);
  }

  private Network train(AmpPolicy policy, Layer body, long seed, int count) {
    Network network = new Network(autocast(policy), body);
    Optimizer optimizer =
        Optimizer.of(backend, rule(), learningRate(), network.parameters(), AmpPolicy.fp32(), seed);
    for (int step = 0; step < count; step++) {
      if (step == count * 3 / 4) {
        optimizer.learningRate(learningRate() / 4);
      }
      Batch batch = batch(seed, step);
      network.backpropagate(batch.x, batch.labels, 1);
      optimizer.step();
    }
    return network;
  }

  private Outcome evaluate(Network network) {
    double loss = 0;
    int right = 0;
    int samples = 0;
    for (Batch batch : validation()) {
      Tensor logits = network.forward(batch.x);
      int n = batch.labels.length;
      Tensor rows = logits.reshape(n, logits.shape().size() / n);
      int[] best = new int[n];
      backend.argmaxColumns(rows, best);
      loss += (double) n * backend.softmaxCrossEntropy(rows, batch.labels, 1, rows);
      for (int i = 0; i < n; i++) {
        right += best[i] == batch.labels[i] ? 1 : 0;
      }
      samples += n;
    }
    return new Outcome(loss / samples, 100.0 * right / samples);
  }
}
