package dev.narrow.amp.inspect;

import dev.narrow.amp.AutocastReport;
import java.io.IOException;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.function.Consumer;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** Writes the lines that {@link Inspector} defines. */
final class RunWriter implements AutoCloseable {
  static final int VERSION = 1;

  private static final JsonFactory JSON = new JsonFactory();

  private final Writer out;

  /** Writes the first line. */
  RunWriter(Writer out, InspectorOptions options) throws IOException {
    this.out = out;
    line(
        "run",
        json -> {
          json.writeNumberProperty("every", options.every());
          json.writeName("whatIf").writeStartArray();
          options.whatIf().forEach(json::writeString);
          json.writeEndArray();
        });
    flush();
  }

  /**
   * A new file, and the directories above it.
   *
   * @throws IOException if it exists, or cannot be written
   */
  static RunWriter create(Path file, InspectorOptions options) throws IOException {
    Path directory = file.toAbsolutePath().getParent();
    if (directory != null) {
      Files.createDirectories(directory);
    }
    try {
      return new RunWriter(
          Files.newBufferedWriter(file, StandardCharsets.UTF_8, StandardOpenOption.CREATE_NEW),
          options);
    } catch (FileAlreadyExistsException e) {
      throw new IOException(file + " is there already: name another file, or move it away", e);
    }
  }

  void write(Observation one) throws IOException {
    line(
        "tensor",
        json -> {
          json.writeNumberProperty("step", one.step());
          json.writeStringProperty("layer", one.layer());
          json.writeStringProperty("role", TensorSummary.word(one.role()));
          json.writeStringProperty("op", one.op());
          json.writeName("shape").writeStartArray();
          one.shape().forEach(json::writeNumber);
          json.writeEndArray();
          write(json, one.before());
          json.writeName("fit");
          one.fit().ifPresentOrElse(fit -> write(json, fit), json::writeNull);
          json.writeName("whatIf").writeStartObject();
          for (Map.Entry<String, Fit> other : one.whatIf().entrySet()) {
            json.writeName(other.getKey());
            write(json, other.getValue());
          }
          json.writeEndObject();
        });
  }

  private static void write(JsonGenerator json, Magnitudes before) {
    json.writeNumberProperty("elements", before.elements());
    json.writeNumberProperty("zeros", before.zeros());
    json.writeNumberProperty("nan", before.nan());
    json.writeNumberProperty("infinite", before.infinite());
    json.writeNumberProperty("amax", before.amax());
    write(json, "smallest", before.smallest());
    json.writeName("octaves").writeStartObject();
    before.octaves().forEach((octave, count) -> json.writeNumberProperty(octave.toString(), count));
    json.writeEndObject();
  }

  private static void write(JsonGenerator json, Fit fit) {
    json.writeStartObject();
    json.writeStringProperty("format", fit.format());
    json.writeBooleanProperty("scaled", fit.scaled());
    json.writeNumberProperty("elements", fit.elements());
    json.writeNumberProperty("values", fit.values());
    json.writeNumberProperty("flushed", fit.flushed());
    json.writeNumberProperty("subnormal", fit.subnormal());
    json.writeNumberProperty("saturated", fit.saturated());
    json.writeNumberProperty("lost", fit.lost());
    write(json, "signal", fit.signal());
    write(json, "noise", fit.noise());
    write(json, "sqnrDb", fit.sqnrDb());
    write(json, "least", fit.least());
    write(json, "leastNormal", fit.leastNormal());
    write(json, "most", fit.most());
    json.writeEndObject();
  }

  /** JSON has no infinity and no NaN. */
  private static void write(JsonGenerator json, String name, double value) {
    if (Double.isFinite(value)) {
      json.writeNumberProperty(name, value);
    } else {
      json.writeNullProperty(name);
    }
  }

  void write(AutocastReport.Casts casts) throws IOException {
    line(
        "casts",
        json -> {
          json.writeStringProperty("layer", casts.layer());
          json.writeStringProperty("role", TensorSummary.word(casts.role()));
          json.writeNumberProperty("casts", casts.casts());
          json.writeNumberProperty("reused", casts.reused());
          json.writeNumberProperty("bytesBefore", casts.bytesBefore());
          json.writeNumberProperty("bytesAfter", casts.bytesAfter());
          json.writeNumberProperty("nanos", casts.nanos());
        });
  }

  /** The last line: the file is complete. */
  void end(long steps, long nanos) throws IOException {
    line(
        "end",
        json -> {
          json.writeNumberProperty("steps", steps);
          json.writeNumberProperty("nanos", nanos);
        });
  }

  private void line(String kind, Consumer<JsonGenerator> body) throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), text)) {
      json.writeStartObject();
      json.writeNumberProperty("version", VERSION);
      json.writeStringProperty("kind", kind);
      body.accept(json);
      json.writeEndObject();
    }
    out.write(text.append('\n').toString());
  }

  void flush() throws IOException {
    out.flush();
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
