package dev.narrow.kernels;

import dev.narrow.formats.LogFormat;
import java.util.Objects;

/**
 * A matrix of codes of a logarithmic format in an array: element (i, j) lies at {@code offset + i
 * rowStride + j columnStride}.
 */
@SuppressWarnings("ArrayRecordComponent") // a view, never compared
record CodeMatrix(
    LogFormat format,
    int[] codes,
    int offset,
    int rows,
    int columns,
    int rowStride,
    int columnStride) {

  CodeMatrix {
    if (rows > 0 && columns > 0) {
      long last = (rows - 1L) * rowStride + (columns - 1L) * columnStride;
      Objects.checkIndex(offset, codes.length);
      Objects.checkIndex(offset + last, (long) codes.length);
    }
  }

  CodeMatrix rowRange(int from, int to) {
    return new CodeMatrix(
        format, codes, offset + from * rowStride, to - from, columns, rowStride, columnStride);
  }

  CodeMatrix columnRange(int from, int to) {
    return new CodeMatrix(
        format, codes, offset + from * columnStride, rows, to - from, rowStride, columnStride);
  }
}
