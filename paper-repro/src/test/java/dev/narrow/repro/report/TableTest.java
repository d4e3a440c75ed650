package dev.narrow.repro.report;

import static dev.narrow.repro.report.Table.cell;
import static dev.narrow.repro.report.Table.left;
import static dev.narrow.repro.report.Table.right;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class TableTest {
  private static final Table TABLE =
      Table.of(left("arm"), right("accuracy, %"), right("difference"))
          .row("fp32", "97.81 ± 0.12", "–")
          .row(cell("fp16 | raw"), cell("9.80 ± 0.00"), cell("−88.01", Tone.BAD))
          .footnote("5 seeds <each>");

  @Test
  void onATerminalColumnsAlign() {
    assertEquals(
        """
        arm           accuracy, %   difference
        ──────────────────────────────────────
        fp32         97.81 ± 0.12            –
        fp16 | raw    9.80 ± 0.00       −88.01
        5 seeds <each>
        """,
        TerminalTable.render(TABLE, false));
  }

  @Test
  void colourAddsOnlyEscapes() {
    String colour = TerminalTable.render(TABLE, true);
    String plain = colour.replaceAll("\u001b\\[\\d+m", "");
    assertEquals(TerminalTable.render(TABLE, false), plain);
    assertEquals(1, colour.split("\u001b\\[31m−88.01\u001b\\[0m", -1).length - 1);
  }

  @Test
  void noTextSteersTheTerminal() {
    Table table = Table.of(left("\u001b[2Jarm\n")).row("\u0007\u009b1m\u007f");
    String text = TerminalTable.render(table, false);
    assertEquals("␛[2Jarm␊\n────────\n␇\ufffd1m␡   \n", text);
  }

  @Test
  void markdownIsAlignedInItsSourceToo() {
    assertEquals(
        """
        | arm         |  accuracy, % | difference |
        | ----------- | ------------:| ----------:|
        | fp32        | 97.81 ± 0.12 |          – |
        | fp16 \\| raw |  9.80 ± 0.00 |     −88.01 |

        5 seeds &lt;each&gt;
        """,
        MarkdownTable.render(TABLE));
  }

  @Test
  void csvQuotesWhatNeedsIt() {
    Table table =
        Table.of(left("arm"), right("accuracy, %")).row("say \"fp16\"", "").row("a\nb", "1");
    assertEquals(
        "arm,\"accuracy, %\"\r\n\"say \"\"fp16\"\"\",\"\"\r\n\"a\nb\",1\r\n",
        CsvTable.render(table));
  }

  @Test
  void htmlHeadsItsRowsAndMarksTones() {
    assertEquals(
        """
        <div class="scroll" tabindex="0" role="region" aria-label="table">
        <table>
        <thead><tr><th scope="col">arm</th><th scope="col" class="right">accuracy, %</th>\
        <th scope="col" class="right">difference</th></tr></thead>
        <tbody>
        <tr><th scope="row">fp32</th><td class="right">97.81 ± 0.12</td>\
        <td class="right">–</td></tr>
        <tr><th scope="row">fp16 | raw</th><td class="right">9.80 ± 0.00</td>\
        <td class="right bad">−88.01</td></tr>
        </tbody>
        </table>
        </div>
        <p class="note">5 seeds &lt;each&gt;</p>
        """,
        HtmlTable.render(TABLE));
  }

  @Test
  void aRowHasACellForEachColumn() {
    Exception e = assertThrows(IllegalArgumentException.class, () -> TABLE.row("fp8", "97"));
    assertEquals("rows[2] has 2 cells, expected 3", e.getMessage());
    assertThrows(IllegalArgumentException.class, Table::of);
  }

  @Property(tries = 300)
  void terminalLinesAreEquallyWide(@ForAll("rows") List<List<String>> rows) {
    List<String> lines = TerminalTable.render(table(rows), false).lines().toList();
    assertEquals(rows.size() + 2, lines.size());
    int width = DisplayWidth.of(lines.getFirst());
    for (String line : lines) {
      assertEquals(width, DisplayWidth.of(line));
    }
  }

  @Property(tries = 300)
  void markdownKeepsEveryRowOnOneLine(@ForAll("rows") List<List<String>> rows) {
    List<String> lines = MarkdownTable.render(table(rows)).lines().toList();
    assertEquals(rows.size() + 2, lines.size());
    for (String line : lines) {
      // Bars that no backslash escapes: four for three columns.
      assertEquals(4, line.replaceAll("\\\\.", "").chars().filter(c -> c == '|').count());
      assertFalse(line.contains("<"));
    }
  }

  @Property(tries = 300)
  void csvReadsBack(@ForAll("rows") List<List<String>> rows) {
    List<List<String>> all = new ArrayList<>();
    all.add(List.of("a", "b", "c"));
    all.addAll(rows);
    assertEquals(all, parse(CsvTable.render(table(rows))));
  }

  @Provide
  Arbitrary<List<List<String>>> rows() {
    Arbitrary<String> texts =
        Arbitraries.oneOf(
            Arbitraries.strings().ofMaxLength(12),
            Arbitraries.strings().withChars("|\\\",\r\n<`±–数🚀 a1.").ofMaxLength(12));
    return texts.list().ofSize(3).list().ofMinSize(1).ofMaxSize(6);
  }

  private static Table table(List<List<String>> rows) {
    Table table = Table.of(left("a"), right("b"), left("c"));
    for (List<String> row : rows) {
      table = table.row(row.toArray(String[]::new));
    }
    return table;
  }

  /** A reader written from RFC 4180's grammar alone. */
  private static List<List<String>> parse(String csv) {
    List<List<String>> records = new ArrayList<>();
    List<String> fields = new ArrayList<>();
    int at = 0;
    while (at < csv.length()) {
      StringBuilder field = new StringBuilder();
      if (csv.charAt(at) == '"') {
        at++;
        while (csv.charAt(at) != '"' || csv.startsWith("\"\"", at)) {
          field.append(csv.charAt(at));
          at += csv.charAt(at) == '"' ? 2 : 1;
        }
        at++;
      } else {
        while (csv.charAt(at) != ',' && csv.charAt(at) != '\r') {
          field.append(csv.charAt(at++));
        }
      }
      fields.add(field.toString());
      if (csv.charAt(at) == ',') {
        at++;
      } else {
        assertEquals("\r\n", csv.substring(at, at + 2));
        at += 2;
        records.add(fields);
        fields = new ArrayList<>();
      }
    }
    return records;
  }
}
