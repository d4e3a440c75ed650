package dev.narrow.bench.gpu;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.LnsMadam;
import dev.narrow.amp.Role;
import dev.narrow.amp.Sgd;
import dev.narrow.amp.UpdateRule;
import dev.narrow.bench.gpu.Finding.Comparison;
import dev.narrow.bench.gpu.Finding.Measurement;
import dev.narrow.bench.gpu.TrainingRun.Kind;
import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Backend;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Networks that are trained on the device and on the processor from the same seeds: in EXACT all
 * losses and all parameters are the same bits; on tensor cores the losses stay near them. And the
 * time of a step in LNS8 beside that of the same step in fp16.
 */
final class TrainingCheck {
  private static final int STEPS = 200;

  private static final int STEPS_OF_A_ROUND = 5;

  /** A policy with the optimizer that belongs to it. */
  private record Training(AmpPolicy policy, UpdateRule rule) {
    static final List<Training> ALL =
        List.of(
            new Training(AmpPolicy.fp16(), new Sgd(0.9f)),
            new Training(AmpPolicy.lns8(), new LnsMadam()));

    TrainingRun run(Kind kind, Backend backend) {
      return new TrainingRun(kind, policy, rule, backend);
    }
  }

  private TrainingCheck() {}

  static List<Task> comparisons(Bench bench) {
    List<Task> tasks = new ArrayList<>();
    for (Kind kind : List.of(Kind.MLP, Kind.RESIDUAL)) {
      for (Training training : Training.ALL) {
        String name = "training " + kind.name() + " in " + training.policy.name();
        tasks.add(new Task(name + ", exact", () -> exact(name + ", exact", bench, kind, training)));
        tasks.add(new Task(name + ", fast", () -> fast(name + ", fast", bench, kind, training)));
      }
    }
    return tasks;
  }

  /**
   * How far a loss on tensor cores may be from that of the exact sums, which begins at 2.4 and 3.0.
   * Sums in another order flip the rounding of an operand here and there, which training carries
   * on, and batch norms of 16 samples magnify. On a processor, in order instead of exactly, the
   * losses of 200 steps differed by at most 0.003 and 0.045.
   */
  private static double bound(Kind kind) {
    return kind.equals(Kind.MLP) ? 0.02 : 0.1;
  }

  private static int steps(Bench bench) {
    return bench.quick() ? 2 : STEPS;
  }

  private static Comparison exact(String name, Bench bench, Kind kind, Training training) {
    try (TrainingRun host = training.run(kind, bench.cpu().with(Accumulator.exact()));
        TrainingRun there = training.run(kind, bench.gpu().with(Accumulator.exact()))) {
      String difference = firstDifference(host, there, steps(bench), 0);
      if (difference.isEmpty() && !Arrays.deepEquals(values(host), values(there))) {
        difference = "the losses of all steps are the same, but not what was learned";
      }
      return new Comparison(name, steps(bench), Comparison.SAME_BITS, difference);
    }
  }

  private static Object[] values(TrainingRun run) {
    return run.values().toArray();
  }

  private static Comparison fast(String name, Bench bench, Kind kind, Training training) {
    try (TrainingRun host = training.run(kind, bench.gpu().with(Accumulator.exact()));
        TrainingRun there = training.run(kind, bench.device().fastBackend())) {
      return new Comparison(
          name,
          steps(bench),
          "losses within " + bound(kind),
          firstDifference(host, there, steps(bench), bound(kind)));
    }
  }

  private static String firstDifference(
      TrainingRun expected, TrainingRun actual, int steps, double bound) {
    for (int step = 0; step < steps; step++) {
      float wanted = expected.step();
      float loss = actual.step();
      if (Float.floatToIntBits(loss) != Float.floatToIntBits(wanted)
          && !(Math.abs(loss - wanted) <= bound)) {
        return "step %d: loss %s, expected %s".formatted(step, loss, wanted);
      }
    }
    return "";
  }

  /** Steps of the same code under two policies: all casts and products, and one optimizer. */
  static List<Task> measurements(Bench bench) {
    List<Task> tasks = new ArrayList<>();
    for (Kind kind : bench.quick() ? List.of(Kind.MLP) : List.of(Kind.WIDE_MLP, Kind.RESNET_20)) {
      String name = "training step of " + kind.name() + " in lns8";
      tasks.add(new Task(name, () -> measure(name, bench, kind)));
    }
    return tasks;
  }

  private static Measurement measure(String name, Bench bench, Kind kind) {
    AmpPolicy policy = AmpPolicy.lns8().without(Role.UPDATE).without(Role.OPTIMIZER_STATE);
    Backend fast = bench.device().fastBackend();
    try (TrainingRun lns8 = new TrainingRun(kind, policy, new Sgd(0.9f), fast);
        TrainingRun fp16 = new TrainingRun(kind, AmpPolicy.fp16(), new Sgd(0.9f), fast)) {
      int rounds = bench.quick() ? 1 : 11;
      double[] lns8Seconds = new double[rounds];
      double[] fp16Seconds = new double[rounds];
      for (int round = -1; round < rounds; round++) {
        double first = seconds(bench, lns8);
        double second = seconds(bench, fp16);
        if (round >= 0) {
          lns8Seconds[round] = first;
          fp16Seconds[round] = second;
        }
      }
      return new Measurement(
          name,
          "a step",
          "ms",
          Quartiles.of(lns8Seconds).median() * 1e3,
          "the step in fp16",
          Quartiles.of(fp16Seconds).median() * 1e3,
          Bench.share(1, fp16Seconds, 1, lns8Seconds),
          bench.quick() ? null : Goal.atMost(1.5));
    }
  }

  /** The processor's clock, since a step is its work too; each reads its loss. */
  private static double seconds(Bench bench, TrainingRun run) {
    long begin = System.nanoTime();
    for (int i = 0; i < STEPS_OF_A_ROUND; i++) {
      run.step();
    }
    bench.device().synchronize();
    return (System.nanoTime() - begin) * 1e-9 / STEPS_OF_A_ROUND;
  }
}
