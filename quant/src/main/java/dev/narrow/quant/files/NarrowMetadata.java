package dev.narrow.quant.files;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Hadamard;
import dev.narrow.quant.Shape;
import dev.narrow.quant.files.QuantizedType.ScaleType;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.core.JsonEncoding;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** The JSON document of {@link Layout#NARROW}, on its way into a file. */
final class NarrowMetadata {
  /** Its key under {@code __metadata__}. */
  static final String KEY = "narrow";

  static final String VERSION = "1";

  /** What follows the name of a tensor in those of its parts. */
  static final String SCALE = ".scale";

  static final String OUTER = ".scale.outer";
  static final String ZERO_POINT = ".zero_point";

  /** Kinds of tensors in one file: each may cost who reads it tables of its format. */
  static final int MAX_KINDS = 1024;

  /** In place of a boolean: zero points are int32. */
  static final String INT32 = "int32";

  private NarrowMetadata() {}

  /**
   * Checks that formats can be named in the document.
   *
   * @throws IllegalArgumentException if one is not what {@link Formats#parse} has by its name
   */
  static void requireNamed(QuantizedType type) {
    requireNamed(type.format());
    type.scales().ifPresent(scales -> requireNamed(scales.format()));
  }

  private static void requireNamed(NumericFormat format) {
    NumericFormat named;
    try {
      named = Formats.parse(format.name());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "format = " + format + ", expected one that can be read back by its name", e);
    }
    if (!named.equals(format)) {
      throw new IllegalArgumentException(
          "format = " + format + ", expected another name than that of " + named);
    }
  }

  /** Collects the tensors. */
  static final class Builder {
    private record Kind(QuantizedType type, String quantizer) {}

    private record Entry(int kind, Shape shape, boolean packed) {}

    private final Map<Kind, Integer> kinds = new LinkedHashMap<>();
    private final Map<String, Entry> entries = new LinkedHashMap<>();

    /**
     * Adds a tensor.
     *
     * @throws IllegalArgumentException if there are more kinds than a reader takes
     */
    void add(String name, QuantizedType type, String quantizer, Shape shape, boolean packed) {
      int kind = kinds.computeIfAbsent(new Kind(type, quantizer), _ -> kinds.size());
      if (kind == MAX_KINDS) {
        throw new IllegalArgumentException(
            "tensors are quantized in more than " + MAX_KINDS + " ways, expected fewer in a file");
      }
      entries.put(name, new Entry(kind, shape, packed));
    }

    /**
     * The document.
     *
     * @throws IllegalArgumentException if it is longer than a reader takes
     */
    String json() {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      try (JsonGenerator json =
          new JsonFactory().createGenerator(ObjectWriteContext.empty(), bytes, JsonEncoding.UTF8)) {
        json.writeStartObject();
        json.writeStringProperty("version", VERSION);
        json.writeName("kinds").writeStartObject();
        kinds.forEach((kind, number) -> write(json, kind, number));
        json.writeEndObject();
        json.writeName("tensors").writeStartObject();
        entries.forEach((name, entry) -> write(json, name, entry));
        json.writeEndObject().writeEndObject();
      }
      String text = bytes.toString(StandardCharsets.UTF_8);
      if (text.length() > JsonCursor.MAX_TEXT) {
        throw new IllegalArgumentException(
            "metadata of "
                + entries.size()
                + " tensors has "
                + text.length()
                + " characters, expected at most "
                + JsonCursor.MAX_TEXT);
      }
      return text;
    }

    private static void write(JsonGenerator json, Kind kind, int number) {
      json.writeName(Integer.toString(number)).writeStartObject();
      json.writeStringProperty("format", kind.type().format().name());
      if (kind.type().scales().isPresent()) {
        ScaleType scales = kind.type().scales().get();
        json.writeStringProperty("granularity", scales.granularity().spec());
        json.writeStringProperty("scale", scales.format().name());
        if (scales.outer().isPresent()) {
          json.writeStringProperty("outer", scales.outer().get().spec());
        }
        if (scales.zeroPoints()) {
          json.writeStringProperty("zero_point", INT32);
        }
      }
      if (kind.type().rotation().isPresent()) {
        Hadamard rotation = kind.type().rotation().get();
        json.writeStringProperty("hadamard", rotation.size() + ":" + rotation.seed());
      }
      json.writeStringProperty("quantizer", kind.quantizer());
      json.writeEndObject();
    }

    private static void write(JsonGenerator json, String name, Entry entry) {
      json.writeName(name).writeStartObject();
      json.writeStringProperty("kind", Integer.toString(entry.kind()));
      json.writeName("shape").writeStartArray();
      for (int extent : entry.shape().dims()) {
        json.writeNumber(extent);
      }
      json.writeEndArray();
      json.writeBooleanProperty("packed", entry.packed());
      json.writeEndObject();
    }
  }
}
