package dev.narrow.quant.files;

import dev.narrow.formats.CodeLayout;
import dev.narrow.formats.Codec;
import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.PackedCodes;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A code of a format; those of fewer than 8 bits lie without gaps, as {@link CodeLayout#PACKED}
 * says, others in 1, 2 or 4 bytes each.
 */
record CodeElement(NumericFormat format, Codec codec) implements Element {
  /** So many packed codes begin and end at whole bytes, whatever their width. */
  private static final int PACK = 8;

  static CodeElement of(NumericFormat format) {
    return new CodeElement(format, Codec.of(format, format.defaultProjection()));
  }

  @Override
  public int width() {
    return format.width();
  }

  private boolean isPacked() {
    return width() < Byte.SIZE;
  }

  @Override
  public float[] read(MemorySegment bytes, ByteOrder order, long from, float[] dst) {
    if (format.equals(Formats.FP32)) {
      ValueLayout.OfFloat layout = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(order);
      MemorySegment.copy(bytes, layout, from * Float.BYTES, dst, 0, dst.length);
    } else if (isPacked()) {
      int head = Math.min(Math.floorMod(-from, PACK), dst.length);
      for (int i = 0; i < head; i++) {
        dst[i] = format.decode(code(bytes, from + i));
      }
      decode(bytes.asSlice((from + head) * width() / Byte.SIZE), CodeLayout.PACKED, dst, head);
    } else {
      decode(bytes.asSlice(from * Tensor.bytesPerCode(format)), CodeLayout.of(order), dst, 0);
    }
    return dst;
  }

  private void decode(MemorySegment codes, CodeLayout layout, float[] dst, int to) {
    MemorySegment numbers = MemorySegment.ofArray(dst).asSlice((long) to * Float.BYTES);
    codec.decode(codes, layout, numbers, ValueLayout.JAVA_FLOAT, dst.length - to);
  }

  /** One packed code, in one or two bytes. */
  private int code(MemorySegment packed, long index) {
    long bit = index * width();
    int shift = (int) (bit % Byte.SIZE);
    int code = Byte.toUnsignedInt(packed.get(ValueLayout.JAVA_BYTE, bit / Byte.SIZE)) >>> shift;
    if (shift + width() > Byte.SIZE) {
      int next = Byte.toUnsignedInt(packed.get(ValueLayout.JAVA_BYTE, bit / Byte.SIZE + 1));
      code |= next << (Byte.SIZE - shift);
    }
    return code & ((1 << width()) - 1);
  }

  @Override
  public Tensor tensor(MemorySegment bytes, ByteOrder order, Shape shape) {
    if (isPacked()) {
      byte[] codes = new byte[shape.size()];
      PackedCodes.unpack(bytes, width(), codes, 0, codes.length);
      return Tensor.of(Storage.of(codes), shape, format, Scales.one());
    }
    if (width() > Byte.SIZE && order != ByteOrder.nativeOrder()) {
      return Element.super.tensor(bytes, order, shape);
    }
    return Tensor.of(Storage.of(bytes), shape, format, Scales.one());
  }
}
