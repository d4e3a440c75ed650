package dev.narrow.quant.files;

import dev.narrow.quant.files.SafetensorsHeader.Entry;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads the JSON of a .safetensors header; each tensor on its own is checked here. */
final class SafetensorsHeaderParser {
  private final JsonCursor json;
  private final long bodyAt;
  private final long size;

  /**
   * A parser of one header.
   *
   * @param json stands in the object
   * @param bodyAt first byte of the body in the file
   * @param size bytes of the file
   */
  SafetensorsHeaderParser(JsonCursor json, long bodyAt, long size) {
    this.json = json;
    this.bodyAt = bodyAt;
    this.size = size;
  }

  /** The whole header. */
  SafetensorsHeader parse() {
    Map<String, String> metadata = null;
    Map<String, Entry> entries = new HashMap<>();
    for (String name; (name = json.nextName()) != null; ) {
      if (name.equals(SafetensorsHeader.METADATA)) {
        json.requireFirst(metadata);
        metadata = metadata();
        continue;
      }
      json.requireFirst(entries.get(name));
      entries.put(name, tensor(name));
    }
    return SafetensorsHeader.of(entries, metadata == null ? Map.of() : metadata);
  }

  private Map<String, String> metadata() {
    Map<String, String> texts = new LinkedHashMap<>();
    json.open(SafetensorsHeader.METADATA);
    for (String key; (key = json.nextName()) != null; ) {
      json.requireFirst(texts.get(key));
      texts.put(key, json.text("metadata '" + JsonCursor.shown(key) + "'"));
    }
    return Collections.unmodifiableMap(texts);
  }

  private Entry tensor(String name) {
    json.about(name);
    long at = json.offset();
    SafetensorsType type = null;
    List<Long> shape = null;
    List<Long> offsets = null;
    long shapeAt = at;
    long offsetsAt = at;
    json.open("tensor");
    for (String key; (key = json.nextName()) != null; ) {
      switch (key) {
        case "dtype" -> {
          json.requireFirst(type);
          type = type();
        }
        case "shape" -> {
          json.requireFirst(shape);
          shapeAt = json.openArray(key);
          shape = naturals(key, NpyHeader.MAX_RANK);
        }
        case "data_offsets" -> {
          json.requireFirst(offsets);
          offsetsAt = json.openArray(key);
          offsets = naturals(key, 2);
        }
        default -> json.skip(); // as the reference does
      }
    }
    if (type == null || shape == null || offsets == null) {
      String missing = type == null ? "dtype" : shape == null ? "shape" : "data_offsets";
      throw json.wrongAt(at, "tensor", "has no " + missing);
    }
    TensorInfo info = info(type, name, shape, shapeAt);
    Entry entry = new Entry(info, type, bodyAt + begin(info, offsets, offsetsAt), offsetsAt);
    json.about(null);
    return entry;
  }

  private SafetensorsType type() {
    String dtype = json.text("dtype");
    try {
      return SafetensorsType.parse(dtype);
    } catch (IllegalArgumentException e) {
      throw json.wrong("dtype", String.valueOf(e.getMessage()));
    }
  }

  private List<Long> naturals(String field, int most) {
    List<Long> numbers = new ArrayList<>(4);
    for (long number; (number = json.nextNatural(field)) >= 0; ) {
      if (numbers.size() == most) {
        throw json.wrong(field, "goes on, expected at most " + most + " numbers");
      }
      numbers.add(number);
    }
    return numbers;
  }

  private TensorInfo info(SafetensorsType type, String name, List<Long> shape, long shapeAt) {
    try {
      return type.info(name, shape);
    } catch (IllegalArgumentException e) {
      throw json.wrongAt(shapeAt, "shape", String.valueOf(e.getMessage()));
    }
  }

  /** The first offset, both of them checked. */
  private long begin(TensorInfo info, List<Long> offsets, long offsetsAt) {
    String expected = null;
    if (offsets.size() != 2) {
      expected = "[begin, end]";
    } else if (offsets.get(1) > size - bodyAt) {
      expected = "at most " + (size - bodyAt) + ": the file has " + size + " bytes";
    } else if (offsets.get(1) - offsets.get(0) != info.bytes()) {
      expected = info.bytes() + " bytes for shape " + info.shape() + " of " + info.dtype();
    }
    if (expected != null) {
      throw json.wrongAt(offsetsAt, "data_offsets", "is " + offsets + ", expected " + expected);
    }
    return offsets.get(0);
  }
}
