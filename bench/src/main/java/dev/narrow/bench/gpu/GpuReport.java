package dev.narrow.bench.gpu;

import dev.narrow.bench.gpu.Finding.Comparison;
import dev.narrow.bench.gpu.Finding.Measurement;
import dev.narrow.bench.gpu.Finding.Note;
import dev.narrow.kernels.cuda.Cuda;
import dev.narrow.kernels.cuda.CudaProbe;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.DefaultPrettyPrinter;

/**
 * What the GPU check found.
 *
 * @param device name, capability, memory
 * @param driver version of CUDA that it supports: 12040 is 12.4
 * @param backend what computed
 * @param quick whether sizes were small
 * @param finished whether all parts were run that were asked for
 * @param sections of the parts that were run
 */
record GpuReport(
    String device,
    int driver,
    String backend,
    boolean quick,
    boolean finished,
    Map<Part, Section> sections) {
  static final String TABLE = "results.md";
  static final String PAGE = "results.html";
  static final String DATA = "results.json";

  /**
   * What a part found.
   *
   * @param findings in order
   * @param seconds that it took
   */
  record Section(List<Finding> findings, double seconds) {
    /** Those of a kind. */
    <F extends Finding> List<F> of(Class<F> kind) {
      return findings.stream().filter(kind::isInstance).map(kind::cast).toList();
    }
  }

  /** Nothing was run yet. */
  static GpuReport begin(Bench bench) {
    return new GpuReport(
        bench.device().info().toString(),
        ((CudaProbe.Available) Cuda.probe()).driver(),
        bench.gpu().describe(),
        bench.quick(),
        false,
        Map.of());
  }

  /** The same with what another part found. */
  GpuReport with(Part part, Section section) {
    Map<Part, Section> more = new EnumMap<>(Part.class);
    more.putAll(sections);
    more.put(part, section);
    return new GpuReport(device, driver, backend, quick, finished, more);
  }

  /** The same with nothing left to run. */
  GpuReport done() {
    return new GpuReport(device, driver, backend, quick, true, sections);
  }

  /** Those of a kind in all parts. */
  <F extends Finding> List<F> all(Class<F> kind) {
    return sections.values().stream().flatMap(section -> section.of(kind).stream()).toList();
  }

  boolean isRight() {
    return sections.values().stream()
        .flatMap(section -> section.findings().stream())
        .allMatch(Finding::isRight);
  }

  String driverVersion() {
    return driver / 1000 + "." + driver % 1000 / 10;
  }

  /** In a few sentences. */
  String summary() {
    List<Comparison> comparisons = all(Comparison.class);
    long right = comparisons.stream().filter(Finding::isRight).count();
    String text =
        (finished ? "" : "Not finished. ")
            + "%d of %d results are right.".formatted(right, comparisons.size());
    List<String> verdicts =
        all(Measurement.class).stream()
            .map(Measurement::verdict)
            .filter(verdict -> !verdict.isEmpty())
            .toList();
    if (!verdicts.isEmpty()) {
      long met = verdicts.stream().filter("met"::equals).count();
      text += " %d of %d goals are met.".formatted(met, verdicts.size());
    }
    return text;
  }

  /**
   * Checks that no results are overwritten.
   *
   * @throws IllegalArgumentException if there are some, or there cannot be any
   */
  static void requireRoom(Path directory, boolean force) {
    if (Files.exists(directory) && !Files.isDirectory(directory)) {
      throw new IllegalArgumentException(directory + " is a file, expected a directory");
    }
    for (String name : List.of(DATA, TABLE, PAGE)) {
      if (!force && Files.exists(directory.resolve(name))) {
        throw new IllegalArgumentException(
            directory.resolve(name) + " exists, expected a directory without results, or --force");
      }
    }
  }

  /** Writes the results into a directory, each file whole or not at all. */
  void write(Path directory) throws IOException {
    String date = LocalDate.now(ZoneOffset.UTC).toString();
    Files.createDirectories(directory);
    write(directory.resolve(TABLE), markdown(date));
    write(directory.resolve(PAGE), GpuPage.of(this, date));
    write(directory.resolve(DATA), json(date));
  }

  private static void write(Path file, String text) throws IOException {
    Path partial = file.resolveSibling(file.getFileName() + ".partial");
    Files.writeString(partial, text);
    try {
      Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(partial, file, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private String json(String date) {
    StringWriter text = new StringWriter();
    ObjectWriteContext context =
        new ObjectWriteContext.Base() {
          @Override
          public DefaultPrettyPrinter getPrettyPrinter() {
            return new DefaultPrettyPrinter();
          }
        };
    try (JsonGenerator json = new JsonFactory().createGenerator(context, text)) {
      json.writeStartObject();
      json.writeStringProperty("device", device);
      json.writeNumberProperty("driver", driver);
      json.writeStringProperty("backend", backend);
      json.writeStringProperty("date", date);
      json.writeBooleanProperty("quick", quick);
      json.writeBooleanProperty("finished", finished);
      json.writeArrayPropertyStart("parts");
      sections.forEach((part, section) -> write(json, part, section));
      json.writeEndArray();
      json.writeEndObject();
    }
    return text.append('\n').toString();
  }

  private static void write(JsonGenerator json, Part part, Section section) {
    json.writeStartObject();
    json.writeStringProperty("part", part.key());
    json.writeNumberProperty("seconds", Math.round(section.seconds() * 10) / 10.0);
    json.writeArrayPropertyStart("findings");
    for (Finding finding : section.findings()) {
      json.writeStartObject();
      json.writeStringProperty("name", finding.name());
      switch (finding) {
        case Comparison comparison -> {
          json.writeNumberProperty("elements", comparison.elements());
          json.writeStringProperty("demand", comparison.demand());
          json.writeStringProperty("difference", comparison.difference());
        }
        case Measurement measurement -> {
          json.writeStringProperty("size", measurement.size());
          json.writeStringProperty("unit", measurement.unit());
          write(json, "ours", measurement.ours());
          json.writeStringProperty("peer", measurement.peer());
          write(json, "theirs", measurement.theirs());
          json.writeStringProperty("figureIs", part.figure());
          write(json, "figure", measurement.figure().median());
          write(json, "firstQuartile", measurement.figure().low());
          write(json, "thirdQuartile", measurement.figure().high());
          Goal goal = measurement.goal();
          if (goal != null) {
            json.writeNumberProperty(goal.atLeast() ? "atLeast" : "atMost", goal.limit());
          }
          json.writeStringProperty("verdict", measurement.verdict());
        }
        case Note note -> json.writeStringProperty("note", note.text());
      }
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  /** JSON has no NaN: what was not measured is null. */
  private static void write(JsonGenerator json, String name, double value) {
    if (Double.isFinite(value)) {
      json.writeNumberProperty(name, value);
    } else {
      json.writeNullProperty(name);
    }
  }

  private String markdown(String date) {
    StringBuilder text = new StringBuilder("# GPU check\n\n");
    text.append("%s, driver for CUDA %s, %s%n".formatted(device, driverVersion(), date));
    text.append("\n").append(backend).append("\n");
    text.append("\n").append(summary()).append("\n");
    if (quick) {
      text.append("\nSmall sizes: no goal is judged, and no figure says anything of speed.\n");
    }
    sections.forEach((part, section) -> {
      text.append("\n## ").append(part.heading()).append("\n");
      for (Note note : section.of(Note.class)) {
        text.append("\n").append(note.name() + ": " + note.text()).append("\n");
      }
      table(text, part, section.of(Measurement.class));
      list(text, section.of(Comparison.class));
    });
    return text.toString();
  }

  private static void table(StringBuilder text, Part part, List<Measurement> measurements) {
    if (measurements.isEmpty()) {
      return;
    }
    text.append("\nMedians, and the quartiles of the figure.\n");
    row(text, "", "size", "unit", "ours", "beside", "theirs", part.figure(), "quartiles", "goal");
    text.append("\n| --- | --- | --- | ---: | --- | ---: | ---: | ---: | --- |\n");
    for (Measurement m : measurements) {
      row(
          text,
          m.name(),
          m.size(),
          m.unit(),
          Finding.number(m.ours()),
          m.peer(),
          Finding.number(m.theirs()),
          Finding.number(m.figure().median()),
          Finding.number(m.figure().low()) + " to " + Finding.number(m.figure().high()),
          (m.goal() == null ? "" : m.goal() + " ") + m.verdict());
      text.append("\n");
    }
  }

  private static void row(StringBuilder text, String... cells) {
    text.append(Stream.of(cells).map(cell -> "| " + cell + " ").reduce("", String::concat) + "|");
  }

  /** What differs first. */
  private static void list(StringBuilder text, List<Comparison> comparisons) {
    for (boolean right : new boolean[] {false, true}) {
      List<String> lines =
          comparisons.stream()
              .filter(comparison -> comparison.isRight() == right)
              .map(c -> "- %s, %d elements: %s%n".formatted(c.name(), c.elements(), c))
              .toList();
      if (!lines.isEmpty()) {
        text.append("\n").append(String.join("", lines));
      }
    }
  }
}
