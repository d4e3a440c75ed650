package dev.narrow.cli;

import dev.narrow.formats.FixedFormat;
import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Formats;
import dev.narrow.formats.Limits;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.PositFormat;
import dev.narrow.formats.TableFormat;
import dev.narrow.repro.report.Table;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Locale;
import java.util.stream.Stream;

/** All known formats, a row for each. */
final class FormatList {
  private FormatList() {}

  static Table table() {
    Table table =
        Table.of(
            Table.left("format"),
            Table.right("bits"),
            Table.left("layout"),
            Table.right("largest"),
            Table.right("smallest"),
            Table.right("octaves"),
            Table.right("error"));
    for (NumericFormat format : Formats.all()) {
      Limits limits = format.limits();
      table =
          table.row(
              format.name(),
              Integer.toString(format.width()),
              layout(format),
              brief(limits.maxFinite()),
              brief(limits.minPositive()),
              String.format(Locale.ROOT, "%.1f", limits.octaves()),
              error(format));
    }
    return table
        .footnote("layout: bits of sign, exponent and significand; error: the largest relative")
        .footnote("one between normal neighbours. narrow formats NAME tells more of each.");
  }

  /** The same facts as plain numbers. */
  static Table forMachines() {
    Table table =
        Table.of(
            Stream.of(
                    "format",
                    "bits",
                    "layout",
                    "maxFinite",
                    "minNormal",
                    "minPositive",
                    "epsilon",
                    "octaves",
                    "worstRelativeError")
                .map(Table::left)
                .toArray(Table.Column[]::new));
    for (NumericFormat format : Formats.all()) {
      Limits limits = format.limits();
      table =
          table.row(
              format.name(),
              Integer.toString(format.width()),
              layout(format),
              Double.toString(limits.maxFinite()),
              Double.toString(limits.minNormal()),
              Double.toString(limits.minPositive()),
              Double.toString(limits.epsilon()),
              Double.toString(limits.octaves()),
              Double.toString(worstRelativeError(format)));
    }
    return table;
  }

  private static String layout(NumericFormat format) {
    return switch (format) {
      case FloatFormat f ->
          (f.signed() ? "1-" : "0-")
              + (f.width() - f.precision() + (f.signed() ? 0 : 1))
              + "-"
              + (f.precision() - 1);
      case LogFormat f -> "1-" + (f.width() - 1) + " log";
      case PositFormat f -> "posit, es " + f.exponentBits();
      case FixedFormat f ->
          (f.signed() ? "signed" : "unsigned")
              + (f.fractionBits() == 0 ? "" : " / 2^" + f.fractionBits());
      case TableFormat f -> f.values().size() + " values";
    };
  }

  private static String error(NumericFormat format) {
    double error = worstRelativeError(format);
    return Double.isNaN(error) ? "–" : String.format(Locale.ROOT, "%.2g %%", 100 * error);
  }

  /** The largest |x - nearest| / |x| between normal neighbours; NaN where it depends on x. */
  static double worstRelativeError(NumericFormat format) {
    return switch (format) {
      case FloatFormat f -> 1 / (Math.scalb(2.0, f.precision() - 1) + 1);
      case LogFormat f -> Math.pow(2, 0.5 / f.gamma()) - 1;
      case PositFormat _, FixedFormat _, TableFormat _ -> Double.NaN;
    };
  }

  /** With four digits or so. */
  private static String brief(double value) {
    BigDecimal digits = new BigDecimal(value).round(new MathContext(4)).stripTrailingZeros();
    return value >= 1e-3 && value < 1e6
        ? value == Math.rint(value)
            ? String.format(Locale.ROOT, "%.0f", value)
            : digits.toPlainString()
        : String.format(Locale.ROOT, "%.3e", value)
            .replaceFirst("e([+-])0?", "e$1")
            .replace("e+", "e");
  }
}
