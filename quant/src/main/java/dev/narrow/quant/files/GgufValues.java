package dev.narrow.quant.files;

/** Values of metadata as text: what is long is shown by its beginning, and walked to its end. */
final class GgufValues {
  private static final int DEEPEST = 4;
  private static final int SHOWN_ELEMENTS = 4;
  private static final int SHOWN_BYTES = 1 << 14; // more than the longest template of a chat
  private static final int SHOWN_BYTES_OF_ELEMENT = 64;

  private final GgufCursor in;
  private final String field;
  private final String typeField;
  private final String lengthField;

  /** The value of a key from the cursor on. */
  GgufValues(GgufCursor in, String field) {
    this.in = in;
    this.field = field;
    typeField = "type of " + field;
    lengthField = "length of " + field;
  }

  GgufValueType type() {
    long start = in.at();
    int id = in.int32(typeField);
    GgufValueType type = GgufValueType.of(id);
    if (type == null) {
      throw in.error(typeField, start, "is " + Integer.toUnsignedString(id) + ", expected 0 to 12");
    }
    return type;
  }

  String text(GgufValueType type) {
    return switch (type) {
      case STRING -> in.text(field, SHOWN_BYTES);
      case ARRAY -> array(1);
      default -> number(type);
    };
  }

  private String number(GgufValueType type) {
    return switch (type) {
      case UINT8 -> Integer.toString(in.int8(field) & 0xFF);
      case INT8 -> Integer.toString(in.int8(field));
      case UINT16 -> Integer.toString(in.int16(field) & 0xFFFF);
      case INT16 -> Integer.toString(in.int16(field));
      case UINT32 -> Integer.toUnsignedString(in.int32(field));
      case INT32 -> Integer.toString(in.int32(field));
      case UINT64 -> Long.toUnsignedString(in.int64(field));
      case INT64 -> Long.toString(in.int64(field));
      case FLOAT32 -> Float.toString(Float.intBitsToFloat(in.int32(field)));
      case FLOAT64 -> Double.toString(Double.longBitsToDouble(in.int64(field)));
      case BOOL -> bool();
      case STRING, ARRAY -> throw new IllegalArgumentException("type = " + type);
    };
  }

  private String bool() {
    long start = in.at();
    int value = in.int8(field);
    if (value != 0 && value != 1) {
      throw in.error(field, start, "is " + (value & 0xFF) + ", expected 0 or 1, a boolean");
    }
    return value == 1 ? "true" : "false";
  }

  private String array(int depth) {
    GgufValueType type = elementType(depth);
    long length = length(type);
    StringBuilder text = new StringBuilder("[");
    long shown = Math.min(length, SHOWN_ELEMENTS);
    for (long i = 0; i < shown; i++) {
      text.append(i == 0 ? "" : ", ")
          .append(
              switch (type) {
                case STRING -> '"' + in.text(field, SHOWN_BYTES_OF_ELEMENT) + '"';
                case ARRAY -> array(depth + 1);
                default -> number(type);
              });
    }
    skip(type, length - shown, depth);
    return text.append(shown < length ? ", ... (" + length + " elements)]" : "]").toString();
  }

  private GgufValueType elementType(int depth) {
    long start = in.at();
    GgufValueType type = type();
    if (type == GgufValueType.ARRAY && depth == DEEPEST) {
      throw in.error(
          typeField,
          start,
          "is an array once more, expected at most " + DEEPEST + " in each other");
    }
    return type;
  }

  private long length(GgufValueType type) {
    return in.count(lengthField, type.leastBytes(), Long.MAX_VALUE);
  }

  /** Nothing is allocated here, however many elements there are. */
  private void skip(GgufValueType type, long count, int depth) {
    switch (type) {
      case STRING -> {
        for (long i = 0; i < count; i++) {
          in.skipString(field);
        }
      }
      case ARRAY -> {
        for (long i = 0; i < count; i++) {
          GgufValueType inner = elementType(depth + 1);
          skip(inner, length(inner), depth + 1);
        }
      }
      case BOOL -> {
        for (long i = 0; i < count; i++) {
          bool();
        }
      }
      default -> in.take(field, count * type.leastBytes());
    }
  }
}
