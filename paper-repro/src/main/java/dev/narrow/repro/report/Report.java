package dev.narrow.repro.report;

import dev.narrow.quant.files.AtomicFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * A report: a title, then sections, sentences, settings, tables and figures in reading order. Put
 * together once, it comes out as a web page and as Markdown. All texts are plain text; whatever
 * they hold shows as it is.
 */
public final class Report {
  private final String title;
  private final List<Block> blocks = new ArrayList<>();

  /** A piece of a report. */
  sealed interface Block {
    record Section(String heading) implements Block {}

    record Paragraph(String text) implements Block {}

    record Verdict(Tone tone, String sentence) implements Block {}

    record Settings(SequencedMap<String, String> entries) implements Block {}

    record Commands(String text) implements Block {}

    record Tabular(Table table) implements Block {}

    record Plot(Figure figure, String caption) implements Block {}
  }

  /**
   * An empty report with a title.
   *
   * @param title its title
   */
  public Report(String title) {
    this.title = title;
  }

  /**
   * Begins a section.
   *
   * @param heading its heading
   * @return this report
   */
  public Report section(String heading) {
    return add(new Block.Section(heading));
  }

  /**
   * Adds a paragraph.
   *
   * @param text its text
   * @return this report
   */
  public Report paragraph(String text) {
    return add(new Block.Paragraph(text));
  }

  /**
   * Adds the outcome in one sentence, set off and coloured by its tone.
   *
   * @param tone how the outcome is to be taken
   * @param sentence the outcome
   * @return this report
   */
  public Report verdict(Tone tone, String sentence) {
    return add(new Block.Verdict(tone, sentence));
  }

  /**
   * Adds a list of names and values in the map's order.
   *
   * @param entries texts by name
   * @return this report
   */
  public Report settings(SequencedMap<String, String> entries) {
    return add(new Block.Settings(new LinkedHashMap<>(entries)));
  }

  /**
   * Adds lines to be typed, shown as they are.
   *
   * @param lines the lines, separated by line feeds
   * @return this report
   */
  public Report commands(String lines) {
    return add(new Block.Commands(lines));
  }

  /**
   * Adds a table.
   *
   * @param table the table
   * @return this report
   */
  public Report table(Table table) {
    return add(new Block.Tabular(table));
  }

  /**
   * Adds a figure with a sentence below it on how to read it.
   *
   * @param figure the figure
   * @param caption how to read the figure
   * @return this report
   */
  public Report figure(Figure figure, String caption) {
    return add(new Block.Plot(figure, caption));
  }

  /**
   * The web page: one document that needs no other file, no script and no network.
   *
   * @return the document's text
   */
  public String html() {
    return HtmlPage.render(title, blocks);
  }

  /**
   * The same in GitHub's Markdown; figures are links to the files that {@link #write} writes.
   *
   * @return the document's text
   */
  public String markdown() {
    return MarkdownPage.render(title, blocks);
  }

  /**
   * Writes {@code report.html}, {@code report.md} and each figure's SVG into a directory, which is
   * created where it is missing.
   *
   * @param directory where to write
   * @throws IOException if a file cannot be written; the message names it and the cause
   * @throws IllegalStateException if two figures share a name
   */
  public void write(Path directory) throws IOException {
    SequencedMap<String, String> files = new LinkedHashMap<>();
    for (Block block : blocks) {
      if (block instanceof Block.Plot(Figure figure, _)
          && files.put(figure.fileName(), figure.svg()) != null) {
        throw new IllegalStateException("two figures are named \"" + figure.name() + "\"");
      }
    }
    files.put("report.md", markdown());
    files.put("report.html", html());
    for (var file : files.entrySet()) {
      AtomicFiles.write(directory.resolve(file.getKey()), file.getValue());
    }
  }

  private Report add(Block block) {
    blocks.add(block);
    return this;
  }
}
