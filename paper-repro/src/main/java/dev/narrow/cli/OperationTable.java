package dev.narrow.cli;

import dev.narrow.formats.Arithmetic;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Operation;
import dev.narrow.repro.report.Table;
import java.util.ArrayList;
import java.util.List;

/** An operation on all codes of a format, rounded and saturated as the format does by default. */
final class OperationTable {
  private static final int MAX_BITS = 16;

  private OperationTable() {}

  /**
   * A row for each combination of operands: their codes, that of the result, and the values.
   *
   * @throws UsageException if there are more than 2^16
   */
  static Table of(NumericFormat format, Operation operation) {
    int operands = operation.operands();
    int bits = operands * format.width();
    if (bits > MAX_BITS) {
      throw new UsageException(
          operation
              + " takes 2^"
              + bits
              + " combinations of codes of "
              + format.name()
              + ", more than --op lists (2^"
              + MAX_BITS
              + ")");
    }
    Codes codes = new Codes(format);
    Arithmetic arithmetic = Arithmetic.of(format, format.defaultProjection());
    List<List<Table.Cell>> rows = new ArrayList<>();
    int[] taken = new int[operands];
    for (int row = 0; row < 1 << bits; row++) {
      List<Table.Cell> shown = new ArrayList<>();
      List<Table.Cell> values = new ArrayList<>();
      for (int i = 0; i < operands; i++) {
        int shift = (operands - 1 - i) * format.width();
        taken[i] = (row >>> shift) & (int) (codes.count() - 1);
        add(codes, taken[i], shown, values);
      }
      add(codes, operation.apply(arithmetic, taken), shown, values);
      shown.addAll(values);
      rows.add(shown);
    }
    return new Table(columns(operands), rows, List.of());
  }

  private static void add(Codes codes, int code, List<Table.Cell> shown, List<Table.Cell> values) {
    shown.add(Table.cell(codes.hex(code)));
    values.add(Table.cell(Double.toString(codes.format().decodeDouble(code))));
  }

  private static List<Table.Column> columns(int operands) {
    List<Table.Column> columns = new ArrayList<>();
    for (String suffix : List.of("", " value")) {
      for (String operand : List.of("a", "b", "c").subList(0, operands)) {
        columns.add(Table.right(operand + suffix));
      }
      columns.add(Table.right("result" + suffix));
    }
    return columns;
  }
}
