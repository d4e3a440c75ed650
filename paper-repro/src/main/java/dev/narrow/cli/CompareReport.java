package dev.narrow.cli;

import dev.narrow.cli.CompareCommand.Candidate;
import dev.narrow.cli.CompareCommand.Compared;
import dev.narrow.cli.CompareCommand.Fit;
import dev.narrow.quant.OutputError;
import dev.narrow.quant.QuantizationError;
import dev.narrow.repro.report.Numbers;
import dev.narrow.repro.report.Table;
import dev.narrow.repro.report.Table.Cell;
import dev.narrow.repro.report.Table.Column;
import dev.narrow.repro.report.Tone;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/** What {@code narrow compare} has found. */
final class CompareReport {
  private final Path file;
  private final List<Candidate> candidates;
  private final OptionalDouble target;
  private final List<Compared> compared;

  CompareReport(
      Path file, List<Candidate> candidates, OptionalDouble target, List<Compared> compared) {
    this.file = file;
    this.candidates = candidates;
    this.target = target;
    this.compared = compared;
  }

  Table table() {
    Column[] columns = new Column[candidates.size() + 2];
    columns[0] = Table.left("tensor");
    columns[1] = Table.left("shape");
    for (int i = 0; i < candidates.size(); i++) {
      columns[i + 2] = Table.right(candidates.get(i).name());
    }
    Table table = Table.of(columns);
    for (Compared one : compared) {
      int cheapest = cheapest(one);
      Cell[] cells = new Cell[columns.length];
      cells[0] = Table.cell(Terminal.printable(one.info().name()));
      cells[1] = Table.cell(TensorTexts.shape(one.info()));
      for (int i = 0; i < candidates.size(); i++) {
        Fit fit = one.fits().get(i).orElse(null);
        cells[i + 2] = fit == null ? Table.cell(Numbers.NONE) : cell(fit, i == cheapest);
      }
      table = withFootnote(table.row(cells), one);
    }
    return addTotals(table);
  }

  private static Table withFootnote(Table table, Compared one) {
    Fit first = one.fits().stream().flatMap(Optional::stream).findFirst().orElse(null);
    if (first == null || first.error().before().nans() + first.error().before().infinities() == 0) {
      return table;
    }
    return table.footnote(
        Terminal.printable(one.info().name())
            + " has "
            + first.error().before().nans()
            + " NaN and "
            + first.error().before().infinities()
            + " infinite, which do not enter.");
  }

  private Cell cell(Fit fit, boolean isCheapest) {
    double decibels = fit.error().sqnrDb();
    String text = decibels(decibels);
    Tone tone =
        isCheapest
            ? Tone.GOOD
            : fit.error().lost() > 0 || (target.isPresent() && !(decibels >= target.getAsDouble()))
                ? Tone.BAD
                : Tone.NEUTRAL;
    String outputs =
        fit.outputs()
            .map(o -> String.format(Locale.ROOT, " (%.2g %%)", 100 * o.relative()))
            .orElse("");
    return Table.cell((isCheapest ? "* " : "") + text + outputs, tone);
  }

  /** A figure, or in words that all is as it was, or that finite numbers became infinite or NaN. */
  static String decibels(double sqnr) {
    return sqnr == Double.POSITIVE_INFINITY
        ? "exact"
        : sqnr == Double.NEGATIVE_INFINITY ? "lost" : Numbers.fixed(sqnr, 1);
  }

  /** What a footnote says of NaN and infinities before and after, if there are any. */
  static Optional<String> specials(String name, QuantizationError error) {
    long nan = error.before().nans();
    long infinite = error.before().infinities();
    if (nan + infinite + error.lost() == 0) {
      return Optional.empty();
    }
    return Optional.of(
        Terminal.printable(name)
            + ": "
            + nan
            + " NaN and "
            + infinite
            + " infinite before, "
            + error.after().nans()
            + " and "
            + error.after().infinities()
            + " after.");
  }

  private Table addTotals(Table table) {
    String[] cells = new String[candidates.size() + 2];
    cells[0] = "bytes";
    cells[1] = String.format(Locale.ROOT, "%,d", bytesBefore());
    for (int i = 0; i < candidates.size(); i++) {
      int column = i;
      long bytes =
          compared.stream().mapToLong(c -> c.fits().get(column).map(Fit::bytes).orElse(0L)).sum();
      cells[i + 2] = String.format(Locale.ROOT, "%,d", bytes);
    }
    return table.row(cells);
  }

