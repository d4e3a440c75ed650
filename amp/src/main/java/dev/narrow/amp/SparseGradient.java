package dev.narrow.amp;

import dev.narrow.quant.Floats;
import dev.narrow.quant.Tensor;
import java.util.Arrays;

/**
 * The gradient of a matrix of which few rows were used, such as an embedding: the numbers of these
 * rows and their gradients. A row may be listed several times, its gradient being the sum.
 * Unscaling adds such rows up, in the order they are listed, before it checks what is finite: on
 * the host, to which the values of a device are copied for it.
 *
 * <p>Not safe for use by several threads at once.
 */
public final class SparseGradient implements Gradients.Part {
  private final String name;
  private final int[] rows;
  private final Tensor values;
  private final int width;
  private final int[] table; // of listed rows by hash, plus one; 0 is empty
  private int count;

  private SparseGradient(String name, int[] rows, Tensor values) {
    this.name = name;
    this.rows = rows;
    this.values = values;
    this.width = values.shape().dim(1);
    this.table = new int[Integer.highestOneBit(Math.max(rows.length, 1)) * 4];
    this.count = rows.length;
  }

  /**
   * A gradient over the numbers of rows and their values: both are seen where they are, and may be
   * filled anew before each backward pass.
   *
   * @param name what to call it when it overflows
   * @param rows the number of each row, 0 or more
   * @param values fp32, [rows.length, columns of the matrix]
   * @throws IllegalArgumentException if the shape or the format does not fit
   */
  public static SparseGradient of(String name, int[] rows, Tensor values) {
    if (values.shape().rank() != 2 || values.shape().dim(0) != rows.length) {
      throw new IllegalArgumentException(
          name
              + " has shape "
              + values.shape()
              + ", expected a matrix with a row for each of the "
              + rows.length
              + " numbers of rows");
    }
    if (!values.isFp32()) {
      throw new IllegalArgumentException(
          name + " = " + values + " with scales " + values.scales() + ", expected fp32 unscaled");
    }
    return new SparseGradient(name, rows, values);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Tensor values() {
    return values;
  }

  /**
   * How many rows there are, each of them once: after unscaling the first so many rows of values
   * and numbers count. The values behind them are zero, so that adding them as well changes
   * nothing.
   */
  public int count() {
    return count;
  }

  /** Where an element of the values lies in the matrix, row-major. */
  long element(int at) {
    return (long) rows[at / width] * width + at % width;
  }

  /**
   * Adds up the values of rows that are listed several times.
   *
   * @return whether there are such rows
   */
  boolean coalesce() {
    Floats floats = Floats.of(values, name);
    count = merge(floats.array(), floats.offset());
    if (count == rows.length) {
      return false;
    }
    Arrays.fill(rows, count, rows.length, rows[0]);
    int end = floats.offset() + rows.length * width;
    Arrays.fill(floats.array(), floats.offset() + count * width, end, 0);
    floats.writeBack(values);
    return true;
  }

  /**
   * Checks the numbers of the rows.
   *
   * @throws IllegalArgumentException if one is negative
   */
  void requireRows() {
    for (int i = 0; i < rows.length; i++) {
      if (rows[i] < 0) {
        throw new IllegalArgumentException(
            name + ": rows[" + i + "] = " + rows[i] + ", expected 0 or more");
      }
    }
  }

  /** Moves the first mention of each row to the front, and adds the others to it. */
  private int merge(float[] x, int offset) {
    Arrays.fill(table, 0);
    int kept = 0;
    for (int i = 0; i < rows.length; i++) {
      int slot = rows[i] * 0x9E3779B9 & table.length - 1;
      while (table[slot] != 0 && rows[table[slot] - 1] != rows[i]) {
        slot = slot + 1 & table.length - 1;
      }
      int from = offset + i * width;
      if (table[slot] != 0) {
        int to = offset + (table[slot] - 1) * width;
        for (int j = 0; j < width; j++) {
          x[to + j] += x[from + j];
        }
        continue;
      }
      if (kept < i) {
        rows[kept] = rows[i];
        System.arraycopy(x, from, x, offset + kept * width, width);
      }
      table[slot] = ++kept;
    }
    return kept;
  }
}
