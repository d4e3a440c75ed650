package dev.narrow.quant.files;

import static dev.narrow.quant.files.GgufPlain.INT;
import static dev.narrow.quant.files.GgufPlain.LONG;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A place in a file, from which numbers and strings are read that must not reach over its end. */
final class GgufCursor {
  /** The longest key that the GGUF specification allows; tensors' names are shorter. */
  static final int MOST_NAME_BYTES = 0xFFFF;

  private final Path file;
  private final MemorySegment bytes;
  private long at;

  GgufCursor(Path file, MemorySegment bytes) {
    this.file = file;
    this.bytes = bytes;
  }

  long at() {
    return at;
  }

  long remaining() {
    return bytes.byteSize() - at;
  }

  TensorFileException error(String field, long offset, String problem) {
    return new TensorFileException(file, field, offset, problem);
  }

  /** The place of the next n bytes; the cursor goes behind them. */
  long take(String field, long n) {
    if (n > remaining()) {
      String has = "the file has " + bytes.byteSize() + " bytes";
      throw error(field, at, "needs " + n + " bytes, expected at most " + remaining() + ": " + has);
    }
    long start = at;
    at += n;
    return start;
  }

  int int8(String field) {
    return bytes.get(JAVA_BYTE, take(field, 1));
  }

  int int16(String field) {
    return bytes.get(GgufPlain.SHORT, take(field, 2));
  }

  int int32(String field) {
    return bytes.get(INT, take(field, 4));
  }

  long int64(String field) {
    return bytes.get(LONG, take(field, 8));
  }

  /**
   * A count of things that come later in the file.
   *
   * @param leastBytes that each of them takes there
   * @param limit of the count itself
   */
  long count(String field, int leastBytes, long limit) {
    long start = at;
    long count = int64(field);
    long room = remaining() / leastBytes;
    if (count < 0 || count > Math.min(room, limit)) {
      String after = room < limit ? ": the file has " + remaining() + " bytes after it" : "";
      String problem = "is " + Long.toUnsignedString(count) + ", expected at most ";
      throw error(field, start, problem + Math.min(room, limit) + after);
    }
    return count;
  }

  /** The length of a string in bytes. */
  private long length(String field) {
    return count(field, 1, Long.MAX_VALUE);
  }

  /** A key or a name, which must be UTF-8. */
  String name(String field) {
    long start = at;
    long length = length(field);
    if (length > MOST_NAME_BYTES) {
      throw error(field, start, "has " + length + " bytes, expected at most " + MOST_NAME_BYTES);
    }
    byte[] text = bytes.asSlice(take(field, length), length).toArray(JAVA_BYTE);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(text)).toString();
    } catch (CharacterCodingException e) {
      throw error(field, start + Long.BYTES, "is not UTF-8");
    }
  }

  void skipString(String field) {
    take(field, length(field));
  }

  /** A string whose end is left out if it is longer than so many bytes. */
  String text(String field, int mostBytes) {
    long length = length(field);
    long start = take(field, length);
    int shown = (int) Math.min(length, mostBytes);
    String text =
        new String(bytes.asSlice(start, shown).toArray(JAVA_BYTE), StandardCharsets.UTF_8);
    return shown < length ? text + "... (" + length + " bytes)" : text;
  }
}
