package dev.narrow.repro.tuning;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.tune.Assignment;
import dev.narrow.amp.tune.Candidate;
import dev.narrow.amp.tune.Sensitivity;
import dev.narrow.amp.tune.Tuner;
import dev.narrow.repro.data.DataLocator;
import dev.narrow.repro.data.Datasets;
import dev.narrow.repro.report.Interval;
import dev.narrow.repro.report.Statistics;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Trains two networks with tuned, uniform and random formats of operands, and writes what came out
 * as Markdown, one file for each network, with the policy that was found beside it.
 *
 * <pre>TunerStudy DATA OUT [SEEDS]</pre>
 *
 * <p>DATA has {@code tinyshakespeare/input.txt} and what {@link DataLocator} looks for. The tuner's
 * own runs have seeds and lengths of their own.
 */
public final class TunerStudy {
  /** From 3 to 16 bits, with one scale for a tensor and with blocks along the innermost axis. */
  private static final List<Candidate> CANDIDATES =
      List.of(
          Candidate.of("lns:b3g1"),
          Candidate.of("lns:b3g1/block=32/scale=e8m0"),
          Candidate.of("lns4"),
          Candidate.of("e2m1"),
          Candidate.of("mxfp4"),
          Candidate.of("nvfp4"),
          Candidate.of("float:e2m2"),
          Candidate.of("float:e2m2/block=32/scale=e8m0"),
          Candidate.of("e2m3"),
          Candidate.of("e3m2"),
          Candidate.of("mxfp6-e2m3"),
          Candidate.of("lns8"),
          Candidate.of("bf16"));

  private static final double[] BUDGETS = {4, 5, 5.3, 6};
  private static final int DRAWS = 2;
  private static final int BATCHES = 4;
  private static final AmpPolicy BASE = AmpPolicy.bf16();

  private TunerStudy() {}

  /** A row of the table. */
  private record Arm(String name, double bits, List<AmpPolicy> policies) {}

  /** Figures of an arm: of each run, policy by policy, seed by seed. */
  private record Row(Arm arm, List<NetworkTask.Outcome> outcomes) {}

  /** See above. */
  public static void main(String[] args) throws IOException, InterruptedException {
    if (args.length < 2 || args.length > 3) {
      System.err.println("usage: TunerStudy DATA OUT [SEEDS]");
      System.exit(2);
    }
    Path data = Path.of(args[0]);
    Path out = Path.of(args[1]);
    int seeds = args.length > 2 ? Integer.parseInt(args[2]) : 5;
    Files.createDirectories(out);
    DataLocator locator = DataLocator.of(data, System.err::println);
    run("digits", new Digits(Datasets.load("optdigits", locator), 400, 150), out, seeds);
    run(
        "characters",
        Characters.of(data.resolve("tinyshakespeare").resolve("input.txt"), 400, 150),
        out,
        seeds);
  }

  private static void run(String name, NetworkTask task, Path out, int seeds)
      throws IOException, InterruptedException {
    PrintStream progress = System.err;
    Sensitivity sensitivity =
        Sensitivity.measure(
            task,
            BASE,
            CANDIDATES,
            BATCHES,
            (done, of) -> {
              if (done % 50 == 0 || done == of) {
                progress.printf("%s: sensitivity %d of %d%n", name, done, of);
              }
            });
    Tuner tuner = new Tuner(task, BASE, sensitivity);
    List<Arm> arms = arms(sensitivity, tuner);
    Tuner.Result byLoss = tuner.withinLossIncrease(0.03, 2);
    arms.add(
        new Arm("tuned, loss within 0.03", byLoss.assignment().bits(), List.of(byLoss.policy())));
    List<Row> rows = train(name, task, arms, seeds, progress);
    Files.writeString(out.resolve(name + ".md"), report(task, rows, byLoss, seeds));
    Files.writeString(out.resolve(name + ".amp"), byLoss.policy().named("tuned-" + name).toText());
  }

  private static List<Arm> arms(Sensitivity sensitivity, Tuner tuner) {
    List<Arm> arms = new ArrayList<>();
    arms.add(new Arm("bf16", 16, List.of(BASE)));
    for (int c = 0; c < CANDIDATES.size() - 1; c++) {
      Assignment uniform = Assignment.uniform(sensitivity, c);
      arms.add(
          new Arm(
              "uniform " + CANDIDATES.get(c).name(),
              uniform.bits(),
              List.of(uniform.policy(BASE))));
    }
    for (double bits : BUDGETS) {
      List<AmpPolicy> draws = new ArrayList<>();
      double drawn = 0;
      for (int draw = 0; draw < DRAWS; draw++) {
        Assignment random = Assignment.random(sensitivity, bits, draw);
        draws.add(random.policy(BASE));
        drawn += random.bits() / DRAWS;
      }
      arms.add(new Arm("random, " + bits + " bits", drawn, draws));
      Tuner.Result tuned = tuner.withinBits(bits);
      arms.add(
          new Arm("tuned, " + bits + " bits", tuned.assignment().bits(), List.of(tuned.policy())));
    }
    return arms;
  }

