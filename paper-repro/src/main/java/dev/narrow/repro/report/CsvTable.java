package dev.narrow.repro.report;

import dev.narrow.repro.report.Table.Cell;
import dev.narrow.repro.report.Table.Column;
import java.util.List;
import java.util.stream.Collectors;

/** A table as comma-separated values (RFC 4180), headers first, without footnotes. */
public final class CsvTable {

  private CsvTable() {}

  /**
   * The records, each ended by CR LF as section 2 of the RFC has it.
   *
   * @param table what to render
   * @return the text
   */
  public static String render(Table table) {
    StringBuilder out = new StringBuilder();
    out.append(line(table.columns().stream().map(Column::header).toList()));
    for (List<Cell> row : table.rows()) {
      out.append(line(row.stream().map(Cell::text).toList()));
    }
    return out.toString();
  }

  private static String line(List<String> fields) {
    return fields.stream().map(CsvTable::field).collect(Collectors.joining(",", "", "\r\n"));
  }

  private static String field(String text) {
    // A lone empty field is quoted too: bare, it would read back as a blank line.
    return text.isEmpty() || text.chars().anyMatch(c -> ",\"\r\n".indexOf(c) >= 0)
        ? '"' + text.replace("\"", "\"\"") + '"'
        : text;
  }
}
