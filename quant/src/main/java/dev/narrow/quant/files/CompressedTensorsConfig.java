package dev.narrow.quant.files;

import dev.narrow.quant.files.CompressedTensors.Scheme;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonEncoding;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.PrettyPrinter;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.core.json.JsonWriteFeature;
import tools.jackson.core.util.DefaultIndenter;
import tools.jackson.core.util.DefaultPrettyPrinter;

/**
 * The {@code config.json} beside a file in {@link Layout#COMPRESSED_TENSORS}: that of the source,
 * with a {@code quantization_config} that tells which modules are quantized and how.
 */
final class CompressedTensorsConfig {
  private static final String NAME = "config.json";
  private static final String KEY = "quantization_config";
  private static final int MAX_BYTES = 1 << 24;

  private static final ObjectWriteContext INDENTED =
      new ObjectWriteContext.Base() {
        @Override
        public PrettyPrinter getPrettyPrinter() {
          return new DefaultPrettyPrinter().withObjectIndenter(new DefaultIndenter("  ", "\n"));
        }

        @Override
        public boolean hasPrettyPrinter() {
          return true;
        }
      };

  private final Path file;
  private final boolean replace;
  private final byte[] original;

  private CompressedTensorsConfig(Path file, boolean replace, byte[] original) {
    this.file = file;
    this.replace = replace;
    this.original = original;
  }

  /**
   * The file beside an output.
   *
   * @throws IOException if it exists and is not to be replaced, or the source has one that is none
   */
  static CompressedTensorsConfig of(Path out, boolean replace, Path source) throws IOException {
    Path file = out.resolveSibling(NAME);
    SafetensorsWriter.requireAbsent(file, replace);
    Path theirs = source.resolveSibling(NAME);
    byte[] original = {'{', '}'};
    if (Files.isRegularFile(theirs)) {
      if (Files.size(theirs) > MAX_BYTES) {
        throw new IOException(
            theirs + " has " + Files.size(theirs) + " bytes, expected at most " + MAX_BYTES);
      }
      original = Files.readAllBytes(theirs);
    }
    CompressedTensorsConfig config = new CompressedTensorsConfig(file, replace, original);
    try {
      config.text(Map.of(), List.of()); // before any work
    } catch (JacksonException e) {
      throw new IOException(theirs + " is no JSON object: " + e.getOriginalMessage(), e);
    }
    return config;
  }

  /** Writes it. */
  void write(Map<Scheme, List<String>> modules, List<String> kept) throws IOException {
    byte[] text = text(modules, kept);
    SafetensorsWriter.requireAbsent(file, replace);
    AtomicFiles.write(file, out -> out.write(text));
  }

  private byte[] text(Map<Scheme, List<String>> modules, List<String> kept) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    JsonFactory factory = // Python writes NaN and Infinity as such
        JsonFactory.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .disable(JsonWriteFeature.WRITE_NAN_AS_STRINGS)
            .disable(JsonWriteFeature.ESCAPE_FORWARD_SLASHES)
            .build();
    try (JsonGenerator json = factory.createGenerator(INDENTED, bytes, JsonEncoding.UTF8);
        JsonParser source = factory.createParser(ObjectReadContext.empty(), original)) {
      json.writeStartObject();
      if (source.nextToken() != JsonToken.START_OBJECT) {
        throw new StreamReadException(source, "it begins otherwise");
      }
      while (source.nextToken() != JsonToken.END_OBJECT) {
        if (KEY.equals(source.currentName())) {
          source.nextToken();
          source.skipChildren();
        } else {
          json.copyCurrentStructureExact(source);
        }
      }
      if (!modules.isEmpty()) {
        json.writeName(KEY);
        write(json, modules, kept);
      }
      json.writeEndObject();
    }
    bytes.write('\n');
    return bytes.toByteArray();
  }

  private static void write(
      JsonGenerator json, Map<Scheme, List<String>> modules, List<String> kept) {
    List<String> formats = modules.keySet().stream().map(Scheme::format).distinct().toList();
    boolean single = modules.size() == 1;
    json.writeStartObject();
    json.writeStringProperty("quant_method", "compressed-tensors");
    json.writeStringProperty(
        "format", formats.size() == 1 ? formats.getFirst() : "mixed-precision");
    json.writeStringProperty("quantization_status", "compressed");
    json.writeName("config_groups").writeStartObject();
    int group = 0;
    for (Map.Entry<Scheme, List<String>> entry : modules.entrySet()) {
      json.writeName("group_" + group++).writeStartObject();
      write(json, "targets", single ? List.of("Linear") : entry.getValue());
      if (formats.size() > 1) {
        json.writeStringProperty("format", entry.getKey().format());
      }
      json.writeName("weights");
      write(json, entry.getKey());
      json.writeEndObject();
    }
    json.writeEndObject();
    write(json, "ignore", kept);
    json.writeEndObject();
  }

  private static void write(JsonGenerator json, Scheme scheme) {
    json.writeStartObject();
    json.writeNumberProperty("num_bits", scheme == Scheme.NVFP4 ? 4 : 8);
    json.writeStringProperty("type", "float");
    json.writeStringProperty("strategy", scheme.strategy());
    if (scheme == Scheme.NVFP4) {
      json.writeNumberProperty("group_size", CompressedTensors.GROUP);
    }
    if (scheme == Scheme.FP8_BLOCK) {
      json.writeName("block_structure").writeStartArray();
      json.writeNumber(CompressedTensors.BLOCK).writeNumber(CompressedTensors.BLOCK);
      json.writeEndArray();
    }
    json.writeBooleanProperty("symmetric", true);
    json.writeBooleanProperty("dynamic", false);
    json.writeEndObject();
  }

  private static void write(JsonGenerator json, String name, List<String> texts) {
    json.writeName(name).writeStartArray();
    texts.forEach(json::writeString);
    json.writeEndArray();
  }
}
