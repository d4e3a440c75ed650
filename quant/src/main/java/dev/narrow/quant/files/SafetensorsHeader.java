package dev.narrow.quant.files;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * What a .safetensors file says about its tensors, all of it checked against the length of the file
 * (README of safetensors 0.8, and {@code Metadata::validate} in its tensor.rs).
 *
 * @param entries the tensors by their names
 * @param sorted the tensors as they lie in the file
 * @param metadata the texts under {@code __metadata__}
 */
record SafetensorsHeader(
    Map<String, Entry> entries, List<Entry> sorted, Map<String, String> metadata) {
  /** The key whose value is no tensor. */
  static final String METADATA = "__metadata__";

  /** Bytes of the header's length, at the beginning of the file. */
  static final int LENGTH_BYTES = 8;

  /**
   * A tensor.
   *
   * @param info what the file says about it
   * @param type its dtype
   * @param at its first byte in the file
   * @param saidAt where in the file its offsets stand
   */
  record Entry(TensorInfo info, SafetensorsType type, long at, long saidAt) {
    long end() {
      return at + info.bytes();
    }
  }

  /**
   * Reads and checks the header.
   *
   * @param file names the file in messages
   * @param bytes all of the file
   * @throws TensorFileException if anything is wrong with it
   */
  static SafetensorsHeader read(Path file, MemorySegment bytes) {
    long size = bytes.byteSize();
    if (size < LENGTH_BYTES) {
      throw new TensorFileException(
          file,
          "header length",
          0,
          "is cut off: the file has " + size + " bytes, expected 8 or more");
    }
    long length = bytes.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
    long most = Math.min(JsonCursor.MAX_BYTES, size - LENGTH_BYTES);
    if (length < 0 || length > most) {
      throw new TensorFileException(
          file,
          "header length",
          0,
          "is "
              + Long.toUnsignedString(length)
              + ", expected at most "
              + most
              + (most < JsonCursor.MAX_BYTES ? ": the file has " + size + " bytes" : ""));
    }
    byte[] json = bytes.asSlice(LENGTH_BYTES, length).toArray(ValueLayout.JAVA_BYTE);
    if (json.length == 0 || json[0] != '{') {
      throw new TensorFileException(
          file, "header", LENGTH_BYTES, "does not begin with '{': this is no .safetensors file");
    }
    long bodyAt = LENGTH_BYTES + length;
    SafetensorsHeader header =
        JsonCursor.read(
            file,
            json,
            LENGTH_BYTES,
            cursor -> new SafetensorsHeaderParser(cursor, bodyAt, size).parse());
    header.requireCoverage(file, bodyAt, size);
    return header;
  }

  /** With the tensors sorted; those of no bytes, where several begin, as the header has them. */
  static SafetensorsHeader of(Map<String, Entry> entries, Map<String, String> metadata) {
    Comparator<Entry> order =
        Comparator.comparingLong(Entry::at)
            .thenComparingLong(Entry::end)
            .thenComparingLong(Entry::saidAt);
    List<Entry> sorted = entries.values().stream().sorted(order).toList();
    return new SafetensorsHeader(entries, sorted, metadata);
  }

  private void requireCoverage(Path file, long bodyAt, long size) {
    long end = bodyAt;
    for (int i = 0; i < sorted.size(); i++) {
      Entry entry = sorted.get(i);
      if (entry.at() != end) {
        String problem =
            entry.at() < end
                ? "overlap '" + JsonCursor.shown(sorted.get(i - 1).info().name()) + "'"
                : "leave a hole of " + (entry.at() - end) + " bytes before the tensor";
        throw new TensorFileException(
            file,
            "data_offsets of '" + JsonCursor.shown(entry.info().name()) + "'",
            entry.saidAt(),
            problem + ", expected them to begin with " + (end - bodyAt));
      }
      end = entry.end();
    }
    if (end != size) {
      throw new TensorFileException(
          file, "body", end, "has " + (size - end) + " bytes that belong to no tensor");
    }
  }
}
