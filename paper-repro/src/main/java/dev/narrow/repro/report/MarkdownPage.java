package dev.narrow.repro.report;

import dev.narrow.repro.report.Report.Block;
import java.util.List;
import java.util.stream.Collectors;

/** A report in GitHub's Markdown. */
final class MarkdownPage {

  private MarkdownPage() {}

  static String render(String title, List<Block> blocks) {
    StringBuilder out = new StringBuilder("# " + Markdown.escape(title) + "\n");
    for (Block block : blocks) {
      out.append('\n').append(render(block));
    }
    return out.toString();
  }

  private static String render(Block block) {
    return switch (block) {
      case Block.Section(String heading) -> "## " + Markdown.escape(heading) + "\n";
      case Block.Paragraph(String text) -> Markdown.escape(text) + "\n";
      case Block.Verdict(_, String sentence) -> "> **" + Markdown.escape(sentence) + "**\n";
      case Block.Settings settings ->
          settings.entries().entrySet().stream()
              .map(e ->
                  "- **" + Markdown.escape(e.getKey()) + ":** " + Markdown.escape(e.getValue()))
              .collect(Collectors.joining("\n", "", "\n"));
      case Block.Commands(String text) -> fenced(text.strip());
      case Block.Tabular(Table table) -> MarkdownTable.render(table);
      case Block.Plot(Figure figure, String caption) ->
          "!["
              + Markdown.escape(figure.description())
              + "]("
              + figure.fileName()
              + ")\n\n"
              + Markdown.escape(caption)
              + "\n";
    };
  }

  /** A code block whose fence is longer than any in the text. */
  private static String fenced(String text) {
    String fence = "```";
    while (text.contains(fence)) {
      fence += "`";
    }
    return fence + "\n" + text + "\n" + fence + "\n";
  }
}
