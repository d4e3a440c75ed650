package dev.narrow.kernels;

import dev.narrow.formats.LogFormat;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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

  /**
   * The codes of an operand that has some, of a logarithmic format.
   *
   * @param codes gets them, and has room for all
   */
  static CodeMatrix of(Operand operand, int[] codes) {
    Tensor tensor = Objects.requireNonNull(operand.codes()).tensor();
    MemorySegment segment = tensor.storage().segment();
    boolean bytes = Tensor.bytesPerCode(tensor.format()) == 1;
    for (int i = 0, to = 0; i < operand.rows(); i++) {
      for (int j = 0; j < operand.columns(); j++, to++) {
        long place =
            operand.offset() + (long) i * operand.rowStride() + (long) j * operand.columnStride();
        codes[to] =
            bytes
                ? segment.get(ValueLayout.JAVA_BYTE, place) & 0xff
                : segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * place) & 0xffff;
      }
    }
    int columns = operand.columns();
    LogFormat format = (LogFormat) tensor.format();
    return new CodeMatrix(format, codes, 0, operand.rows(), columns, columns, 1);
  }
}
