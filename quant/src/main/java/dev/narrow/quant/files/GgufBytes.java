package dev.narrow.quant.files;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Pieces of the header of a GGUF file on their way out, little-endian. */
final class GgufBytes {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteBuffer number = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);

  GgufBytes int32(int value) {
    number.putInt(0, value);
    out.write(number.array(), 0, Integer.BYTES);
    return this;
  }

  GgufBytes int64(long value) {
    number.putLong(0, value);
    out.write(number.array(), 0, Long.BYTES);
    return this;
  }

  /** Its length and its bytes. */
  GgufBytes string(byte[] text) {
    int64(text.length);
    out.writeBytes(text);
    return this;
  }

  byte[] toArray() {
    return out.toByteArray();
  }
}
