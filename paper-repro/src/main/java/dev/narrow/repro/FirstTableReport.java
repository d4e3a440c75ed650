package dev.narrow.repro;

import dev.narrow.amp.Role;
import dev.narrow.repro.report.Interval;
import dev.narrow.repro.report.IntervalPlot;
import dev.narrow.repro.report.LineChart;
import dev.narrow.repro.report.Numbers;
import dev.narrow.repro.report.Report;
import dev.narrow.repro.report.ShareBars;
import dev.narrow.repro.report.Statistics;
import dev.narrow.repro.report.Table;
import dev.narrow.repro.report.Tone;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.SequencedMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What the experiment shows, for people. */
final class FirstTableReport {
  static final String SMOKE =
      "This was a smoke run: it shows that everything works, and nothing else.";

  private FirstTableReport() {}

  static Report of(Results results, RunRecord record) {
    Report report = new Report("What a narrow format costs in training");
    report.paragraph(
        "One network, the same digits, the same initial weights and the same order of samples for each"
            + " seed: only the number formats differ. W are weights, A activations, E activation"
            + " gradients, G weight gradients, U the parameters as the optimizer stores them. Sums are"
            + " float32 in every row.");
    if (results.scale().equals("smoke")) {
      report.paragraph(SMOKE);
    }
    for (Results.OnDataset table : results.datasets()) {
      addDataset(report, table, record);
    }
    report.section("Formats of each row");
    report.table(formats(results.datasets().getFirst()));
    report.section("This run");
    report.settings(run(results, record));
    report.paragraph("The same figures again, from the root of the project:");
    report.commands("./narrow " + record.command());
    return report;
  }

  static String heading(Results.OnDataset table) {
    return "%s: %s network, %d samples to train on, %d epochs, tested on %d"
        .formatted(
            table.name(),
            table.network().stream().map(Object::toString).collect(Collectors.joining("-")),
            table.trainSamples(),
            table.config().epochs(),
            table.testSamples());
  }

  private static void addDataset(Report report, Results.OnDataset table, RunRecord record) {
    report.section(heading(table));
    report.verdict(
        switch (table.claim().verdict()) {
          case HOLDS -> Tone.GOOD;
          case UNDECIDED -> Tone.WARN;
          case FAILS -> Tone.BAD;
        },
        verdict(table));
    report.table(table(table, record));
    String name = table.name();
    IntervalPlot accuracy =
        IntervalPlot.of(name + "-accuracy", "Test accuracy on " + name, "test accuracy in %");
    IntervalPlot differences =
        IntervalPlot.ofDifferences(
            name + "-difference",
            "Difference to fp32 with the same optimizer on " + name,
            "points of accuracy",
            FirstTable.CLAIM);
    LineChart loss =
        LineChart.logarithmic(name + "-loss", "Training loss on " + name, "mean cross entropy");
    ShareBars shares =
        new ShareBars(
            name + "-shares",
            "Values that the formats lose on " + name,
            "flushed to zero",
            "saturated");
    for (Results.OfArm arm : table.arms()) {
      String row = arm.arm().name();
      double[] percent = arm.accuracy();
      accuracy.row(row, percent, Statistics.meanInterval(Results.CONFIDENCE, percent));
      double[] reference = table.arm(arm.reference()).accuracy();
      differences.row(
          row,
          Statistics.differences(percent, reference),
          Statistics.pairedDifference(Results.CONFIDENCE, percent, reference));
      loss.line(row, arm.runs().stream().map(FirstTableReport::losses).toArray(double[][]::new));
      for (Role role :
          List.of(Role.WEIGHT, Role.ACTIVATION, Role.ACTIVATION_GRADIENT, Role.WEIGHT_GRADIENT)) {
        if (arm.runs().getFirst().quantization().containsKey(role.letter())) {
          shares.bar(
              row,
              role.letter(),
              share(arm, role, CellResult.RoleError::flushed),
              share(arm, role, CellResult.RoleError::saturated));
        }
      }
    }
    report.figure(
        accuracy.figure(),
        "A dot is a seed, the diamond their mean, the line its 95 % confidence interval.");
    report.figure(
        differences.figure(),
        "Seed by seed, so that what a seed does to both rows cancels. The band is half a point to"
            + " either side; the claim is about its lower edge.");
    report.figure(loss.figure(), "The mean over seeds, between the smallest and the largest run.");
    report.figure(
        shares.figure(),
        "In the first step of each epoch, mean over seeds; shares of all values, exact zeros included.");
    report.settings(settings(table));
  }

  private static double[] losses(CellResult run) {
    return run.loss().stream().mapToDouble(FirstTableReport::orNan).toArray();
  }

  private static double orNan(@Nullable Double value) {
    return value == null ? Double.NaN : value;
  }

  private static double share(
      Results.OfArm arm, Role role, Function<CellResult.RoleError, Double> part) {
    double sum = 0;
    for (CellResult run : arm.runs()) {
      CellResult.RoleError error = run.quantization().get(role.letter());
      sum += error == null ? 0 : part.apply(error);
    }
    return sum / arm.runs().size();
  }

