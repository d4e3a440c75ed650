package dev.narrow.kernels;

import java.util.Objects;

/**
 * A matrix in an array: element (i, j) lies at {@code offset + i rowStride + j columnStride}. A
 * transposition exchanges the strides and moves nothing.
 */
@SuppressWarnings("ArrayRecordComponent") // a view, never compared
record Matrix(float[] array, int offset, int rows, int columns, int rowStride, int columnStride) {
  Matrix {
    if (rows > 0 && columns > 0) {
      long last = (rows - 1L) * rowStride + (columns - 1L) * columnStride;
      Objects.checkIndex(offset, array.length);
      Objects.checkIndex(offset + last, (long) array.length);
    }
  }

  /** Rows one after another, {@code rowStride} apart. */
  static Matrix rowMajor(float[] array, int offset, int rows, int columns, int rowStride) {
    return new Matrix(array, offset, rows, columns, rowStride, 1);
  }

  float at(int i, int j) {
    return array[offset + i * rowStride + j * columnStride];
  }

  Matrix transposed() {
    return new Matrix(array, offset, columns, rows, columnStride, rowStride);
  }

  Matrix rowRange(int from, int to) {
    return new Matrix(
        array, offset + from * rowStride, to - from, columns, rowStride, columnStride);
  }

  Matrix columnRange(int from, int to) {
    return new Matrix(
        array, offset + from * columnStride, rows, to - from, rowStride, columnStride);
  }
}
