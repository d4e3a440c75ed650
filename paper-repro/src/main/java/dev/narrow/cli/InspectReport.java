package dev.narrow.cli;

import dev.narrow.cli.InspectCommand.Inspected;
import dev.narrow.formats.Formats;
import dev.narrow.formats.Limits;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.TensorStatistics;
import dev.narrow.quant.files.TensorFile;
import dev.narrow.repro.report.Numbers;
import dev.narrow.repro.report.OctaveMap;
import dev.narrow.repro.report.Report;
import dev.narrow.repro.report.ShareBars;
import dev.narrow.repro.report.Table;
import dev.narrow.repro.report.Tone;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What {@code narrow inspect} has found, as a table, a page and JSON. */
final class InspectReport {
  /** Columns of a histogram in the terminal, and what a cell of it looks like. */
  private static final int CELLS = 16;

  private static final String LEVELS = " ▁▂▃▄▅▆▇█";

  /** Rows of a plot that a page can still show. */
  private static final int PLOTTED = 400;

  private static final List<NumericFormat> SPANS =
      List.of(Formats.BF16, Formats.FP16, Formats.E5M2, Formats.E4M3FN, Formats.LNS8, Formats.E2M1);

  private final TensorFile file;
  private final List<Inspected> inspected;

  InspectReport(TensorFile file, List<Inspected> inspected) {
    this.file = file;
    this.inspected = inspected;
  }

  Table table() {
    Table table =
        Table.of(
            Table.left("tensor"),
            Table.left("dtype"),
            Table.left("shape"),
            Table.right("amax"),
            Table.right("smallest"),
            Table.right("octaves"),
            Table.right("zeros"),
            Table.left("exponents"));
    for (Inspected one : inspected) {
      TensorStatistics s = one.statistics().orElse(null);
      long special = s == null ? 0 : s.nan() + s.infinite();
      table =
          table.row(
              Table.cell(
                  Terminal.printable(one.info().name()), special > 0 ? Tone.BAD : Tone.NEUTRAL),
              Table.cell(Terminal.printable(one.info().dtype())),
              Table.cell(TensorTexts.shape(one.info())),
              Table.cell(s == null ? Numbers.NONE : number(s.amax())),
              Table.cell(s == null || s.amax() == 0 ? Numbers.NONE : number(s.smallest())),
              Table.cell(s == null ? Numbers.NONE : Numbers.fixed(s.octaves(), 1)),
              Table.cell(s == null ? Numbers.NONE : TensorTexts.share(s.zeros(), s.count())),
              Table.cell(s == null ? "" : histogram(s)));
      if (s != null && special > 0) {
        table =
            table.footnote(
                Terminal.printable(one.info().name())
                    + " has "
                    + s.nan()
                    + " NaN and "
                    + s.infinite()
                    + " infinite.");
      }
    }
    return table;
  }

  String summary() {
    long elements = inspected.stream().mapToLong(one -> one.info().elements()).sum();
    long bytes = inspected.stream().mapToLong(one -> one.info().bytes()).sum();
    return String.format(
        Locale.ROOT, "%d tensors, %,d elements, %,d bytes.", inspected.size(), elements, bytes);
  }

  Report page() {
    Report report = new Report("What is in " + file.path().toAbsolutePath().getFileName());
    report.paragraph(summary());
    OctaveMap map = new OctaveMap("exponents", "Magnitudes of each tensor");
    ShareBars zeros = new ShareBars("zeros", "Zeros", "zero");
    int rows = 0;
    boolean anyZero = false;
    for (Inspected one : inspected) {
      TensorStatistics s = one.statistics().orElse(null);
      if (s == null || s.amax() == 0 || rows == PLOTTED) {
        continue;
      }
      rows++;
      int least = octave(s.smallest());
      List<Double> shares = new ArrayList<>();
      for (int octave = least; octave <= octave(s.amax()); octave++) {
        shares.add((double) s.inOctave(octave) / s.count());
      }
      map.row(one.info().name(), least, shares);
      if (s.zeros() > 0) {
        anyZero = true;
        zeros.bar("tensors with zeros", one.info().name(), (double) s.zeros() / s.count());
      }
    }
    for (NumericFormat format : SPANS) {
      Limits limits = format.limits();
      map.span(
          format.name(),
          Math.getExponent(limits.minPositive()),
          Math.getExponent(limits.maxFinite()));
    }
    if (rows > 0) {
      report.figure(
          map.figure(),
          "The darker a cell, the more elements have a magnitude in its octave; the shade is"
              + " logarithmic. Below, the ranges of some formats without scales."
              + (inspected.size() > PLOTTED ? " The first " + PLOTTED + " tensors." : ""));
    }
    if (anyZero) {
      report.figure(zeros.figure(), "Shares of elements that are zero.");
    }
    report.section("Tensors");
    report.table(table());
    return report;
  }

  String json() {
    List<Map<String, @Nullable Object>> tensors = new ArrayList<>();
    for (Inspected one : inspected) {
      Map<String, @Nullable Object> facts = new LinkedHashMap<>();
      facts.put("name", one.info().name());
      facts.put("dtype", one.info().dtype());
      facts.put("shape", one.info().shape());
      facts.put("bytes", one.info().bytes());
      one.statistics().ifPresent(s -> addTo(facts, s));
      tensors.add(facts);
    }
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("file", file.path().toString());
    all.put("metadata", file.metadata());
    all.put("tensors", tensors);
    return TensorTexts.JSON.writeValueAsString(all) + "\n";
  }

  private static void addTo(Map<String, @Nullable Object> facts, TensorStatistics s) {
    facts.put("elements", s.count());
    facts.put("zeros", s.zeros());
    facts.put("nan", s.nan());
    facts.put("infinite", s.infinite());
    facts.put("amax", s.amax());
    facts.put("smallest", s.amax() == 0 ? null : s.smallest());
    facts.put("octaves", s.octaves());
    facts.put("mean", Double.isNaN(s.mean()) ? null : s.mean());
    facts.put("rms", Double.isNaN(s.rms()) ? null : s.rms());
    Map<Integer, Long> octaves = new LinkedHashMap<>();
    for (int octave = TensorStatistics.LEAST_OCTAVE; octave <= Float.MAX_EXPONENT; octave++) {
      if (s.inOctave(octave) > 0) {
        octaves.put(octave, s.inOctave(octave));
      }
    }
    facts.put("inOctave", octaves);
  }

  private static String number(float x) {
    return String.format(Locale.ROOT, "%.3g", x);
  }

  private static int octave(float magnitude) {
    return Math.getExponent((double) magnitude);
  }

  /** The octaves from the smallest to amax in a few cells; heights are logarithms of shares. */
  private static String histogram(TensorStatistics s) {
    if (s.amax() == 0) {
      return "";
    }
    int least = octave(s.smallest());
    int octaves = octave(s.amax()) - least + 1;
    int cells = Math.min(CELLS, octaves);
    StringBuilder text = new StringBuilder();
    for (int cell = 0; cell < cells; cell++) {
      long count = 0;
      for (int i = cell * octaves / cells; i < (cell + 1) * octaves / cells; i++) {
        count += s.inOctave(least + i);
      }
      double height = count == 0 ? 0 : 1 + Math.log10((double) count / s.count()) / 6;
      int level = count == 0 ? 0 : 1 + (int) Math.clamp(height * 7 + 0.5, 0, 7);
      text.append(LEVELS.charAt(level));
    }
    return text.toString();
  }
}
