package dev.narrow.repro.report;

import static dev.narrow.repro.report.Table.left;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;

class ReportTest {
  @TempDir Path directory;

  @Test
  void markdownTellsTheWholeStory() {
    assertEquals(
        """
        # Digits in 8 bits

        > **bf16 is as good as fp32.**

        Five seeds, \\*paired\\*.

        ## Result

        | arm  |
        | ---- |
        | fp32 |

        ![Share of values. fp16, weight: 1.00 % flushed.](lost.svg)

        Shares &lt; 1.

        - **data:** digits
        - **seeds:** 1 to 5

        ```
        ./narrow repro digits
        ```
        """,
        story().markdown());
  }

  @Test
  void thePageNeedsNothingElse() {
    String html = story().html();
    Document page = XmlCheck.parse(html);
    for (String tag : List.of("script", "link", "img", "iframe", "object")) {
      assertEquals(0, page.getElementsByTagName(tag).getLength(), tag);
    }
    // Namespaces are the only addresses in it.
    String rest = html.replaceAll("http://www\\.w3\\.org/(1999/xhtml|2000/svg)", "");
    assertFalse(rest.contains("://"), rest);
    assertFalse(rest.contains("url("), rest);
    assertTrue(html.contains("<p class=\"verdict good\">bf16 is as good as fp32.</p>"), html);
    assertTrue(html.contains("<dt>seeds</dt><dd>1 to 5</dd>"), html);
    assertTrue(html.contains("<figcaption>Shares &lt; 1.</figcaption>"), html);
    assertEquals(1, page.getElementsByTagName("style").getLength()); // plots bring none along
  }

  @Property(tries = 200)
  void whateverATextHoldsItStaysText(@ForAll String text) {
    for (String some : List.of(text, text + "</p><script>alert(1)</script>", "\"'&" + text)) {
      Report report =
          new Report(some)
              .section(some)
              .paragraph(some)
              .verdict(Tone.BAD, some)
              .settings(new TreeMap<>(Map.of(some, some)))
              .commands(some)
              .table(Table.of(left(some)).row(some).footnote(some))
              .figure(new ShareBars("a", some, some).bar(some, some, 0.1).figure(), some);
      Document page = XmlCheck.parse(report.html());
      assertEquals(0, page.getElementsByTagName("script").getLength());
      String markdown = report.markdown();
      String code = markdown.substring(markdown.indexOf("\n```"), markdown.lastIndexOf("\n```"));
      assertFalse(markdown.replace(code, "").contains("<script"), markdown);
    }
  }

  @Test
  void writesThePageTheMarkdownAndTheFigures() throws IOException {
    story().write(directory.resolve("out"));
    try (var files = Files.list(directory.resolve("out"))) {
      assertEquals(
          List.of("lost.svg", "report.html", "report.md"),
          files.map(file -> file.getFileName() + "").sorted().toList());
    }
    assertEquals(story().html(), Files.readString(directory.resolve("out/report.html")));
    XmlCheck.parse(Files.readString(directory.resolve("out/lost.svg")));
  }

  @Test
  void twoFiguresDoNotShareAFile() {
    Report report = story().figure(bars(), "again");
    Exception e = assertThrows(IllegalStateException.class, () -> report.write(directory));
    assertEquals("two figures are named \"lost\"", e.getMessage());
  }

  private static Figure bars() {
    return new ShareBars("lost", "Lost values", "flushed").bar("fp16", "weight", 0.01).figure();
  }

  private static Report story() {
    LinkedHashMap<String, String> settings = new LinkedHashMap<>();
    settings.put("data", "digits");
    settings.put("seeds", "1 to 5");
    return new Report("Digits in 8 bits")
        .verdict(Tone.GOOD, "bf16 is as good as fp32.")
        .paragraph("Five seeds, *paired*.")
        .section("Result")
        .table(Table.of(left("arm")).row("fp32"))
        .figure(bars(), "Shares < 1.")
        .settings(settings)
        .commands("./narrow repro digits\n");
  }
}
