package dev.narrow.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Locale;
import tools.jackson.core.JsonEncoding;
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
 * @param comparisons with the processor
 * @param bandwidths beside a copy; empty if nothing was measured
 */
record GpuReport(
    String device,
    int driver,
    String backend,
    boolean quick,
    List<Comparison> comparisons,
    List<Bandwidth> bandwidths) {

  /**
   * An operation compared with the processor.
   *
   * @param name of the operation
   * @param elements of its first operand, in all sizes together
   * @param difference what differs first; empty if all bits are the same
   */
  record Comparison(String name, long elements, String difference) {
    @Override
    public String toString() {
      return "%-40s %s".formatted(name, difference.isEmpty() ? "same bits" : difference);
    }
  }

  /**
   * Bytes that an operation moves in a second, and of those of a copy the share.
   *
   * @param name of the operation
   * @param bytes of its first operand in float32
   * @param copy bytes that a copy reads and writes in a second, median
   * @param share of the copy's, median
   * @param low first quartile of the share
   * @param high third quartile
   */
  record Bandwidth(String name, long bytes, double copy, double share, double low, double high) {
    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "%-40s %5d MB  %.3f of a copy's %.0f GB/s",
          name,
          bytes >> 20,
          share,
          copy * 1e-9);
    }
  }

  boolean isCorrect() {
    return comparisons.stream().allMatch(comparison -> comparison.difference().isEmpty());
  }

  /** Writes {@code results.json} and {@code results.md} into a directory. */
  void write(Path directory) throws IOException {
    Files.createDirectories(directory);
    Files.writeString(directory.resolve("results.md"), markdown());
    ObjectWriteContext context =
        new ObjectWriteContext.Base() {
          @Override
          public DefaultPrettyPrinter getPrettyPrinter() {
            return new DefaultPrettyPrinter();
          }
        };
    try (JsonGenerator json =
        new JsonFactory().createGenerator(
                context, directory.resolve("results.json").toFile(), JsonEncoding.UTF8)) {
      json.writeStartObject();
      json.writeStringProperty("device", device);
      json.writeNumberProperty("driver", driver);
      json.writeStringProperty("backend", backend);
      json.writeStringProperty("date", date());
      json.writeBooleanProperty("quick", quick);
      json.writeArrayPropertyStart("comparisons");
      for (Comparison comparison : comparisons) {
        json.writeStartObject();
        json.writeStringProperty("name", comparison.name());
        json.writeNumberProperty("elements", comparison.elements());
        json.writeStringProperty("difference", comparison.difference());
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeArrayPropertyStart("bandwidths");
      for (Bandwidth bandwidth : bandwidths) {
        json.writeStartObject();
        json.writeStringProperty("name", bandwidth.name());
        json.writeNumberProperty("bytes", bandwidth.bytes());
        json.writeNumberProperty("copyBytesPerSecond", bandwidth.copy());
        json.writeNumberProperty("share", bandwidth.share());
        json.writeNumberProperty("shareFirstQuartile", bandwidth.low());
        json.writeNumberProperty("shareThirdQuartile", bandwidth.high());
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    }
  }

  private static String date() {
    return LocalDate.now(ZoneOffset.UTC).toString();
  }

  private String markdown() {
    StringBuilder text = new StringBuilder("# GPU check\n\n");
    text.append(
        "%s, driver for CUDA %d.%d, %s%n"
            .formatted(device, driver / 1000, driver % 1000 / 10, date()));
    text.append("\n").append(backend).append("\n");
    if (!bandwidths.isEmpty()) {
      text.append("\nBytes in a second as a share of those of a copy on the device, in turns:\n\n");
      text.append(
          "| operation | MB | copy GB/s | share | quartiles |\n| --- | --- | --- | --- | --- |\n");
      for (Bandwidth b : bandwidths) {
        text.append(
            String.format(
                Locale.ROOT,
                "| %s | %d | %.0f | %.3f | %.3f to %.3f |%n",
                b.name(),
                b.bytes() >> 20,
                b.copy() * 1e-9,
                b.share(),
                b.low(),
                b.high()));
      }
    }
    long wrong = comparisons.stream().filter(c -> !c.difference().isEmpty()).count();
    text.append(
        "%nOf %d operations %d give other bits than the processor.%n"
            .formatted(comparisons.size(), wrong));
    for (Comparison c : comparisons) {
      text.append(
          "- %s, %d elements: %s%n"
              .formatted(
                  c.name(), c.elements(), c.difference().isEmpty() ? "same bits" : c.difference()));
    }
    return text.toString();
  }
}
