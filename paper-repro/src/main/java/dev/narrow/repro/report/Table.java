package dev.narrow.repro.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A table as a value; {@link TerminalTable}, {@link CsvTable} and {@link Report} render it.
 *
 * @param columns the columns, left to right, one at least
 * @param rows the rows, top to bottom, each with a cell for each column
 * @param footnotes lines below the table
 */
public record Table(List<Column> columns, List<List<Cell>> rows, List<String> footnotes) {

  /** Where a column's text stands: words to the left, figures to the right. */
  public enum Align {
    /** Flush left. */
    LEFT,
    /** Flush right. */
    RIGHT
  }

  /**
   * A column.
   *
   * @param header its header
   * @param align where its text stands
   */
  public record Column(String header, Align align) {}

  /**
   * A cell.
   *
   * @param text plain text; each renderer escapes it
   * @param tone how it is to be taken
   */
  public record Cell(String text, Tone tone) {}

  /**
   * Copies the lists.
   *
   * @throws IllegalArgumentException if there is no column, or a row has another number of cells
   */
  public Table {
    columns = List.copyOf(columns);
    rows = rows.stream().map(List::copyOf).toList();
    footnotes = List.copyOf(footnotes);
    if (columns.isEmpty()) {
      throw new IllegalArgumentException("columns is empty, expected 1 or more");
    }
    for (int i = 0; i < rows.size(); i++) {
      if (rows.get(i).size() != columns.size()) {
        throw new IllegalArgumentException(
            "rows[" + i + "] has " + rows.get(i).size() + " cells, expected " + columns.size());
      }
    }
  }

  /**
   * An empty table with these columns.
   *
   * @param columns left to right, one at least
   * @return the table
   */
  public static Table of(Column... columns) {
    return new Table(List.of(columns), List.of(), List.of());
  }

  /**
   * A column of words.
   *
   * @param header its header
   * @return the column
   */
  public static Column left(String header) {
    return new Column(header, Align.LEFT);
  }

  /**
   * A column of figures.
   *
   * @param header its header
   * @return the column
   */
  public static Column right(String header) {
    return new Column(header, Align.RIGHT);
  }

  /**
   * A neutral cell.
   *
   * @param text plain text
   * @return the cell
   */
  public static Cell cell(String text) {
    return new Cell(text, Tone.NEUTRAL);
  }

  /**
   * A cell with a tone.
   *
   * @param text plain text
   * @param tone how it is to be taken
   * @return the cell
   */
  public static Cell cell(String text, Tone tone) {
    return new Cell(text, tone);
  }

  /**
   * This table and one more row.
   *
   * @param cells one for each column
   * @return the longer table
   */
  public Table row(Cell... cells) {
    List<List<Cell>> more = new ArrayList<>(rows);
    more.add(List.of(cells));
    return new Table(columns, more, footnotes);
  }

  /**
   * This table and one more row of neutral cells.
   *
   * @param texts one for each column
   * @return the longer table
   */
  public Table row(String... texts) {
    return row(Arrays.stream(texts).map(Table::cell).toArray(Cell[]::new));
  }

  /**
   * This table and one more line below it.
   *
   * @param text plain text
   * @return the longer table
   */
  public Table footnote(String text) {
    List<String> more = new ArrayList<>(footnotes);
    more.add(text);
    return new Table(columns, rows, more);
  }
}
