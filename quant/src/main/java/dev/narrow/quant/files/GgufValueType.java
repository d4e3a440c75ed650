package dev.narrow.quant.files;

import org.jspecify.annotations.Nullable;

/** What a value of the metadata of a GGUF file is: {@code gguf_metadata_value_type}. */
enum GgufValueType {
  UINT8(0, 1),
  INT8(1, 1),
  UINT16(2, 2),
  INT16(3, 2),
  UINT32(4, 4),
  INT32(5, 4),
  FLOAT32(6, 4),
  BOOL(7, 1),
  /** A length of 8 bytes, and bytes in UTF-8. */
  STRING(8, 8),
  /** The type of its elements in 4 bytes, their count in 8, and the elements. */
  ARRAY(9, 12),
  UINT64(10, 8),
  INT64(11, 8),
  FLOAT64(12, 8);

  private static final GgufValueType[] BY_ID = values();

  private final int id;
  private final int leastBytes;

  GgufValueType(int id, int leastBytes) {
    this.id = id;
    this.leastBytes = leastBytes;
  }

  static @Nullable GgufValueType of(int id) {
    return id >= 0 && id < BY_ID.length ? BY_ID[id] : null;
  }

  int id() {
    return id;
  }

  /** The bytes of a value, or where that differs from value to value those of the shortest. */
  int leastBytes() {
    return leastBytes;
  }
}
