package dev.narrow.quant.files;

import dev.narrow.formats.Names;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What stands before the tensors in a GGUF file, versions 2 and 3 (ggml, docs/gguf.md): magic,
 * version, counts, metadata, and name, extents, type and offset of each tensor.
 *
 * @param fields the metadata by key, in the order of the file
 * @param tensors by name, in the order in which they lie in the file
 */
record GgufHeader(Map<String, GgufField> fields, Map<String, GgufTensor> tensors) {
  static final int MAGIC = 0x4655_4747; // "GGUF"
  static final int DEFAULT_ALIGNMENT = 32;
  static final String ALIGNMENT_KEY = "general.alignment";

  /** Hundreds of times what models have, and few enough for the memory of any machine. */
  private static final int MOST_FIELDS = 1 << 16;

  private static final int MOST_TENSORS = 1 << 18;

  private static final int LEAST_FIELD = Long.BYTES + Integer.BYTES + 1;

  /**
   * Reads and checks it.
   *
   * @param bytes the whole file
   * @throws TensorFileException if anything in it is wrong
   */
  static GgufHeader read(Path file, MemorySegment bytes) {
    GgufCursor in = new GgufCursor(file, bytes);
    requireMagic(in);
    requireVersion(in);
    long tensors = in.count("tensor count", GgufTensors.LEAST_BYTES, MOST_TENSORS);
    long count = in.count("metadata count", LEAST_FIELD, MOST_FIELDS);
    Map<String, GgufField> fields = fields(in, count);
    return new GgufHeader(fields, GgufTensors.read(in, tensors, alignment(in, bytes, fields)));
  }

  private static void requireMagic(GgufCursor in) {
    int magic = in.remaining() < Integer.BYTES ? 0 : in.int32("magic");
    if (magic != MAGIC) {
      throw in.error("magic", 0, "is not GGUF: this is no .gguf file");
    }
  }

  private static void requireVersion(GgufCursor in) {
    int version = in.int32("version");
    if (version == 2 || version == 3) {
      return;
    }
    String shown = Integer.toUnsignedString(version);
    if ((version & 0xFFFF) == 0) {
      shown = Integer.toUnsignedString(Integer.reverseBytes(version)) + " in big-endian order";
    } else if (version == 1) {
      shown = "1, with counts of 32 bits, which ggml reads no more";
    }
    throw in.error("version", 4, "is " + shown + ", expected 2 or 3 in little-endian order");
  }

  private static Map<String, GgufField> fields(GgufCursor in, long count) {
    Map<String, GgufField> fields = new LinkedHashMap<>();
    for (long i = 0; i < count; i++) {
      long start = in.at();
      String key = in.name("key " + i + " of the metadata");
      GgufValues values = new GgufValues(in, "value of " + quoted(key));
      long valueAt = in.at();
      String text = values.text(values.type());
      if (fields.put(key, new GgufField(key, text, valueAt, in.at() - valueAt)) != null) {
        throw in.error("key " + quoted(key), start, "is there twice");
      }
    }
    return fields;
  }

  /** As in ggml any power of two, although the specification wants multiples of 8. */
  private static long alignment(GgufCursor in, MemorySegment bytes, Map<String, GgufField> fields) {
    GgufField field = fields.get(ALIGNMENT_KEY);
    if (field == null) {
      return DEFAULT_ALIGNMENT;
    }
    int type = bytes.get(GgufPlain.INT, field.at());
    if (type != GgufValueType.UINT32.id()) {
      throw in.error(
          ALIGNMENT_KEY,
          field.at(),
          "is " + List.of(GgufValueType.values()).get(type) + ", expected UINT32");
    }
    long alignment = Integer.toUnsignedLong(bytes.get(GgufPlain.INT, field.at() + Integer.BYTES));
    if (Long.bitCount(alignment) != 1) {
      throw in.error(
          ALIGNMENT_KEY,
          field.at() + Integer.BYTES,
          "is " + alignment + ", expected a power of two");
    }
    return alignment;
  }

  /** A name for a message, of which a screen is not full. */
  static String quoted(String name) {
    return '\'' + Names.shown(name) + '\'';
  }
}
