package dev.narrow.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.CastObserver;
import dev.narrow.amp.Optimizer;
import dev.narrow.amp.Sgd;
import dev.narrow.amp.inspect.Inspector;
import dev.narrow.amp.inspect.InspectorOptions;
import dev.narrow.amp.inspect.InspectorPage;
import dev.narrow.amp.nn.Network;
import dev.narrow.amp.nn.Networks;
import dev.narrow.amp.tune.Candidate;
import dev.narrow.amp.tune.Sensitivity;
import dev.narrow.amp.tune.Tuner;
import dev.narrow.amp.tune.TuningTask;
import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What training does in few bits, and which few bits it can do with. */
class TuningTest {
  @TempDir Path directory;

  /** A network on 32 numbers: is their sum above 0? */
  private static final class Task implements TuningTask {
    private static Network network(AmpPolicy policy, @Nullable CastObserver observer, long seed) {
      return new Network(
          Autocast.with(policy).on(Backend.cpu(1)).observed(observer),
          Networks.mlp(seed, 32, 16, 2));
    }

    private static Tensor x(int batch) {
      RandomBits random = new RandomBits(3, batch);
      float[] x = new float[16 * 32];
      for (int i = 0; i < x.length; i++) {
        x[i] = random.word(i) * 0x1p-31f;
      }
      return Tensor.of(x, 16, 32);
    }

    private static float pass(Network network, int batch) {
      float[] sums = new float[16];
      Tensor x = x(batch);
      float[] values = x.toFloats();
      int[] labels = new int[16];
      for (int i = 0; i < values.length; i++) {
        sums[i / 32] += values[i];
        labels[i / 32] = sums[i / 32] > 0 ? 1 : 0;
      }
      return network.backpropagate(x, labels, 1);
    }

    @Override
    public List<Tensor> gradients(AmpPolicy policy, @Nullable CastObserver observer, int batch) {
      Network network = network(policy, observer, 1);
      pass(network, batch);
      return network.parameters().stream().map(p -> p.gradient().toFp32()).toList();
    }

    @Override
    public double train(AmpPolicy policy, long seed) {
      return train(network(policy, null, seed));
    }

    static double train(Network network) {
      Optimizer sgd =
          Optimizer.of(
              Backend.cpu(1), new Sgd(0.9f), 0.05f, network.parameters(), AmpPolicy.fp32(), 1);
      float loss = 0;
      for (int batch = 0; batch < 40; batch++) {
        loss = pass(network, batch);
        sgd.step();
      }
      return loss;
    }
  }

  @Test
  void aPolicyIsFoundByMeasuring() throws IOException {
    TuningTask task = new Task();
    Path file = directory.resolve("tuned.amp");
    // README: tuning
    AmpPolicy base = AmpPolicy.bf16();
    Sensitivity measured =
        Sensitivity.measure(task, base, Candidate.defaults(), 4, (done, of) -> {});
    Tuner.Result found = new Tuner(task, base, measured).withinLossIncrease(0.03, 3);
    found.policy().save(file); // a line for each layer and role, with the reason beside it
    // end
    assertTrue(found.assignment().bits() <= 8, "bits " + found.assignment().bits());
    assertEquals(found.policy(), AmpPolicy.load(file));
    assertTrue(Files.readString(file).contains("layer /^fc1$/ weight"), Files.readString(file));
  }

  @Test
  void aRunIsLookedAt() throws IOException {
    Path run = directory.resolve("run.ndjson");
    Path page = directory.resolve("run.html");
    // README: inspecting
    var options = InspectorOptions.every(10).whatIf("bf16", "e4m3fn", "lns8");
    try (Inspector inspector = Inspector.open(run, options)) {
      Autocast amp = inspector.observe(Autocast.with(AmpPolicy.fp16()));
      Task.train(new Network(amp, Networks.mlp(1, 32, 16, 2)));
      System.out.print(inspector.report());
    }
    InspectorPage.write(run, page);
    // end
    assertTrue(Files.size(page) > 1000);
  }
}