  private long bytesBefore() {
    return compared.stream().mapToLong(c -> c.info().bytes()).sum();
  }

  /** The index of the format of the fewest bytes that meets the target, or -1. */
  private int cheapest(Compared one) {
    int cheapest = -1;
    for (int i = 0; target.isPresent() && i < one.fits().size(); i++) {
      Fit fit = one.fits().get(i).orElse(null);
      if (fit != null && fit.error().sqnrDb() >= target.getAsDouble()) {
        boolean isBetter =
            cheapest < 0 || fit.bytes() < one.fits().get(cheapest).orElseThrow().bytes();
        cheapest = isBetter ? i : cheapest;
      }
    }
    return cheapest;
  }

  private boolean hasOutputs() {
    return compared.stream()
        .flatMap(one -> one.fits().stream().flatMap(Optional::stream))
        .anyMatch(fit -> fit.outputs().isPresent());
  }

  String summary() {
    String what =
        "SQNR in dB, 10 log10 of the ratio of the squares of values and of errors; bytes with"
            + " packed codes and all scales."
            + (hasOutputs() ? " In brackets ‖XW−XŴ‖ / ‖XW‖ on the calibration inputs." : "")
            + "\n";
    if (target.isEmpty()) {
      return what + "--target 30dB marks the cheapest format for each tensor.\n";
    }
    long bytes = 0;
    int without = 0;
    for (Compared one : compared) {
      int cheapest = cheapest(one);
      without += cheapest < 0 ? 1 : 0;
      bytes += cheapest < 0 ? one.info().bytes() : one.fits().get(cheapest).orElseThrow().bytes();
    }
    return what
        + String.format(
            Locale.ROOT,
            "* the cheapest of at least %s dB. Together %,d bytes instead of %,d (%.1f %%)%s.%n",
            Numbers.fixed(target.getAsDouble(), 1),
            bytes,
            bytesBefore(),
            100.0 * bytes / Math.max(1, bytesBefore()),
            without == 0
                ? ""
                : "; " + without + " tensors meet it in no format and stay as they are");
  }

  String json() {
    List<Map<String, @Nullable Object>> tensors = new ArrayList<>();
    for (Compared one : compared) {
      Map<String, @Nullable Object> facts = new LinkedHashMap<>();
      facts.put("name", one.info().name());
      facts.put("shape", one.info().shape());
      facts.put("bytes", one.info().bytes());
      int cheapest = cheapest(one);
      facts.put("cheapest", cheapest < 0 ? null : candidates.get(cheapest).name());
      Map<String, @Nullable Object> formats = new LinkedHashMap<>();
      for (int i = 0; i < candidates.size(); i++) {
        formats.put(
            candidates.get(i).name(), one.fits().get(i).map(CompareReport::facts).orElse(null));
      }
      facts.put("formats", formats);
      tensors.add(facts);
    }
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("file", file.toString());
    all.put("target", target.isPresent() ? target.getAsDouble() : null);
    all.put("tensors", tensors);
    return TensorTexts.JSON.writeValueAsString(all) + "\n";
  }

  private static Map<String, @Nullable Object> facts(Fit fit) {
    Map<String, @Nullable Object> facts = new LinkedHashMap<>();
    facts.put("bytes", fit.bytes());
    addTo(facts, fit.error());
    facts.put(
        "outputErrorRelative",
        fit.outputs().map(OutputError::relative).filter(Double::isFinite).orElse(null));
    return facts;
  }

  /** All figures of an error. */
  static void addTo(Map<String, @Nullable Object> facts, QuantizationError error) {
    double decibels = error.sqnrDb();
    facts.put("sqnrDb", finite(decibels));
    facts.put("exact", decibels == Double.POSITIVE_INFINITY);
    facts.put("lost", error.lost());
    facts.put("saturated", error.saturated());
    facts.put("flushed", error.flushed());
    facts.put("subnormal", error.subnormal());
    facts.put("nan", error.after().nans());
    facts.put("infinite", error.after().infinities());
    facts.put("nanBefore", error.before().nans());
    facts.put("infiniteBefore", error.before().infinities());
    facts.put("maxRelative", error.maxRelative());
    facts.put("meanRelative", finite(error.meanRelative()));
    facts.put("maxUlps", error.maxUlps());
    facts.put("meanUlps", finite(error.meanUlps()));
    facts.put("cosine", finite(error.cosine()));
    facts.put("divergence", finite(error.divergence()));
  }

  private static @Nullable Double finite(double figure) {
    return Double.isFinite(figure) ? figure : null;
  }
}
