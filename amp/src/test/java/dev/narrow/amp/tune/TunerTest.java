package dev.narrow.amp.tune;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpException;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.CastObserver;
import dev.narrow.amp.Optimizer;
import dev.narrow.amp.Role;
import dev.narrow.amp.Sgd;
import dev.narrow.amp.nn.Network;
import dev.narrow.amp.nn.Networks;
import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class TunerTest {
  private static final Backend CPU = Backend.cpu(1);
  private static final List<Candidate> CANDIDATES =
      List.of(Candidate.of("int2"), Candidate.of("mxfp4"), Candidate.of("lns8"));

  /** Which of three numbers is the largest, for a small network. */
  private static final class Largest implements TuningTask {
    private static Network network(AmpPolicy policy, @Nullable CastObserver observer, long seed) {
      return new Network(
          Autocast.with(policy).on(CPU).observed(observer), Networks.mlp(seed, 32, 24, 3));
    }

    private static Tensor x(long batch) {
      RandomBits random = new RandomBits(9, batch);
      float[] x = new float[32 * 32];
      for (int i = 0; i < x.length; i++) {
        x[i] = random.word(i) * 0x1p-31f;
      }
      return Tensor.of(x, 32, 32);
    }

    private static int[] labels(Tensor x) {
      float[] values = x.toFloats();
      int[] labels = new int[32];
      for (int i = 0; i < 32; i++) {
        float[] sums = new float[3];
        for (int j = 0; j < 30; j++) {
          sums[j % 3] += values[32 * i + j];
        }
        labels[i] = sums[0] >= sums[1] && sums[0] >= sums[2] ? 0 : sums[1] >= sums[2] ? 1 : 2;
      }
      return labels;
    }

    @Override
    public List<Tensor> gradients(AmpPolicy policy, @Nullable CastObserver observer, int batch) {
      Network network = network(policy, observer, 1);
      network.backpropagate(x(batch), labels(x(batch)), 1);
      return network.parameters().stream().map(p -> p.gradient().toFp32()).toList();
    }

    @Override
    public double train(AmpPolicy policy, long seed) {
      Network network = network(policy, null, seed);
      Optimizer sgd =
          Optimizer.of(CPU, new Sgd(0.9f), 0.05f, network.parameters(), AmpPolicy.fp32(), 1);
      for (int step = 0; step < 40; step++) {
        Tensor x = x(100 + step);
        network.backpropagate(x, labels(x), 1);
        sgd.step();
      }
      double loss = 0;
      for (int batch = 0; batch < 4; batch++) {
        loss += network.backpropagate(x(batch), labels(x(batch)), 1) / 4;
      }
      return loss;
    }
  }

  private static Sensitivity measured() {
    return Sensitivity.measure(
        new Largest(), AmpPolicy.bf16(), CANDIDATES, 2, (done, of) -> assertTrue(done <= of));
  }

  @Test
  void everyOperandOfEveryLayerIsMeasured() {
    Sensitivity sensitivity = measured();
    assertEquals(
        "[fc1 W, fc1 A, fc1 E, fc2 W, fc2 A, fc2 E]", sensitivity.places().keySet().toString());
    Sensitivity.Scores weights =
        Objects.requireNonNull(sensitivity.places().get(new Place("fc1", Role.WEIGHT)));
    assertEquals(32 * 24, weights.elements());
    assertEquals(4 + 8 / 24.0, weights.scores().get(1).bits(), 1e-9, "a scale for each row");
    for (Sensitivity.Scores scores : sensitivity.places().values()) {
      List<Sensitivity.Score> list = scores.scores();
      assertTrue(list.get(0).noise() > list.get(1).noise(), "2 bits against 4");
      assertTrue(list.get(1).noise() > list.get(2).noise(), "4 bits against 8");
      assertTrue(list.get(2).noise() < 0.01 && list.get(2).noise() > 0);
    }
    assertEquals(sensitivity, measured(), "the same bits again");
  }

  /** The scores are a model of what training does: the sum of noises is about the noise of all. */
  @Test
  void smallNoisesAddUp() {
    Sensitivity sensitivity = measured();
    Assignment eight = Assignment.uniform(sensitivity, 2);
    TuningTask task = new Largest();
    double all =
        Sensitivity.noise(
            task.gradients(
                AmpPolicy.bf16()
                    .without(Role.WEIGHT)
                    .without(Role.ACTIVATION)
                    .without(Role.ACTIVATION_GRADIENT),
                null,
                0),
            task.gradients(eight.policy(AmpPolicy.bf16()), null, 0));
    assertTrue(all < 3 * eight.noise() && all > eight.noise() / 3, all + ", " + eight.noise());
  }

  @Test
  void theBudgetOfBitsIsKeptAndBeatsWhatIsRandom() {
    Sensitivity sensitivity = measured();
    Tuner tuner = new Tuner(new Largest(), AmpPolicy.bf16(), sensitivity);
    Tuner.Result result = tuner.withinBits(5);
    assertTrue(result.assignment().bits() <= 5);
    for (long seed = 0; seed < 10; seed++) {
      assertTrue(result.assignment().noise() <= Assignment.random(sensitivity, 5, seed).noise());
    }
    var error = assertThrows(IllegalArgumentException.class, () -> tuner.withinBits(1));
    assertTrue(error.toString().contains("the fewest there are"), error.toString());
  }

  @Test
  void whatTrainsNothingIsRefused() {
    TuningTask broken =
        new TuningTask() {
          @Override
          public List<Tensor> gradients(
              AmpPolicy policy, @Nullable CastObserver observer, int batch) {
            return new Largest().gradients(policy, observer, batch);
          }

          @Override
          public double train(AmpPolicy policy, long seed) {
            return Double.NaN;
          }
        };
    Tuner tuner = new Tuner(broken, AmpPolicy.bf16(), measured());
    var error = assertThrows(AmpException.class, () -> tuner.withinLossIncrease(0.05, 1));
    assertTrue(error.toString().contains("loss is NaN"), error.toString());
  }

  @Test
  void theBudgetOfLossIsFoundByTraining() {
    TuningTask task = new Largest();
    Tuner tuner = new Tuner(task, AmpPolicy.bf16(), measured());
    Tuner.Result result = tuner.withinLossIncrease(0.05, 2);
    double reference = (task.train(AmpPolicy.bf16(), 0) + task.train(AmpPolicy.bf16(), 1)) / 2;
    double tuned = (task.train(result.policy(), 0) + task.train(result.policy(), 1)) / 2;
    assertTrue(tuned <= reference + 0.05, tuned + " against " + reference);
    assertTrue(result.assignment().bits() < 8, "bits " + result.assignment().bits());
    assertTrue(
        result.probes().stream().anyMatch(probe -> probe.increase() > 0.05),
        "fewer bits were tried and cost more: " + result.probes());
  }
}
