package dev.narrow.repro.djl;

import dev.narrow.repro.report.IntervalPlot;
import dev.narrow.repro.report.Numbers;
import dev.narrow.repro.report.Report;
import dev.narrow.repro.report.Statistics;
import dev.narrow.repro.report.Table;
import dev.narrow.repro.report.Tone;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.SequencedMap;

/** What an example of DJL's shows, for people. */
final class DjlReport {
  private static final String SMOKE =
      "This was a smoke run: it shows that everything works, and nothing else.";

  private DjlReport() {}

  static Report of(DjlResults results, DjlRecord record) {
    Report report = new Report("DJL's examples in few bits");
    report.paragraph(
        "The network, the loop and the loss are Deep Java Library's own, under an unmodified"
            + " EasyTrain.fit: model.newTrainer(config) in the first row, AmpDjl.trainer(model, config,"
            + " policy) in the others. The initial weights, the order of samples and what dropout drops"
            + " are the same in every row of a seed.");
    if (results.scale().equals("smoke")) {
      report.paragraph(SMOKE);
    }
    for (DjlResults.OnDataset table : results.datasets()) {
      report.section(heading(table));
      for (DjlResults.Claim claim : table.claims()) {
        report.verdict(claim.holds() ? Tone.GOOD : Tone.BAD, sentence(claim));
      }
      report.table(table(table, record));
      report.figure(
          accuracy(table).figure(),
          "A dot is a seed, the diamond their mean, the line its 95 % confidence interval.");
      report.settings(settings(table));
    }
    report.section("This run");
    report.settings(run(results, record));
    report.paragraph("Again, from the root of the project:");
    report.commands("./narrow " + record.command());
    return report;
  }

  /** The tables and the verdicts for a terminal come from these. */
  static String heading(DjlResults.OnDataset table) {
    return String.format(
        Locale.ROOT,
        "%s on %s: samples to train on: %,d, epochs: %d",
        table.network(),
        table.name(),
        table.trainSamples(),
        table.config().epochs());
  }

  static String sentence(DjlResults.Claim claim) {
    return (claim.holds() ? "Holds: " : "Fails: ") + claim.text() + ".";
  }

  static String smoke(DjlResults results) {
    return results.scale().equals("smoke") ? SMOKE + "\n" : "";
  }

  static Table table(DjlResults.OnDataset results, DjlRecord record) {
    Table table =
        Table.of(
            Table.left("formats"),
            Table.right("accuracy %"),
            Table.right("to DJL's fp32, points (95 %)"),
            Table.right("perplexity"),
            Table.right("skipped"),
            Table.right("s/run"),
            Table.right("time"));
    DjlResults.OfArm reference = results.reference();
    double[] own = record.seconds(results.name(), reference.name());
    String blame = "";
    for (DjlResults.OfArm arm : results.arms()) {
      double[] accuracy = arm.accuracy();
      double[] loss = arm.loss();
      double[] seconds = record.seconds(results.name(), arm.name());
      boolean isReference = arm.name().equals(reference.name());
      Tone tone =
          !arm.isClaimed() ? Tone.NEUTRAL : arm.claim(reference).holds() ? Tone.GOOD : Tone.BAD;
      table =
          table.row(
              Table.cell(arm.name()),
              Table.cell(
                  Numbers.plusMinus(
                      Statistics.mean(accuracy), Statistics.standardDeviation(accuracy), 2)),
              isReference
                  ? Table.cell(Numbers.NONE)
                  : Table.cell(Numbers.difference(arm.difference(reference), 2), tone),
              Table.cell(Numbers.fixed(Math.exp(Statistics.mean(loss)), 3)),
              Table.cell(Long.toString(arm.skippedSteps())),
              Table.cell(Numbers.fixed(median(seconds), 1)),
              Table.cell(isReference ? "1" : ratio(seconds, own)));
      blame = arm.lastSkip().isEmpty() ? blame : arm.lastSkip();
    }
    table =
        table.footnote(
            String.format(
                Locale.ROOT,
                "mean ± standard deviation over %d seeds, of %s; differences paired by seed; time of a run"
                    + " with all that belongs to it, median, and the median over seeds of its ratio to DJL's"
                    + " own trainer, the rows taking turns",
                results.config().seeds(),
                results.judged()));
    return blame.isEmpty() ? table : table.footnote("a skip: " + blame);
  }

  private static String ratio(double[] seconds, double[] own) {
    double[] ratios = new double[Math.min(seconds.length, own.length)];
    Arrays.setAll(ratios, i -> seconds[i] / own[i]);
    return Numbers.fixed(median(ratios), 2) + " ×";
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int n = sorted.length;
    return n == 0 ? Double.NaN : (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
  }

  private static IntervalPlot accuracy(DjlResults.OnDataset table) {
    IntervalPlot plot =
        IntervalPlot.of(table.name() + "-accuracy", "Accuracy on " + table.name(), "accuracy in %");
    for (DjlResults.OfArm arm : table.arms()) {
      double[] percent = arm.accuracy();
      plot.row(arm.name(), percent, Statistics.meanInterval(DjlResults.CONFIDENCE, percent));
    }
    return plot;
  }

  private static SequencedMap<String, String> settings(DjlResults.OnDataset table) {
    SequencedMap<String, String> settings = new LinkedHashMap<>();
    settings.put("data", table.source());
    settings.put("SHA-256 of the data", table.digest());
    settings.put("batch", Integer.toString(table.batch()));
    settings.put("seeds", "0 to " + (table.config().seeds() - 1));
    settings.put("learning rate", "a quarter from 70 % of the steps on, a sixteenth from 90 %");
    return settings;
  }

  private static SequencedMap<String, String> run(DjlResults results, DjlRecord record) {
    SequencedMap<String, String> run = new LinkedHashMap<>();
    run.put("started", record.started());
    run.put("took", String.format(Locale.ROOT, "%.1f s", record.seconds()));
    run.put("processor", record.processor() + ", " + record.cores() + " cores");
    run.put("DJL's engine", results.engine() + ", threads: " + record.threads());
    run.put("system", record.system());
    run.put("Java", record.java());
    run.put("code", results.code());
    return run;
  }
}
