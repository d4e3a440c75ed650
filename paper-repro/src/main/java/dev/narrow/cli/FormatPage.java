package dev.narrow.cli;

import dev.narrow.formats.FixedFormat;
import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Formats;
import dev.narrow.formats.Limits;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.PositFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Saturation;
import dev.narrow.formats.TableFormat;
import dev.narrow.repro.report.Table;
import dev.narrow.repro.report.TerminalTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What there is to know about one format, for a terminal of 80 columns. */
final class FormatPage {
  private static final int COLUMNS = 80;
  private static final String BOLD = "\u001b[1m";
  private static final String RESET = "\u001b[0m";

  private final NumericFormat format;
  private final Codes codes;
  private final boolean colour;

  private FormatPage(NumericFormat format, boolean colour) {
    this.format = format;
    this.codes = new Codes(format);
    this.colour = colour;
  }

  static String render(NumericFormat format, boolean colour) {
    return new FormatPage(format, colour).text();
  }

  private String text() {
    StringBuilder out = new StringBuilder();
    Formats.remark(format).ifPresent(remark -> out.append(remark).append("\n\n"));
    out.append(colour ? BOLD + format.name() + RESET : format.name())
        .append(", ")
        .append(layout(format))
        .append("\n\n")
        .append(TerminalTable.render(limits(), colour))
        .append('\n');
    facts().forEach(fact -> out.append(paragraph(fact.getKey(), fact.getValue())));
    out.append('\n')
        .append(OctavePlot.render(format, colour))
        .append('\n')
        .append(TerminalTable.render(ValueTable.forReading(format), colour));
    return out.toString()
        .lines()
        .map(line -> line.stripTrailing() + "\n")
        .collect(Collectors.joining());
  }

  /** Width, fields and parameters in a line. */
  static String layout(NumericFormat format) {
    return format.width()
        + " bits: "
        + switch (format) {
          case FloatFormat f -> {
            int exponentBits = f.width() - f.precision() + (f.signed() ? 0 : 1);
            yield (f.signed() ? "sign, " : "no sign, ")
                + exponentBits
                + " exponent (bias "
                + f.bias()
                + "), "
                + (f.precision() - 1)
                + " significand";
          }
          case LogFormat f ->
              "sign, "
                  + (f.width() - 1)
                  + " magnitude m for 2^((m - "
                  + f.bias()
                  + ") / "
                  + f.gamma()
                  + ")";
          case PositFormat f -> "sign, regime, " + f.exponentBits() + " exponent, fraction";
          case FixedFormat f ->
              (f.signed() ? "two's complement integer" : "unsigned integer")
                  + (f.fractionBits() == 0 ? "" : " × 2^" + -f.fractionBits());
          case TableFormat f -> "index into " + f.values().size() + " values";
        };
  }

  /** The ends of the range as the tables of the specifications have them. */
  private Table limits() {
    Table table =
        Table.of(
            Table.left("limit"),
            Table.right("value"),
            Table.right("exactly"),
            Table.right("code"),
            ValueTable.BITS);
    Limits limits = format.limits();
    int largest = encode(limits.maxFinite());
    boolean isFloat = format instanceof FloatFormat;
    table = row(table, isFloat ? "max normal" : "largest", largest);
    int zero = format.encode(0.0, clamping());
    int smallest = codes.kind(zero) == Codes.Kind.ZERO ? format.nextUp(zero) : 0;
    if (format instanceof FloatFormat f) {
      int minNormal = f.subnormals() ? 1 << (f.precision() - 1) : smallest;
      table = row(table, "min normal", minNormal);
      if (codes.kind(smallest) == Codes.Kind.SUBNORMAL) {
        table = row(table, "max subnormal", format.nextDown(minNormal));
        table = row(table, "min subnormal", smallest);
      }
    } else {
      table = row(table, "smallest", smallest);
    }
    int lowest = format.encode(Double.NEGATIVE_INFINITY, clamping());
    if (format.decodeDouble(lowest) < -format.decodeDouble(largest)) {
      table = row(table, "most negative", lowest);
    }
    return ValueTable.withoutLongBits(table, format);
  }

  private Table row(Table table, String name, int code) {
    return table.row(
        name, codes.decimal(code), codes.exactly(code), codes.hex(code), codes.unsignedBits(code));
  }

  private int encode(double value) {
    return format.encode(value, clamping());
  }

  private Projection clamping() {
    return format.defaultProjection().with(Saturation.OCP_SAT);
  }

