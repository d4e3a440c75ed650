package dev.narrow.cli;

import dev.narrow.cli.QuantizeCommand.Change;
import dev.narrow.cli.QuantizeCommand.Outcome;
import dev.narrow.quant.OutputError;
import dev.narrow.quant.QuantizationError;
import dev.narrow.repro.report.Table;
import dev.narrow.repro.report.Tone;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What {@code narrow quantize} has done. */
final class QuantizeReport {
  private final Path out;
  private final List<Outcome> outcomes;

  QuantizeReport(Path out, List<Outcome> outcomes) {
    this.out = out;
    this.outcomes = outcomes;
  }

  Table table() {
    boolean anyOutputs =
        outcomes.stream().anyMatch(o -> o.change().flatMap(Change::outputs).isPresent());
    List<Table.Column> columns =
        new ArrayList<>(
            List.of(
                Table.left("tensor"),
                Table.left("format"),
                Table.left("method"),
                Table.right("SQNR dB"),
                Table.right("saturated"),
                Table.right("to zero"),
                Table.right("bytes")));
    if (anyOutputs) {
      columns.add(Table.right("‖XW−XŴ‖ / ‖XW‖"));
    }
    Table table = Table.of(columns.toArray(Table.Column[]::new));
    for (Outcome outcome : outcomes) {
      List<Table.Cell> cells = new ArrayList<>();
      cells.add(Table.cell(Terminal.printable(outcome.info().name())));
      Change change = outcome.change().orElse(null);
      if (change == null) {
        cells.add(Table.cell(outcome.info().dtype()));
        cells.add(Table.cell("kept"));
        for (int i = 0; i < 3; i++) {
          cells.add(Table.cell(""));
        }
      } else {
        QuantizationError error = change.error();
        cells.add(Table.cell(change.format()));
        cells.add(Table.cell(change.method()));
        cells.add(Table.cell(CompareReport.decibels(error.sqnrDb())));
        cells.add(share(error.saturated(), error.count()));
        cells.add(share(error.flushed(), error.count()));
      }
      cells.add(Table.cell(String.format(Locale.ROOT, "%,d", bytes(outcome))));
      if (anyOutputs) {
        cells.add(
            Table.cell(
                outcome
                    .change()
                    .flatMap(Change::outputs)
                    .map(o -> String.format(Locale.ROOT, "%.3g %%", 100 * o.relative()))
                    .orElse("")));
      }
      table = table.row(cells.toArray(Table.Cell[]::new));
      Optional<String> specials =
          outcome.change().flatMap(c -> CompareReport.specials(outcome.info().name(), c.error()));
      if (specials.isPresent()) {
        table = table.footnote(specials.get());
      }
    }
    return table;
  }

  private static Table.Cell share(long part, long whole) {
    boolean isMuch = part > whole / 20;
    return Table.cell(TensorTexts.share(part, whole), isMuch ? Tone.WARN : Tone.NEUTRAL);
  }

  private static long bytes(Outcome outcome) {
    return outcome.change().map(Change::bytes).orElse(outcome.info().bytes());
  }

  String summary() {
    long before = outcomes.stream().mapToLong(o -> o.info().bytes()).sum();
    long after = outcomes.stream().mapToLong(QuantizeReport::bytes).sum();
    return String.format(
        Locale.ROOT,
        "%s: %d tensors, %,d bytes of codes and scales instead of %,d (%.1f %%).%n",
        out,
        outcomes.size(),
        after,
        before,
        100.0 * after / Math.max(1, before));
  }

  String json() {
    List<Map<String, @Nullable Object>> tensors = new ArrayList<>();
    for (Outcome outcome : outcomes) {
      Map<String, @Nullable Object> facts = new LinkedHashMap<>();
      facts.put("name", outcome.info().name());
      facts.put("dtype", outcome.info().dtype());
      facts.put("shape", outcome.info().shape());
      facts.put("bytesBefore", outcome.info().bytes());
      facts.put("bytes", bytes(outcome));
      outcome.change().ifPresent(change -> addTo(facts, change));
      tensors.add(facts);
    }
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("output", out.toString());
    all.put("tensors", tensors);
    return TensorTexts.JSON.writeValueAsString(all) + "\n";
  }

  private static void addTo(Map<String, @Nullable Object> facts, Change change) {
    facts.put("format", change.format());
    facts.put("quantizer", change.quantizer());
    facts.put("method", change.method());
    CompareReport.addTo(facts, change.error());
    facts.put("outputError", change.outputs().map(OutputError::error).orElse(null));
    facts.put(
        "outputErrorRelative",
        change.outputs().map(OutputError::relative).filter(Double::isFinite).orElse(null));
  }
}
