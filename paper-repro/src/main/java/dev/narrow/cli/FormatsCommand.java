package dev.narrow.cli;

import dev.narrow.formats.FixedFormat;
import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Formats;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.PositFormat;
import dev.narrow.formats.TableFormat;
import dev.narrow.repro.report.CsvTable;
import dev.narrow.repro.report.Table;
import dev.narrow.repro.report.TerminalTable;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code narrow formats}: the number formats, or the values of one. */
@Command(
    name = "formats",
    description = "List the number formats, or the parameters and values of one.",
    mixinStandardHelpOptions = true)
final class FormatsCommand implements Callable<Integer> {
  private static final int LISTED_WIDTH = 8; // beyond, a table of all values is no reading

  private static final int CSV_WIDTH = 16;

  @Spec CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "NAME", arity = "0..1", description = "A format, e.g. e4m3fn or lns8.")
  @Nullable String name;

  @Option(names = "--csv", description = "Print comma-separated values: every code and its value.")
  boolean csv;

  FormatsCommand() {}

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    if (name == null) {
      print(out, list());
    } else {
      NumericFormat format = Arguments.parse(name, Formats::parse);
      if (csv) {
        if (format.width() > CSV_WIDTH) {
          throw new UsageException(
              name + " has 2^" + format.width() + " values, more than --csv lists (2^16)");
        }
        print(out, codes(format));
      } else {
        print(out, parameters(format));
        if (format.width() <= LISTED_WIDTH) {
          out.println();
          print(out, codes(format));
        } else if (format.width() <= CSV_WIDTH) {
          out.println(
              "Its " + (1L << format.width()) + " values: narrow formats " + name + " --csv");
        }
      }
    }
    out.flush();
    return 0;
  }

  private void print(PrintWriter out, Table table) {
    out.print(csv ? CsvTable.render(table) : TerminalTable.render(table, Terminal.hasColour()));
  }

  private static Table list() {
    Table table =
        Table.of(
            Table.left("format"),
            Table.right("bits"),
            Table.left("layout"),
            Table.right("largest"),
            Table.right("smallest"),
            Table.right("octaves"),
            Table.right("worst relative error"));
    for (NumericFormat format : Formats.all()) {
      table =
          table.row(
              format.name(),
              Integer.toString(format.width()),
              layout(format),
              number(format.maxFinite()),
              number(format.minPositive()),
              String.format(Locale.ROOT, "%.1f", format.limits().octaves()),
              error(format));
    }
    return table;
  }

  private static Table parameters(NumericFormat format) {
    Table table =
        Table.of(Table.left("parameter"), Table.left("value"))
            .row("name", format.name())
            .row("bits", Integer.toString(format.width()))
            .row("layout", layout(format))
            .row("largest", number(format.maxFinite()))
            .row("smallest", number(format.minPositive()))
            .row(
                "dynamic range",
                String.format(Locale.ROOT, "%.2f octaves", format.limits().octaves()));
    return switch (format) {
      case FloatFormat f ->
          table
              .row("precision", f.precision() + " bits with the hidden one")
              .row("exponent bias", Integer.toString(f.bias()))
              .row("infinities", yes(f.infinities()))
              .row("subnormals", yes(f.subnormals()));
      case LogFormat f ->
          table
              .row("base factor", f.gamma() + " steps to an octave")
              .row("exponent bias", Integer.toString(f.bias()));
      case PositFormat f -> table.row("exponent bits", Integer.toString(f.exponentBits()));
      case FixedFormat f -> table.row("fraction bits", Integer.toString(f.fractionBits()));
      case TableFormat f -> table.row("values", Integer.toString(f.values().size()));
    };
  }

  private static Table codes(NumericFormat format) {
    HexFormat hex = HexFormat.of().withUpperCase();
    int digits = (format.width() + 3) / 4;
    List<List<Table.Cell>> rows = new ArrayList<>();
    for (int code = 0; code < 1 << format.width(); code++) {
      float value = format.decode(code);
      rows.add(
          List.of(
              Table.cell("0x" + hex.toHexDigits(code, digits)),
              Table.cell(Float.toString(value)),
              Table.cell(Float.toHexString(value))));
    }
    return new Table(
        List.of(Table.right("code"), Table.right("value"), Table.right("exactly")),
        rows,
        List.of());
  }

  private static String layout(NumericFormat format) {
    return switch (format) {
      case FloatFormat f ->
          (f.signed() ? "sign, " : "")
              + (f.width() - f.precision() + (f.signed() ? 0 : 1))
              + " exponent, "
              + (f.precision() - 1)
              + " significand";
      case LogFormat f -> "sign, " + (f.width() - 1) + " logarithm";
      case PositFormat f -> "sign, regime, " + f.exponentBits() + " exponent, significand";
      case FixedFormat f ->
          (f.signed() ? "signed, " : "unsigned, ") + f.fractionBits() + " fraction";
      case TableFormat f -> f.values().size() + " values";
    };
  }

  private static String error(NumericFormat format) {
    double error = worstRelativeError(format);
    return Double.isNaN(error) ? "–" : String.format(Locale.ROOT, "%.2g %%", 100 * error);
  }

  /** The largest |x - nearest| / |x| between normal neighbours; NaN where it depends on x. */
  private static double worstRelativeError(NumericFormat format) {
    return switch (format) {
      case FloatFormat f -> 1 / (Math.scalb(2.0, f.precision() - 1) + 1);
      case LogFormat f -> Math.pow(2, 0.5 / f.gamma()) - 1;
      case PositFormat f -> Double.NaN;
      case FixedFormat f -> Double.NaN;
      case TableFormat f -> Double.NaN;
    };
  }

  private static String number(float value) {
    float magnitude = Math.abs(value);
    return magnitude >= 1e-3f && magnitude < 1e6f
        ? Float.toString(value).replaceFirst("\\.0$", "")
        : String.format(Locale.ROOT, "%.4g", value);
  }

  private static String yes(boolean value) {
    return value ? "yes" : "no";
  }
}
