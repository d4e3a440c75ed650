package dev.narrow.repro.djl;

import dev.narrow.repro.report.Interval;
import dev.narrow.repro.report.Numbers;
import dev.narrow.repro.report.Statistics;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What an example of DJL's has shown. The same code, data and seeds give the same figures on the
 * same kind of processor: PyTorch has others on others.
 *
 * @param experiment its name
 * @param scale how much of it was run
 * @param code digest of the code that ran
 * @param engine of DJL, and its version
 * @param datasets one after the other
 */
record DjlResults(
    String experiment, String scale, String code, String engine, List<OnDataset> datasets) {
  static final double CONFIDENCE = 0.95;

  /**
   * The table of a data set.
   *
   * @param network in words
   * @param judged what the accuracy is of
   * @param batch samples of a step
   */
  record OnDataset(
      String name,
      String digest,
      String source,
      String network,
      String judged,
      int trainSamples,
      int batch,
      DjlConfig config,
      List<OfArm> arms) {

    OfArm reference() {
      return arms.getFirst();
    }

    List<Claim> claims() {
      return arms.stream().filter(OfArm::isClaimed).map(arm -> arm.claim(reference())).toList();
    }
  }

  /**
   * A row.
   *
   * @param most points that it may cost; 0 if it is to give the figures of the reference; null if
   *     nothing is claimed
   * @param runs one for each seed
   */
  record OfArm(String name, @Nullable Double most, List<DjlRun> runs) {

    boolean isClaimed() {
      return most != null;
    }

    /** The accuracy of each seed, in percent. */
    double[] accuracy() {
      return runs.stream().mapToDouble(run -> 100 * run.accuracy()).toArray();
    }

    double[] loss() {
      return runs.stream().mapToDouble(DjlRun::loss).toArray();
    }

    long skippedSteps() {
      return runs.stream().mapToLong(DjlRun::skippedSteps).sum();
    }

    /** What was to blame for the last skip of any seed; empty if there was none. */
    String lastSkip() {
      return runs.stream().map(DjlRun::lastSkip).filter(s -> !s.isEmpty()).findFirst().orElse("");
    }

    Interval difference(OfArm reference) {
      return Statistics.pairedDifference(CONFIDENCE, accuracy(), reference.accuracy());
    }

    /** The mean over seeds decides; the interval says how sure that is. */
    Claim claim(OfArm reference) {
      double allowed = most == null ? Double.NaN : most;
      if (allowed == 0) {
        return new Claim(
            name + " gives the same accuracy and loss as DJL's trainer, to the last bit",
            runs.equals(reference.runs));
      }
      Interval difference = difference(reference);
      boolean recovers = !name.equals(DjlArm.FP16) || (skippedSteps() > 0 && !lastSkip().isEmpty());
      return new Claim(
          String.format(
              Locale.ROOT,
              "%s%s costs at most %.1f points against DJL's trainer: %s",
              name,
              name.equals(DjlArm.FP16) ? " skips steps, names a parameter, recovers, and" : "",
              allowed,
              Numbers.difference(difference, 2)),
          recovers && difference.estimate() >= -allowed);
    }
  }

  /**
   * A claim and what became of it.
   *
   * @param text the claim, with the figures
   */
  record Claim(String text, boolean holds) {}

  static OnDataset gather(DjlExample example, DjlConfig config, List<List<DjlRun>> runs) {
    List<OfArm> arms = new ArrayList<>();
    for (int a = 0; a < runs.size(); a++) {
      DjlArm arm = DjlArm.all().get(a);
      arms.add(new OfArm(arm.name(), Double.isNaN(arm.most()) ? null : arm.most(), runs.get(a)));
    }
    return new OnDataset(
        example.source().dataset(),
        example.source().digest(),
        example.source().origin(),
        example.network(),
        example.judged(),
        example.trainSamples(),
        example.batch(),
        config,
        arms);
  }

  boolean holds() {
    return datasets.stream().flatMap(d -> d.claims().stream()).allMatch(Claim::holds);
  }
}
