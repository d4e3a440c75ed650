package dev.narrow.bench.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.bench.gpu.Finding.Comparison;
import dev.narrow.bench.gpu.Finding.Measurement;
import dev.narrow.bench.gpu.Finding.Note;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Invented figures: what reaches its goal, what does not, and what was not measured. */
class GpuReportTest {
  @TempDir Path scratch;

  private static Measurement share(String name, double share, @Nullable Goal goal) {
    Quartiles quartiles = new Quartiles(share - 0.01, share, share + 0.01);
    return new Measurement(name, "1024 MB", "GB/s", 3000 * share, "copy", 3000, quartiles, goal);
  }

  private static GpuReport report(List<Finding> comparisons) {
    Map<Part, GpuReport.Section> sections = new EnumMap<>(Part.class);
    sections.put(Part.COMPARISON, new GpuReport.Section(comparisons, 1));
    List<Finding> shares =
        List.of(
            share("fast", 0.9, Goal.atLeast(0.85)),
            share("slow", 0.8, Goal.atLeast(0.85)),
            share("free", 0.5, null),
            share("absent", Double.NaN, Goal.atLeast(0.85)));
    sections.put(Part.BANDWIDTH, new GpuReport.Section(shares, 2));
    Quartiles microseconds = new Quartiles(-0.01, 0.1, 0.3);
    Goal most = Goal.atMost(0.2);
    Finding launch =
        new Measurement("launch", "4 arguments", "µs", 2.1, "C", 2, microseconds, most);
    sections.put(
        Part.LAUNCH,
        new GpuReport.Section(List.of(launch, new Note("a note", "with < and \"")), 3));
    return new GpuReport("a device", 12040, "a backend", false, true, sections);
  }

  private static final Finding RIGHT = new Comparison("right", 10, Comparison.SAME_BITS, "");
  private static final Finding WRONG =
      new Comparison("wrong", 10, Comparison.SAME_BITS, "a <b> & c");

  @Test
  void goalsAreJudged() throws IOException {
    GpuReport report = report(List.of(RIGHT));
    assertTrue(report.isRight());
    assertEquals("1 of 1 results are right. 2 of 3 goals are met.", report.summary());
    report.write(scratch);
    String table = Files.readString(scratch.resolve(GpuReport.TABLE));
    assertTrue(
        table.contains(
            "| fast | 1024 MB | GB/s | 2700 | copy | 3000 | 0.9000 | 0.8900 to 0.9100 | ≥ 0.85 met"
                + " |"),
        table);
    assertTrue(table.contains("| ≥ 0.85 not met |"), table);
    assertTrue(table.contains("| launch | 4 arguments | µs | 2.100 | C | 2.000 | 0.1000 |"), table);
    assertTrue(table.contains("| ≤ 0.20 met |"), table);
    assertTrue(table.contains("driver for CUDA 12.4"), table);
    String json = Files.readString(scratch.resolve(GpuReport.DATA));
    assertTrue(json.contains("\"figure\" : null"), json);
    assertFalse(json.contains("NaN"), json);
    assertTrue(json.contains("\"atMost\" : 0.2"), json);
  }

  /** A bar for each figure that there is, a stroke for each goal, to one scale. */
  @Test
  void barsHaveTheLengthOfTheirFigures() {
    String page = GpuPage.of(report(List.of(RIGHT)), "2026-01-01");
    List<Double> widths = new ArrayList<>();
    Pattern.compile("<rect class=\"(\\w*)\".* width=\"([0-9.]+)\"")
        .matcher(page)
        .results()
        .forEach(bar -> widths.add(Double.valueOf(bar.group(2))));
    assertEquals(4, widths.size(), page);
    assertEquals(0.9 / 0.5, widths.get(0) / widths.get(2), 0.01);
    assertEquals(4, page.split("class=\"goal\"", -1).length - 1);
    assertTrue(page.contains("0.8000, not met"), page);
    assertTrue(page.contains("with &lt; and"), page);
    assertFalse(page.contains("http"), "nothing is fetched");
  }

  @Test
  void whatIsWrongComesFirst() {
    GpuReport report = report(List.of(RIGHT, WRONG));
    assertFalse(report.isRight());
    String page = GpuPage.of(report, "2026-01-01");
    assertTrue(page.indexOf("wrong: DIFFERS: a &lt;b&gt; &amp; c") < page.indexOf("<h2>"), page);
  }
}
