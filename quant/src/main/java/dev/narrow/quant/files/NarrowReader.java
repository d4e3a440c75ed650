package dev.narrow.quant.files;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Hadamard;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.files.QuantizedType.ScaleType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Finds the quantized tensors of a file in {@link Layout#NARROW}: what its metadata says is checked
 * against the tensors that are there.
 */
final class NarrowReader {
  private static final String DOCUMENT = "metadata '" + NarrowMetadata.KEY + "'";

  private static final Pattern ROTATION = Pattern.compile("(\\d{1,7}):(-?\\d{1,19})");

  /** A tensor as the document has it. */
  private record Entry(String kind, List<Long> shape, boolean packed, long saidAt) {}

  private final JsonCursor json;
  private final Map<String, TensorInfo> there;

  private NarrowReader(JsonCursor json, TensorFile file) {
    this.json = json;
    there =
        file.tensors().stream()
            .collect(Collectors.toMap(TensorInfo::name, Function.identity(), (a, _) -> a));
  }

  /**
   * The quantized tensors, none if the file does not have the metadata.
   *
   * @throws TensorFileException if metadata and tensors do not agree
   */
  static List<StoredTensor> read(TensorFile file) {
    String document = file.metadata().get(NarrowMetadata.KEY);
    return document == null
        ? List.of()
        : JsonCursor.read(
            file.path(),
            DOCUMENT,
            document.getBytes(StandardCharsets.UTF_8),
            json -> new NarrowReader(json, file).document());
  }

  private List<StoredTensor> document() {
    String version = null;
    Map<String, QuantizedType> kinds = null;
    Map<String, Entry> entries = null;
    for (String key; (key = json.nextName()) != null; ) {
      switch (key) {
        case "version" -> {
          json.requireFirst(version);
          version = json.text(key);
          if (!version.equals(NarrowMetadata.VERSION)) {
            throw json.wrong(
                key, "is '" + JsonCursor.shown(version) + "', expected " + NarrowMetadata.VERSION);
          }
        }
        case "kinds" -> {
          json.requireFirst(kinds);
          kinds = kinds();
        }
        case "tensors" -> {
          json.requireFirst(entries);
          entries = entries();
        }
        default -> json.skip();
      }
    }
    if (version == null || kinds == null || entries == null) {
      String missing = version == null ? "version" : kinds == null ? "kinds" : "tensors";
      throw json.wrong(DOCUMENT, "has no " + missing);
    }
    List<StoredTensor> tensors = new ArrayList<>();
    for (Map.Entry<String, Entry> entry : entries.entrySet()) {
      json.about(entry.getKey());
      tensors.add(tensor(entry.getKey(), entry.getValue(), kinds));
    }
    return tensors;
  }

  private Map<String, QuantizedType> kinds() {
    Map<String, QuantizedType> kinds = new HashMap<>();
    json.open("kinds");
    for (String name; (name = json.nextName()) != null; ) {
      json.requireFirst(kinds.get(name));
      if (kinds.size() == NarrowMetadata.MAX_KINDS) {
        throw json.wrong("kinds", "goes on, expected at most " + NarrowMetadata.MAX_KINDS);
      }
      kinds.put(name, kind());
    }
    return kinds;
  }

  private QuantizedType kind() {
    long at = json.offset();
    Map<String, String> texts = new HashMap<>();
    json.open("kind");
    for (String key; (key = json.nextName()) != null; ) {
      switch (key) {
        case "format", "granularity", "scale", "outer", "zero_point", "hadamard" -> {
          json.requireFirst(texts.get(key));
          texts.put(key, json.text(key));
        }
        default -> json.skip(); // the quantizer, for people
      }
    }
    try {
      return type(texts);
    } catch (IllegalArgumentException e) {
      throw json.wrongAt(at, "kind", "is not as expected: " + e.getMessage());
    }
  }

  private static QuantizedType type(Map<String, String> texts) {
    String format = texts.get("format");
    if (format == null) {
      throw new IllegalArgumentException("it has no format");
    }
    String granularity = texts.get("granularity");
    String scale = texts.get("scale");
    if ((granularity == null) != (scale == null)) {
      throw new IllegalArgumentException("expected granularity and scale, or none of them");
    }
    String outer = texts.get("outer");
    String zeroPoint = texts.get("zero_point");
    if (scale == null && (outer != null || zeroPoint != null)) {
      throw new IllegalArgumentException("expected neither outer nor zero_point without scale");
    }
    if (zeroPoint != null && !zeroPoint.equals(NarrowMetadata.INT32)) {
      throw new IllegalArgumentException("zero_point, expected " + NarrowMetadata.INT32);
    }
    return new QuantizedType(
        Formats.parse(format),
        scale == null || granularity == null
            ? Optional.empty()
            : Optional.of(
                new ScaleType(
                    Granularity.parse(granularity),
                    Formats.parse(scale),
                    Optional.ofNullable(outer).map(Granularity::parse),
                    zeroPoint != null)),
        Optional.ofNullable(texts.get("hadamard")).map(NarrowReader::rotation));
  }

  private static Hadamard rotation(String text) {
    Matcher matcher = ROTATION.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("hadamard, expected SIZE:SEED");
    }
    try {
      return new Hadamard(Integer.parseInt(matcher.group(1)), Long.parseLong(matcher.group(2)));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("hadamard, expected a seed of 64 bits", e);
    }
  }

  private Map<String, Entry> entries() {
    Map<String, Entry> entries = new LinkedHashMap<>();
    json.open("tensors");
    for (String name; (name = json.nextName()) != null; ) {
      json.requireFirst(entries.get(name));
      json.about(name);
      entries.put(name, entry());
      json.about(null);
    }
    return entries;
  }

  private Entry entry() {
    long at = json.offset();
    String kind = null;
    List<Long> shape = null;
    String packed = null;
    json.open("tensor");
    for (String key; (key = json.nextName()) != null; ) {
      switch (key) {
        case "kind" -> {
          json.requireFirst(kind);
          kind = json.text(key);
        }
        case "shape" -> {
          json.requireFirst(shape);
          shape = shape();
        }
        case "packed" -> {
          json.requireFirst(packed);
          packed = json.scalar(key);
          if (!"true".equals(packed) && !"false".equals(packed)) {
            throw json.wrong(key, "is not as expected: true or false");
          }
        }
        default -> json.skip();
      }
    }
    if (kind == null || shape == null || packed == null) {
      String missing = kind == null ? "kind" : shape == null ? "shape" : "packed";
      throw json.wrongAt(at, "tensor", "has no " + missing);
    }
    return new Entry(kind, shape, packed.equals("true"), at);
  }

  private List<Long> shape() {
    List<Long> shape = new ArrayList<>(4);
    json.openArray("shape");
    for (long extent; (extent = json.nextNatural("shape")) >= 0; ) {
      if (shape.size() == NpyHeader.MAX_RANK) {
        throw json.wrong("shape", "goes on, expected at most " + NpyHeader.MAX_RANK + " numbers");
      }
      shape.add(extent);
    }
    return shape;
  }

  private StoredTensor tensor(String name, Entry entry, Map<String, QuantizedType> kinds) {
    QuantizedType type = kinds.get(entry.kind());
    if (type == null) {
      throw json.wrongAt(
          entry.saidAt(),
          "kind",
          "is '" + JsonCursor.shown(entry.kind()) + "', which is not there");
    }
    Shape shape = shape(entry);
    type.rotation().ifPresent(by -> requireRotatable(entry, by, shape));
    CodePlace place = CodePlace.of(type.format(), shape);
    if (place.packed() != entry.packed()) {
      throw json.wrongAt(
          entry.saidAt(), "packed", "is " + entry.packed() + ", expected " + place.packed());
    }
    List<String> parts = new ArrayList<>();
    long bytes = require(entry, name, place.type(), place.shape());
    if (type.scales().isPresent()) {
      ScaleType scales = type.scales().get();
      CodePlace inner =
          CodePlace.ofScales(scales.format(), grid(entry, scales.granularity(), shape));
      bytes += requirePart(entry, name + NarrowMetadata.SCALE, inner.type(), inner, parts);
      if (scales.outer().isPresent()) {
        CodePlace outer =
            CodePlace.ofScales(Formats.FP32, grid(entry, scales.outer().get(), shape));
        bytes += requirePart(entry, name + NarrowMetadata.OUTER, outer.type(), outer, parts);
      }
      if (scales.zeroPoints()) {
        bytes +=
            requirePart(entry, name + NarrowMetadata.ZERO_POINT, SafetensorsType.I32, inner, parts);
      }
    }
    return new StoredTensor(
        new TensorInfo(name, type.toString(), entry.shape(), bytes),
        shape,
        type.format(),
        name,
        parts,
        type.rotation(),
        file -> scales(file, name, type.scales().orElse(null), shape));
  }

  private void requireRotatable(Entry entry, Hadamard rotation, Shape shape) {
    if (shape.rank() == 0 || shape.dim(shape.rank() - 1) % rotation.size() != 0) {
      throw json.wrongAt(
          entry.saidAt(),
          "hadamard",
          "is of " + rotation.size() + ", which does not divide the rows of " + shape);
    }
  }

  private Shape shape(Entry entry) {
    try {
      return Shape.of(entry.shape().stream().mapToInt(Math::toIntExact).toArray());
    } catch (ArithmeticException | IllegalArgumentException e) {
      throw json.wrongAt(
          entry.saidAt(), "shape", "is " + entry.shape() + ", expected fewer than 2^31 elements");
    }
  }

  private Shape grid(Entry entry, Granularity granularity, Shape shape) {
    try {
      return granularity.grid(shape);
    } catch (IllegalArgumentException e) {
      throw json.wrongAt(entry.saidAt(), "granularity", String.valueOf(e.getMessage()));
    }
  }

  private long requirePart(
      Entry entry, String name, SafetensorsType type, CodePlace place, List<String> parts) {
    parts.add(name);
    return require(entry, name, type, place.shape());
  }

  /** Checks that the file has a tensor; returns its bytes. */
  private long require(Entry entry, String name, SafetensorsType type, List<Long> shape) {
    TensorInfo info = there.get(name);
    if (info == null || !info.dtype().equals(type.name()) || !info.shape().equals(shape)) {
      String found = info == null ? "none" : info.dtype() + " of shape " + info.shape();
      throw json.wrongAt(
          entry.saidAt(),
          "tensor",
          "has in '"
              + JsonCursor.shown(name)
              + "' "
              + found
              + ", expected "
              + type
              + " of shape "
              + shape);
    }
    return info.bytes();
  }

  private static Scales scales(
      TensorFile file, String name, @Nullable ScaleType type, Shape shape) {
    if (type == null) {
      return Scales.one();
    }
    Scales scales =
        Scales.of(
            type.granularity(),
            type.format(),
            StoredScales.values(type.format(), file.bytes(name + NarrowMetadata.SCALE)));
    if (type.outer().isPresent()) {
      float[] outer = StoredScales.values(Formats.FP32, file.bytes(name + NarrowMetadata.OUTER));
      scales = scales.under(Scales.of(type.outer().get(), outer), shape);
    }
    return type.zeroPoints()
        ? scales.withZeroPoints(StoredScales.integers(file.bytes(name + NarrowMetadata.ZERO_POINT)))
        : scales;
  }
}
