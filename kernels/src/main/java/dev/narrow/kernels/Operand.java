package dev.narrow.kernels;

import dev.narrow.quant.TensorReader;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A matrix whose elements are floats in an array, or else codes, which are decoded in runs while
 * they are packed. Element (i, j) lies at {@code offset + i rowStride + j columnStride}; where
 * there are codes, one of the strides is 1.
 */
@SuppressWarnings("ArrayRecordComponent") // a view, never compared
record Operand(
    float @Nullable [] array,
    @Nullable TensorReader codes,
    int offset,
    int rows,
    int columns,
    int rowStride,
    int columnStride) {

  static Operand of(Matrix matrix) {
    return new Operand(
        matrix.array(),
        null,
        matrix.offset(),
        matrix.rows(),
        matrix.columns(),
        matrix.rowStride(),
        matrix.columnStride());
  }

  Operand rowRange(int from, int to) {
    return new Operand(
        array, codes, offset + from * rowStride, to - from, columns, rowStride, columnStride);
  }

  Operand columnRange(int from, int to) {
    return new Operand(
        array, codes, offset + from * columnStride, rows, to - from, rowStride, columnStride);
  }

  Operand transposed() {
    return new Operand(array, codes, offset, columns, rows, columnStride, rowStride);
  }

  /** The only scale of the codes. */
  float scale() {
    return Objects.requireNonNull(codes).tensor().scales().get(0);
  }

  /** Decodes n elements from the one at a place on, of which each follows the last in memory. */
  void read(int place, int n, float[] to, int at) {
    Objects.requireNonNull(codes).read(place, n, to, at);
  }

  /**
   * The same as floats: itself, or decoded into the scratch array, which has room for all elements.
   */
  Matrix decoded(float[] scratch) {
    if (array != null) {
      return new Matrix(array, offset, rows, columns, rowStride, columnStride);
    }
    if (columnStride == 1) {
      if (rowStride == columns) {
        read(offset, rows * columns, scratch, 0);
        return Matrix.rowMajor(scratch, 0, rows, columns, columns);
      }
      for (int i = 0; i < rows; i++) {
        read(offset + i * rowStride, columns, scratch, i * columns);
      }
      return Matrix.rowMajor(scratch, 0, rows, columns, columns);
    }
    return transposed().decoded(scratch).transposed();
  }
}
