package dev.narrow.quant.files;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import tools.jackson.core.JsonEncoding;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonWriteFeature;

/**
 * In which order tensors lie in a .safetensors file, and the header that says so ({@code prepare}
 * in tensor.rs).
 */
final class SafetensorsLayout {
  /** The header ends at a multiple of this, so that wide elements after it are aligned. */
  private static final int ALIGNMENT = 8;

  private static final Comparator<TensorInfo> ORDER =
      Comparator.<TensorInfo, SafetensorsType>comparing(t -> SafetensorsType.parse(t.dtype()))
          .reversed()
          .thenComparing(t -> t.name().getBytes(StandardCharsets.UTF_8), Arrays::compareUnsigned);

  private SafetensorsLayout() {}

  /**
   * The tensors as they lie in a file.
   *
   * @throws IllegalArgumentException if one cannot be in it, or two have the same name
   */
  static List<TensorInfo> sorted(Collection<TensorInfo> tensors) {
    Set<String> names = new HashSet<>();
    for (TensorInfo tensor : tensors) {
      requireText(tensor.name());
      if (tensor.name().equals(SafetensorsHeader.METADATA) || !names.add(tensor.name())) {
        throw new IllegalArgumentException(
            "name = '"
                + tensor.name()
                + "', expected another than that of the metadata and of the other tensors");
      }
      if (!tensor.equals(
          SafetensorsType.parse(tensor.dtype()).info(tensor.name(), tensor.shape()))) {
        throw new IllegalArgumentException(tensor + " has another number of bytes");
      }
    }
    return tensors.stream().sorted(ORDER).toList();
  }

  private static void requireText(String text) {
    if (!JsonCursor.isWellFormed(text)) {
      throw new IllegalArgumentException(
          "name or metadata '" + text + "' has half a surrogate pair, expected Unicode text");
    }
  }

  /**
   * The bytes in front of the first tensor.
   *
   * @throws IllegalArgumentException if they are too many, or the metadata is no Unicode text
   */
  static byte[] header(List<TensorInfo> sorted, Map<String, String> metadata) {
    metadata.keySet().forEach(SafetensorsLayout::requireText);
    metadata.values().forEach(SafetensorsLayout::requireText);
    JsonFactory factory =
        JsonFactory.builder()
            .disable(JsonWriteFeature.ESCAPE_FORWARD_SLASHES)
            .disable(JsonWriteFeature.WRITE_HEX_UPPER_CASE)
            .build();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(new byte[SafetensorsHeader.LENGTH_BYTES]);
    try (JsonGenerator json =
        factory.createGenerator(ObjectWriteContext.empty(), bytes, JsonEncoding.UTF8)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeName(SafetensorsHeader.METADATA).writeStartObject();
        new TreeMap<>(metadata).forEach(json::writeStringProperty);
        json.writeEndObject();
      }
      long at = 0;
      for (TensorInfo tensor : sorted) {
        write(json, tensor, at);
        at = Math.addExact(at, tensor.bytes());
      }
      json.writeEndObject();
    }
    while (bytes.size() % ALIGNMENT != 0) {
      bytes.write(' ');
    }
    int length = bytes.size() - SafetensorsHeader.LENGTH_BYTES;
    if (length > JsonCursor.MAX_BYTES) {
      throw new IllegalArgumentException(
          "tensors and metadata make a header of "
              + length
              + " bytes, expected at most "
              + JsonCursor.MAX_BYTES);
    }
    byte[] header = bytes.toByteArray();
    ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
    return header;
  }

  private static void write(JsonGenerator json, TensorInfo tensor, long at) {
    json.writeName(tensor.name()).writeStartObject();
    json.writeStringProperty("dtype", tensor.dtype());
    json.writeName("shape").writeStartArray();
    tensor.shape().forEach(json::writeNumber);
    json.writeEndArray();
    json.writeName("data_offsets").writeStartArray();
    json.writeNumber(at).writeNumber(at + tensor.bytes());
    json.writeEndArray().writeEndObject();
  }
}
