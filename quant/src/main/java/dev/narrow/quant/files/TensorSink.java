package dev.narrow.quant.files;

import dev.narrow.formats.CodeLayout;
import dev.narrow.formats.PackedCodes;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Takes the elements of one tensor on their way into a file. */
public final class TensorSink {
  /** Bytes that pass through an array at a time; a multiple of all widths of packed codes. */
  private static final int BLOCK = 3 << 16;

  private final OutputStream out;
  private final TensorInfo tensor;
  private final int bits;
  private long left; // bytes

  TensorSink(OutputStream out, TensorInfo tensor) {
    this.out = out;
    this.tensor = tensor;
    bits = SafetensorsType.parse(tensor.dtype()).bits();
    left = tensor.bytes();
  }

  /**
   * Writes the next bytes.
   *
   * @param bytes as they shall lie in the file: little-endian
   * @throws IllegalStateException if they are more than the tensor has
   * @throws IOException if the file cannot be written
   */
  public void write(MemorySegment bytes) throws IOException {
    take(bytes.byteSize());
    byte[] block = new byte[(int) Math.min(BLOCK, bytes.byteSize())];
    for (long at = 0; at < bytes.byteSize(); at += BLOCK) {
      int n = (int) Math.min(BLOCK, bytes.byteSize() - at);
      MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, at, block, 0, n);
      out.write(block, 0, n);
    }
  }

  /**
   * Writes the next codes: all those of a tensor, whatever its shape, without its scales.
   *
   * @param codes in a format of the width of the dtype, or one byte each for a dtype of 8 bits
   * @throws IllegalArgumentException if the dtype is of another width, or codes of fewer than 8
   *     bits do not fill whole bytes
   * @throws IllegalStateException if they are more than the tensor has
   * @throws IOException if the file cannot be written
   */
  public void write(Tensor codes) throws IOException {
    int bytesPerCode = Tensor.bytesPerCode(codes.format());
    MemorySegment segment = codes.storage().segment();
    if (bits == bytesPerCode * Byte.SIZE) {
      write(littleEndian(segment, bytesPerCode));
    } else if (bits == codes.format().width() && codes.shape().size() * (long) bits % 8 == 0) {
      pack(segment);
    } else {
      throw new IllegalArgumentException(
          "codes = " + codes + ", expected whole bytes of " + bits + " bits each for " + tensor);
    }
  }

  private void pack(MemorySegment codes) throws IOException {
    byte[] some = new byte[(int) Math.min(BLOCK, codes.byteSize())];
    for (long at = 0; at < codes.byteSize(); at += BLOCK) {
      int n = (int) Math.min(BLOCK, codes.byteSize() - at);
      MemorySegment.copy(codes, ValueLayout.JAVA_BYTE, at, some, 0, n);
      byte[] packed = new byte[(int) CodeLayout.PACKED.byteSize(bits, n)];
      PackedCodes.pack(some, 0, MemorySegment.ofArray(packed), bits, n);
      write(MemorySegment.ofArray(packed));
    }
  }

  private static MemorySegment littleEndian(MemorySegment codes, int bytesPerCode) {
    if (bytesPerCode == 1 || ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN) {
      return codes;
    }
    byte[] bytes = codes.toArray(ValueLayout.JAVA_BYTE);
    for (int at = 0; at < bytes.length; at += bytesPerCode) {
      for (int i = 0; i < bytesPerCode / 2; i++) {
        byte first = bytes[at + i];
        bytes[at + i] = bytes[at + bytesPerCode - 1 - i];
        bytes[at + bytesPerCode - 1 - i] = first;
      }
    }
    return MemorySegment.ofArray(bytes);
  }

  private void take(long n) {
    if (n > left) {
      throw new IllegalStateException(
          n + " bytes more, expected at most " + left + " for " + tensor);
    }
    left -= n;
  }

  /** Checks that the tensor is whole. */
  void finish() {
    if (left > 0) {
      throw new IllegalStateException(left + " bytes are missing, expected " + tensor);
    }
  }
}