  static Table table(Results.OnDataset results, RunRecord record) {
    Table table =
        Table.of(
            Table.left("formats, optimizer"),
            Table.left("roles"),
            Table.right("accuracy %"),
            Table.right("to fp32, points (95 %)"),
            Table.right("skipped"),
            Table.right("s/run"));
    for (Results.OfArm arm : results.arms()) {
      Interval difference = arm.difference();
      table =
          table.row(
              Table.cell(arm.arm().name()),
              Table.cell(roles(arm)),
              Table.cell(Numbers.plusMinus(arm.mean(), arm.standardDeviation(), 2)),
              difference == null
                  ? Table.cell(Numbers.NONE)
                  : Table.cell(Numbers.difference(difference, 2), tone(difference)),
              Table.cell(skipped(arm)),
              Table.cell(Numbers.fixed(record.secondsPerRun(results.name(), arm.arm().name()), 1)));
    }
    return table.footnote(
        "mean ± standard deviation over %d seeds; difference to fp32 with the same optimizer, paired by seed, with its 95 %% confidence interval over seeds; time is the median, of emulation on the CPU"
            .formatted(results.config().seeds()));
  }

  /** For example {@code W A E G lns8, U lns:b16g2048}; roles in fp32 are left out. */
  private static String roles(Results.OfArm arm) {
    List<String> parts = new ArrayList<>();
    rolesByFormat(arm)
        .forEach((format, roles) -> {
          if (!format.equals("fp32")) {
            parts.add(roles + " " + format.split(",", 2)[0]);
          }
        });
    return parts.isEmpty() ? "all fp32" : String.join(", ", parts);
  }

  private static SequencedMap<String, String> rolesByFormat(Results.OfArm arm) {
    SequencedMap<String, String> rolesByFormat = new LinkedHashMap<>();
    arm.arm()
        .formats()
        .forEach((role, format) -> rolesByFormat.merge(format, role, (r, next) -> r + " " + next));
    return rolesByFormat;
  }

  private static String skipped(Results.OfArm arm) {
    int steps = arm.runs().stream().mapToInt(CellResult::skippedSteps).sum();
    long collapsed = arm.runs().stream().filter(CellResult::collapsed).count();
    return collapsed > 0 ? steps + ", " + collapsed + " collapsed" : Integer.toString(steps);
  }

  private static Tone tone(Interval difference) {
    if (difference.high() < -FirstTable.CLAIM) {
      return Tone.BAD;
    }
    return difference.low() >= -FirstTable.CLAIM ? Tone.GOOD : Tone.WARN;
  }

  static String verdict(Results.OnDataset table) {
    Interval difference = table.arm(FirstTable.LNS8_MADAM).difference();
    return "Claim: %s. On %s it %s: %s points."
        .formatted(
            table.claim().text(),
            table.name(),
            switch (table.claim().verdict()) {
              case HOLDS -> "holds";
              case FAILS -> "fails";
              case UNDECIDED -> "is undecided, the interval reaches beyond";
            },
            difference == null ? Numbers.NONE : Numbers.difference(difference, 2));
  }

  private static SequencedMap<String, String> settings(Results.OnDataset table) {
    SequencedMap<String, String> settings = new LinkedHashMap<>();
    settings.put("data", table.source());
    settings.put("SHA-256 of the data", table.digest());
    settings.put("batch", Integer.toString(table.config().batch()));
    settings.put(
        "what the interval covers",
        "initial weights and order of samples; not another draw of the data, nor other settings");
    settings.put("seeds", "0 to " + (table.config().seeds() - 1));
    settings.put(
        "learning rate",
        "a quarter from 70 % of the epochs on, a sixteenth from 90 %; first "
            + table.arms().stream()
                .map(arm -> arm.arm().optimizer() + " " + arm.arm().learningRate())
                .distinct()
                .collect(Collectors.joining(", "))
            + "; chosen on optdigits in fp32, without a validation split");
    return settings;
  }

  private static Table formats(Results.OnDataset results) {
    Table table = Table.of(Table.left("row"), Table.left("roles"), Table.left("format"));
    for (Results.OfArm arm : results.arms()) {
      String row = arm.arm().name();
      for (var format : rolesByFormat(arm).entrySet()) {
        table = table.row(row, format.getValue(), format.getKey());
        row = "";
      }
    }
    return table;
  }

  private static SequencedMap<String, String> run(Results results, RunRecord record) {
    SequencedMap<String, String> run = new LinkedHashMap<>();
    run.put("started", record.started());
    run.put("took", String.format(Locale.ROOT, "%.1f s", record.seconds()));
    run.put("processor", record.processor() + ", " + record.cores() + " cores");
    run.put("system", record.system());
    run.put("Java", record.java());
    run.put("kernels", record.backend());
    run.put("code", results.code());
    return run;
  }
}
