package dev.narrow.cli;

import dev.narrow.formats.Limits;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.repro.report.Table;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** Codes and what they stand for. */
final class ValueTable {
  /** Codes of more bits are too many to list. */
  static final int CSV_WIDTH = 16;

  private static final int READING_WIDTH = 8;

  static final Table.Column BITS = Table.left("bits");
  private static final int BITS_WIDTH = 19;

  private static final List<Table.Column> COLUMNS =
      List.of(
          Table.right("code"),
          BITS,
          Table.right("value"),
          Table.right("exactly"),
          Table.left("class"));

  private ValueTable() {}

  /**
   * Every code, a number and its negative in one row; or of a format of more than eight bits those
   * around the interesting places, positive ones alone.
   */
  static Table forReading(NumericFormat format) {
    return format.width() <= READING_WIDTH ? all(format) : excerpt(format);
  }

  private static Table all(NumericFormat format) {
    Codes codes = new Codes(format);
    Set<Integer> negatives = new HashSet<>();
    List<List<Table.Cell>> rows = new ArrayList<>();
    for (int code = 0; code < 1 << format.width(); code++) {
      if (!negatives.contains(code)) {
        OptionalInt negative = codes.negative(code);
        negative.ifPresent(negatives::add);
        List<Table.Cell> row = new ArrayList<>(row(codes, code));
        row.add(1, Table.cell(negative.isPresent() ? codes.hex(negative.getAsInt()) : ""));
        rows.add(row);
      }
    }
    List<Table.Column> columns = new ArrayList<>(COLUMNS);
    columns.add(1, Table.right("negative"));
    return new Table(columns, rows, List.of());
  }

  private static Table excerpt(NumericFormat format) {
    Codes codes = new Codes(format);
    List<List<Table.Cell>> rows = new ArrayList<>();
    int last = -1;
    for (int code : interesting(format)) {
      if (code != last + 1) {
        rows.add(Stream.of("...", "", "", "", "").map(Table::cell).toList());
      }
      last = code;
      rows.add(row(codes, code));
    }
    return withoutLongBits(new Table(COLUMNS, rows, List.of()), format);
  }

  /** The table as it is, or without its column of bits where it would be too wide. */
  static Table withoutLongBits(Table table, NumericFormat format) {
    if (format.width() <= BITS_WIDTH) {
      return table;
    }
    int bits = table.columns().indexOf(BITS);
    return new Table(
        without(table.columns(), bits),
        table.rows().stream().map(row -> without(row, bits)).toList(),
        table.footnotes());
  }

  private static <T> List<T> without(List<T> list, int index) {
    List<T> rest = new ArrayList<>(list);
    rest.remove(index);
    return rest;
  }

  private static List<Table.Cell> row(Codes codes, int code) {
    Codes.Kind kind = codes.kind(code);
    return List.of(
        Table.cell(codes.hex(code)),
        Table.cell(codes.unsignedBits(code)),
        Table.cell(codes.decimal(code)),
        Table.cell(codes.exactly(code)),
        Table.cell(kind.toString(), kind.tone()));
  }

  /** Codes near zero, the smallest, the smallest normal, one, the largest, and the special ones. */
  private static Collection<Integer> interesting(NumericFormat format) {
    Projection projection = format.defaultProjection();
    Limits limits = format.limits();
    TreeSet<Integer> places = new TreeSet<>(Integer::compareUnsigned);
    for (double value :
        new double[] {0, limits.minPositive(), limits.minNormal(), 1, limits.maxFinite()}) {
      int code = format.encode(value, projection);
      for (int near : new int[] {format.nextDown(code), code, format.nextUp(code)}) {
        if (Double.compare(format.decodeDouble(near), 0.0) >= 0) {
          places.add(near);
        }
      }
    }
    places.add(format.encode(Double.POSITIVE_INFINITY, projection));
    places.add(format.encode(Double.NaN, projection));
    return places;
  }

  /** Every code, for machines. */
  static Table forMachines(NumericFormat format) {
    Codes codes = new Codes(format);
    List<List<Table.Cell>> rows = new ArrayList<>();
    for (int code = 0; code < 1 << format.width(); code++) {
      rows.add(
          Stream.of(
                  codes.hex(code),
                  codes.bits(code),
                  Double.toString(format.decodeDouble(code)),
                  codes.exactly(code),
                  codes.kind(code).toString())
              .map(Table::cell)
              .toList());
    }
    return new Table(
        Stream.of("code", "bits", "value", "exactly", "class").map(Table::left).toList(),
        rows,
        List.of());
  }
}
