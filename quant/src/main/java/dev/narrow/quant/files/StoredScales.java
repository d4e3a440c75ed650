package dev.narrow.quant.files;

import dev.narrow.formats.CodeLayout;
import dev.narrow.formats.Codec;
import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Reads the numbers of scales from their bytes in a file. */
final class StoredScales {
  private StoredScales() {}

  /** All numbers of a tensor that holds codes of a format, each in whole bytes. */
  static float[] values(NumericFormat format, MemorySegment bytes) {
    float[] values = new float[(int) (bytes.byteSize() / Tensor.bytesPerCode(format))];
    if (format.equals(Formats.FP32)) {
      ValueLayout.OfFloat layout =
          ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
      MemorySegment.copy(bytes, layout, 0, values, 0, values.length);
    } else {
      MemorySegment numbers = MemorySegment.ofArray(values);
      Codec.of(format, format.defaultProjection())
          .decode(bytes, CodeLayout.LITTLE_ENDIAN, numbers, ValueLayout.JAVA_FLOAT, values.length);
    }
    return values;
  }

  /** All integers of a tensor of I32. */
  static int[] integers(MemorySegment bytes) {
    int[] values = new int[(int) (bytes.byteSize() / Integer.BYTES)];
    ValueLayout.OfInt layout = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    MemorySegment.copy(bytes, layout, 0, values, 0, values.length);
    return values;
  }
}