  private List<Map.Entry<String, String>> facts() {
    Limits limits = format.limits();
    List<Map.Entry<String, String>> facts = new ArrayList<>();
    facts.add(Map.entry("zero", zeros()));
    facts.add(Map.entry("infinities", specials(Codes.Kind.INFINITY)));
    facts.add(Map.entry("NaN", specials(Codes.Kind.NAN)));
    if (format.width() <= ValueTable.CSV_WIDTH) {
      facts.add(Map.entry("finite values", finiteValues() + " distinct"));
    }
    facts.add(
        Map.entry(
            "epsilon",
            Double.isNaN(limits.epsilon())
                ? "none: 1 has no value after it"
                : Codes.decimal(limits.epsilon())));
    double error = FormatList.worstRelativeError(format);
    if (!Double.isNaN(error)) {
      facts.add(
          Map.entry("relative error", String.format(Locale.ROOT, "%.2g %% at worst", 100 * error)));
    }
    facts.add(
        Map.entry(
            "dynamic range",
            String.format(
                Locale.ROOT, "%.2f octaves, %.1f dB", limits.octaves(), limits.decibels())));
    facts.add(Map.entry("by default", defaults()));
    if (!Formats.aliases(format).isEmpty()) {
      facts.add(Map.entry("also called", String.join(", ", Formats.aliases(format))));
    }
    facts.add(Map.entry("defined in", Definitions.of(format)));
    return facts;
  }

  private String zeros() {
    int positive = format.encode(0.0, format.defaultProjection());
    if (codes.kind(positive) != Codes.Kind.ZERO) {
      return "none";
    }
    if (format instanceof TableFormat && !named(Codes.Kind.ZERO).equals(codes.hex(positive))) {
      return named(Codes.Kind.ZERO); // encoding yields the first of them alone
    }
    int negative = format.encode(-0.0, format.defaultProjection());
    return codes.hex(positive)
        + (negative == positive ? "; no -0" : "; -0 is " + codes.hex(negative));
  }

  private String specials(Codes.Kind kind) {
    if (format.width() > ValueTable.CSV_WIDTH) {
      int code =
          format.encode(
              kind == Codes.Kind.NAN ? Double.NaN : Double.POSITIVE_INFINITY,
              format.defaultProjection());
      return codes.kind(code) == kind ? "yes, " + codes.hex(code) + " for example" : "none";
    }
    return named(kind);
  }

  /** All codes of a kind. */
  private String named(Codes.Kind kind) {
    List<Integer> found =
        IntStream.range(0, 1 << format.width()).filter(c -> codes.kind(c) == kind).boxed().toList();
    if (found.isEmpty()) {
      return "none";
    }
    String first = codes.hex(found.getFirst());
    String last = codes.hex(found.getLast());
    return switch (found.size()) {
      case 1 -> first;
      case 2 -> first + ", " + last;
      default -> ranges(found);
    };
  }

  /** Codes as ranges: {@code 0x7D-0x7F, 0xFD-0xFF: 6 codes}. */
  private String ranges(List<Integer> found) {
    List<String> ranges = new ArrayList<>();
    int from = found.getFirst();
    for (int i = 0; i < found.size(); i++) {
      int code = found.get(i);
      if (i + 1 == found.size() || found.get(i + 1) != code + 1) {
        ranges.add(from == code ? codes.hex(code) : codes.hex(from) + "-" + codes.hex(code));
        from = i + 1 == found.size() ? code : found.get(i + 1);
      }
    }
    return String.join(", ", ranges) + ": " + found.size() + " codes";
  }

  private long finiteValues() {
    IntStream finite =
        IntStream.range(0, 1 << format.width())
            .filter(code -> !format.isNan(code) && !format.isInfinite(code));
    if (format instanceof LogFormat) {
      return finite.count(); // each code another, some beyond float64
    }
    return finite
        .mapToDouble(format::decodeDouble)
        .map(value -> value + 0.0) // -0 is 0
        .distinct()
        .count();
  }

  private String defaults() {
    Projection projection = format.defaultProjection();
    String preset =
        Saturation.presets().entrySet().stream()
            .filter(entry -> entry.getValue().equals(projection.saturation()))
            .map(entry -> ", " + entry.getKey())
            .findFirst()
            .orElse("");
    return projection.rounding()
        + preset
        + " ("
        + (Double.isInfinite(format.limits().maxFinite())
            ? ""
            : "overflow → " + becomes(Double.MAX_VALUE) + ", ")
        + "infinity → "
        + becomes(Double.POSITIVE_INFINITY)
        + ", NaN → "
        + becomes(Double.NaN)
        + ")";
  }

  private String becomes(double x) {
    int code = format.encode(x, format.defaultProjection());
    return switch (codes.kind(code)) {
      case NAN -> "NaN";
      case INFINITY -> "infinity";
      default -> code == encode(Double.POSITIVE_INFINITY) ? "the largest" : codes.decimal(code);
    };
  }

  /** A fact behind its name, on as many lines as it takes. */
  private static String paragraph(String name, String text) {
    int indent = 17;
    StringBuilder out = new StringBuilder(String.format(Locale.ROOT, "%-" + indent + "s", name));
    int column = indent;
    for (String word : text.split(" ", -1)) {
      if (column > indent && column + 1 + word.length() > COLUMNS) {
        out.append('\n').append(" ".repeat(indent));
        column = indent;
      } else if (column > indent) {
        out.append(' ');
        column++;
      }
      out.append(word);
      column += word.length();
    }
    return out.append('\n').toString();
  }
}
