package dev.narrow.repro;

import dev.narrow.repro.data.Dataset;
import dev.narrow.repro.report.Interval;
import dev.narrow.repro.report.Statistics;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What an experiment has shown: configuration and figures, the same bytes for the same code, data
 * and seeds on any machine.
 *
 * @param experiment its name
 * @param scale how much of it was run
 * @param code digest of the code that ran
 * @param datasets one after the other
 */
record Results(String experiment, String scale, String code, List<OnDataset> datasets) {

  /**
   * The table of a data set.
   *
   * @param name of the data set
   * @param digest of its content
   * @param source who made it, and its licence
   * @param trainSamples how many to train on
   * @param testSamples how many to test on
   * @param network units of each layer
   * @param config of the training
   * @param arms the rows
   * @param claim what became of the claim under test
   */
  record OnDataset(
      String name,
      String digest,
      String source,
      int trainSamples,
      int testSamples,
      List<Integer> network,
      TrainingConfig config,
      List<OfArm> arms,
      Claim claim) {

    OfArm arm(String wanted) {
      return arms.stream().filter(a -> a.arm().name().equals(wanted)).findFirst().orElseThrow();
    }
  }

  /**
   * A row.
   *
   * @param arm what it is
   * @param reference name of the row that it is compared with
   * @param mean accuracy in percent, over seeds
   * @param standardDeviation of the accuracy in percent, over seeds
   * @param difference mean of the differences to the reference, seed by seed, in points, with a 95
   *     % confidence interval; null in the row of the reference
   * @param runs one for each seed
   */
  record OfArm(
      ArmDescription arm,
      String reference,
      double mean,
      double standardDeviation,
      @Nullable Interval difference,
      List<CellResult> runs) {

    /** The accuracy of each seed, in percent. */
    double[] accuracy() {
      return runs.stream().mapToDouble(run -> 100 * run.finalAccuracy()).toArray();
    }
  }

  /** What a confidence interval says of a claim. */
  enum Verdict {
    /** The whole interval meets the condition. */
    HOLDS,
    /** No part of the interval meets the condition. */
    FAILS,
    /** Some of it does. */
    UNDECIDED
  }

  /**
   * A claim and what became of it.
   *
   * @param text the claim
   * @param verdict what the interval says
   */
  record Claim(String text, Verdict verdict) {}

  static final double CONFIDENCE = 0.95;

  /** Gathers the runs on a data set into its table. */
  static OnDataset gather(
      Dataset dataset, TrainingConfig config, Map<Cell, CellStore.Finished> finished) {
    Map<String, List<CellResult>> runs =
        finished.entrySet().stream()
            .filter(e -> e.getKey().dataset().name().equals(dataset.name()))
            .collect(
                Collectors.groupingBy(
                    e -> e.getKey().arm().name(),
                    Collectors.mapping(e -> e.getValue().result(), Collectors.toList())));
    Function<Arm, List<CellResult>> of = arm -> runs.getOrDefault(arm.name(), List.of());
    List<OfArm> rows = new ArrayList<>();
    for (Arm arm : FirstTable.arms()) {
      Arm reference =
          FirstTable.arms().stream()
              .filter(a -> a.name().equals(arm.reference()))
              .findFirst()
              .orElseThrow();
      rows.add(row(arm, of.apply(arm), of.apply(reference)));
    }
    Interval difference =
        rows.stream()
            .filter(row -> row.arm().name().equals(FirstTable.LNS8_MADAM))
            .map(OfArm::difference)
            .findFirst()
            .orElseThrow();
    return new OnDataset(
        dataset.name(),
        dataset.digest(),
        dataset.source(),
        dataset.train().size(),
        dataset.test().size(),
        List.of(dataset.train().features(), config.hidden(), dataset.classes()),
        config,
        rows,
        claim(difference));
  }

  private static OfArm row(Arm arm, List<CellResult> runs, List<CellResult> reference) {
    double[] accuracy = accuracy(runs);
    Interval difference =
        arm.isReference()
            ? null
            : Statistics.pairedDifference(CONFIDENCE, accuracy, accuracy(reference));
    return new OfArm(
        ArmDescription.of(arm),
        arm.reference(),
        Statistics.mean(accuracy),
        Statistics.standardDeviation(accuracy),
        difference,
        runs);
  }

  private static double[] accuracy(List<CellResult> runs) {
    return runs.stream().mapToDouble(run -> 100 * run.finalAccuracy()).toArray();
  }

  private static Claim claim(Interval difference) {
    Verdict verdict;
    if (difference.low() >= -FirstTable.CLAIM) {
      verdict = Verdict.HOLDS;
    } else if (difference.high() < -FirstTable.CLAIM) {
      verdict = Verdict.FAILS;
    } else {
      verdict = Verdict.UNDECIDED;
    }
    String text =
        "LNS8 (W, A, E, G in 8 bits, U in 16) with LNS-Madam costs at most "
            + FirstTable.CLAIM
            + " points against fp32 with the same optimizer";
    return new Claim(text, verdict);
  }

  /** Whether no claim has failed or stayed undecided. */
  boolean holds() {
    return datasets.stream().allMatch(d -> d.claim().verdict() == Verdict.HOLDS);
  }
}