  private static List<Row> train(
      String name, NetworkTask task, List<Arm> arms, int seeds, PrintStream progress)
      throws InterruptedException {
    List<Callable<NetworkTask.Outcome>> runs = new ArrayList<>();
    for (Arm arm : arms) {
      for (AmpPolicy policy : arm.policies) {
        for (int seed = 0; seed < seeds; seed++) {
          int s = seed;
          runs.add(() -> task.run(policy, s));
        }
      }
    }
    List<NetworkTask.Outcome> outcomes = new ArrayList<>();
    int threads = Runtime.getRuntime().availableProcessors();
    try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
      for (Future<NetworkTask.Outcome> future : runs.stream().map(executor::submit).toList()) {
        outcomes.add(future.get());
        if (outcomes.size() % 10 == 0 || outcomes.size() == runs.size()) {
          progress.printf("%s: run %d of %d%n", name, outcomes.size(), runs.size());
        }
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    }
    List<Row> rows = new ArrayList<>();
    int from = 0;
    for (Arm arm : arms) {
      int n = arm.policies.size() * seeds;
      rows.add(new Row(arm, List.copyOf(outcomes.subList(from, from + n))));
      from += n;
    }
    return rows;
  }

  private static String estimate(List<Double> values, int digits) {
    Interval interval =
        Statistics.meanInterval(0.95, values.stream().mapToDouble(v -> v).toArray());
    return String.format(
        Locale.ROOT,
        "%+." + digits + "f ± %." + digits + "f",
        interval.estimate(),
        interval.high() - interval.estimate());
  }

  /** Differences from bf16 run by run, with the same seed. */
  private static String report(NetworkTask task, List<Row> rows, Tuner.Result byLoss, int seeds) {
    Row reference = rows.getFirst();
    StringBuilder text = new StringBuilder();
    text.append("# Tuned policies: ").append(task.describe()).append("\n\n");
    text.append(
        """
        Operands (W, A and E) of all products in the formats named, gradients of weights in bf16,
        parameters in fp32. Bits: of an element of an operand, on average, scales included. Loss and
        accuracy are of data not trained on, as differences from bf16 with the same seed: mean and 95 %%
        interval over %d seeds (random: over %d draws too). Made by `dev.narrow.repro.tuning.TunerStudy DATA OUT
        %d`, the same figures on any machine.

        | formats | bits | loss, nat | accuracy, points |
        | --- | ---: | ---: | ---: |
        """
            .formatted(seeds, DRAWS, seeds));
    for (Row row : rows) {
      List<Double> losses = new ArrayList<>();
      List<Double> accuracies = new ArrayList<>();
      for (int run = 0; run < row.outcomes.size(); run++) {
        NetworkTask.Outcome base = reference.outcomes.get(run % seeds);
        losses.add(row.outcomes.get(run).loss() - base.loss());
        accuracies.add(row.outcomes.get(run).accuracy() - base.accuracy());
      }
      boolean isReference = Objects.equals(row, reference);
      double loss = reference.outcomes.stream().mapToDouble(o -> o.loss()).average().orElse(0);
      double accuracy =
          reference.outcomes.stream().mapToDouble(o -> o.accuracy()).average().orElse(0);
      text.append(
          String.format(
              Locale.ROOT,
              "| %s | %.2f | %s | %s |%n",
              row.arm.name,
              row.arm.bits,
              isReference ? String.format(Locale.ROOT, "%.4f", loss) : estimate(losses, 4),
              isReference
                  ? String.format(Locale.ROOT, "%.2f", accuracy)
                  : estimate(accuracies, 2)));
    }
    text.append(
        "\nThe tuner's own trials for a loss within 0.03 of bf16's (short runs, other seeds):\n\n");
    text.append("| bits | loss, nat |\n| ---: | ---: |\n");
    byLoss
        .probes()
        .forEach(probe ->
            text.append(
                String.format(Locale.ROOT, "| %.2f | %+.4f |%n", probe.bits(), probe.increase())));
    return text.toString();
  }
}
