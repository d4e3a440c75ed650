package dev.narrow.repro;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.GradScaler;
import dev.narrow.amp.Gradients;
import dev.narrow.amp.LossScaling;
import dev.narrow.amp.Optimizer;
import dev.narrow.amp.Parameter;
import dev.narrow.amp.Sgd;
import dev.narrow.amp.inspect.Fit;
import dev.narrow.amp.inspect.Inspector;
import dev.narrow.amp.inspect.InspectorReport;
import dev.narrow.amp.inspect.TensorSummary;
import dev.narrow.amp.nn.Network;
import dev.narrow.amp.nn.Networks;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import dev.narrow.repro.data.Dataset;
import dev.narrow.repro.data.Glyphs;
import dev.narrow.repro.data.Split;
import dev.narrow.repro.report.Statistics;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * A loss so small that its gradients lie below the numbers of fp16: the loss is multiplied by
 * 2^-20, and the gradients, in fp32, by 2^20 before the optimizer's step. In fp32 that changes
 * nothing, in fp16 everything, until loss scaling brings the gradients back into its range.
 */
class LossScaleTest {
  private static final int SEEDS = 4;
  private static final int EPOCHS = 6;
  private static final int BATCH = 32;

  private static final Dataset DATA = Glyphs.generate(1, 1000, 1000);
  private static final Set<String> GRADIENTS =
      Set.of(
          "fc1 activation-gradient",
          "fc1 weight-gradient",
          "fc2 activation-gradient",
          "fc2 weight-gradient",
          "fc3 activation-gradient",
          "fc3 weight-gradient");
  private static final Backend CPU = Backend.cpu(1);

  private record Run(double accuracy, InspectorReport report) {}

  /** Trains, and tests at the end. */
  private static Run train(AmpPolicy policy, LossScaling scaling, float factor, long seed) {
    Inspector inspector = Inspector.inMemory(25, "bf16", "e5m2");
    Network network =
        new Network(
            inspector.observe(Autocast.with(policy).on(CPU).seed(seed)),
            Networks.mlp(seed, DATA.train().features(), 64, 32, DATA.classes()));
    Optimizer optimizer =
        Optimizer.of(CPU, new Sgd(0.9f), 0.05f, network.parameters(), policy, seed);
    GradScaler scaler = GradScaler.of(scaling);
    Gradients gradients = network.gradients();
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      optimizer.learningRate(epoch < EPOCHS - 2 ? 0.05f : 0.01f);
      int[] order = Shuffle.order(DATA.train().size(), seed, epoch);
      for (int from = 0; from < order.length; from += BATCH) {
        int[] batch = Arrays.copyOfRange(order, from, Math.min(from + BATCH, order.length));
        network.backpropagate(
            rows(DATA.train(), batch), labels(DATA.train(), batch), scaler.lossScale() * factor);
        scaler.step(
            gradients,
            () -> {
              for (Parameter parameter : network.parameters()) {
                CPU.scale(1 / factor, parameter.gradient(), parameter.gradient());
              }
              optimizer.step();
            });
      }
    }
    int[] test = IntStream.range(0, DATA.test().size()).toArray();
    Tensor logits = network.forward(rows(DATA.test(), test));
    return new Run(accuracy(logits.toFloats(), DATA.test().y()), inspector.report());
  }

  private static double accuracy(float[] logits, int[] labels) {
    int correct = 0;
    for (int i = 0; i < labels.length; i++) {
      float[] row = Arrays.copyOfRange(logits, 10 * i, 10 * i + 10);
      int best = 0;
      for (int c = 1; c < row.length; c++) {
        best = row[c] > row[best] ? c : best;
      }
      correct += best == labels[i] ? 1 : 0;
    }
    return 100.0 * correct / labels.length;
  }

  private static Tensor rows(Split split, int[] samples) {
    int n = split.features();
    float[] x = new float[samples.length * n];
    for (int i = 0; i < samples.length; i++) {
      System.arraycopy(split.x(), samples[i] * n, x, i * n, n);
    }
    return Tensor.of(x, samples.length, n);
  }

  private static int[] labels(Split split, int[] samples) {
    return IntStream.of(samples).map(i -> split.y()[i]).toArray();
  }

  private static List<Run> seeds(AmpPolicy policy, LossScaling scaling, float factor) {
    return IntStream.range(0, SEEDS)
        .mapToObj(seed -> train(policy, scaling, factor, seed))
        .toList();
  }

  private static double mean(String what, List<Run> runs) {
    double[] accuracy = runs.stream().mapToDouble(Run::accuracy).toArray();
    double mean = Statistics.mean(accuracy);
    System.out.printf(
        "%-24s %.2f ± %.2f %% (standard deviation of %d seeds)%n",
        what, mean, Statistics.standardDeviation(accuracy), SEEDS);
    return mean;
  }

  @Test
  void fp16LosesTheGradientsOfASmallLossAndScalingBringsThemBack() {
    AmpPolicy fp16 = AmpPolicy.fp16();
    List<Run> full = seeds(AmpPolicy.fp32(), LossScaling.checkOnly(), 0x1p-20f);
    List<Run> plain = seeds(fp16, LossScaling.checkOnly(), 0x1p-20f);
    List<Run> scaled = seeds(fp16, fp16.lossScaling(), 0x1p-20f);
    double fp32 = mean("fp32, loss · 2^-20", full);
    double unscaled = mean("fp16, loss · 2^-20", plain);
    double rescued = mean("the same, loss scaled", scaled);

    assertEquals(
        train(AmpPolicy.fp32(), LossScaling.checkOnly(), 1, 0).accuracy(),
        full.getFirst().accuracy(),
        "a power of two changes nothing in fp32");
    assertTrue(unscaled <= fp32 - 10, "at least ten points are lost");
    assertEquals(fp32, rescued, 0.5, "within half a point");

    for (Run run : plain) {
      List<String> findings = run.report().findings();
      assertEquals(
          "fc3 activation-gradient: 100 % flushed to zero in fp16: raise the loss scale, or e5m2",
          findings.getFirst());
      List<String> named =
          findings.stream().map(finding -> finding.substring(0, finding.indexOf(':'))).toList();
      assertEquals(GRADIENTS, Set.copyOf(named));
    }
    for (Run run : scaled) {
      assertEquals(List.of(), run.report().findings());
    }
  }

  /** Where the loss is less small, some gradients are left, and shares say where most are lost. */
  @Test
  void theReportNamesLayersAndRolesWhereMoreThanHalfIsFlushed() {
    InspectorReport report = train(AmpPolicy.fp16(), LossScaling.checkOnly(), 0x1p-18f, 0).report();
    System.out.print(report);
    List<String> flushed =
        report.tensors().stream()
            .filter(tensor -> tensor.fit().map(Fit::flushedShare).orElse(0.0) > 0.5)
            .map(TensorSummary::name)
            .toList();
    assertTrue(flushed.contains("fc3 activation-gradient"), "the softmax's: " + flushed);
    assertTrue(GRADIENTS.containsAll(flushed), "nothing of the forward pass: " + flushed);
    for (String name : flushed) {
      assertTrue(
          report.findings().stream()
              .anyMatch(finding ->
                  finding.startsWith(name + ": ")
                      && finding.contains("flushed to zero in fp16: raise the loss scale")),
          name);
    }
  }
}
