package dev.narrow.cli;

import static dev.narrow.cli.Narrow.assertRefused;
import static dev.narrow.cli.Narrow.output;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Operation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code narrow formats}: the list, and the page of one format. */
class FormatsCommandTest {
  private static final String README = "README.md";

  static Stream<String> names() {
    return Stream.concat(
        Formats.all().stream().map(NumericFormat::name),
        Stream.of(
            "float:e11m4",
            "float:e2m1,subnormals=no",
            "lns:b16g2048",
            "posit:b8e0",
            "lns:b16g1",
            "float:e11m2"));
  }

  @Test
  void theReadmeShowsTheListAndTheBeginningOfAPage() throws Exception {
    String readme = Files.readString(Path.of("..", README));
    assertTrue(readme.contains(output("formats")), "the list is not today's");
    String page = output("formats", "e4m3fn");
    String beginning = page.substring(0, page.indexOf("\ncode "));
    assertTrue(readme.contains(beginning), "the page of e4m3fn is not today's");
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyPageFitsATerminalAndHasEveryCode(String name) {
    NumericFormat format = Formats.parse(name);
    String page = output("formats", name);
    for (String line : page.lines().toList()) {
      assertTrue(line.length() <= 80, line.length() + " columns: " + line);
      assertEquals(line.stripTrailing(), line);
    }
    assertTrue(page.contains(Formats.remark(format).orElse("")), page);
    if (format.width() <= 8) {
      String table = page.substring(page.indexOf("\ncode "));
      for (int code = 0; code < 1 << format.width(); code++) {
        String hex = new Codes(format).hex(code);
        assertTrue(table.contains(hex + " "), hex);
      }
    }
  }

  /** Tables 1 and 2 of the OCP 8-bit Floating Point Specification, revision 1.0. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      textBlock =
          """
          e4m3fn; exponent (bias 7)
          e4m3fn; max normal              448     1.75 × 2^8   0x7E   S.1111.110
          e4m3fn; min normal         0.015625           2^-6   0x08   S.0001.000
          e4m3fn; max subnormal   0.013671875   0.875 × 2^-6   0x07   S.0000.111
          e4m3fn; min subnormal   0.001953125           2^-9   0x01   S.0000.001
          e4m3fn; infinities       none
          e4m3fn; NaN              0x7F, 0xFF
          e4m3fn; zero             0x00; -0 is 0x80
          e5m2; exponent (bias 15)
          e5m2; max normal                57344    1.75 × 2^15   0x7B   S.11110.11
          e5m2; min normal       6.103515625e-5          2^-14   0x04   S.00001.00
          e5m2; max subnormal   4.57763671875e-5   0.75 × 2^-14   0x03   S.00000.11
          e5m2; min subnormal   1.52587890625e-5          2^-16   0x01   S.00000.01
          e5m2; infinities       0x7C, 0xFC
          e5m2; NaN              0x7D-0x7F, 0xFD-0xFF: 6 codes
          e5m2; zero             0x00; -0 is 0x80
          """)
  void thePagesSayWhatTheSpecificationSays(String name, String said) {
    String page = words(name);
    assertTrue(page.contains(said.replaceAll(" +", " ")), page);
  }

  @Test
  void aNameThatMeansDifferentThingsSaysSoFirst() {
    assertEquals(
        "IEEE style, largest value 240; OCP's is e4m3fn",
        output("formats", "e4m3").lines().findFirst().orElseThrow());
  }

  @Test
  void valuesAreExact() {
    assertTrue(words("e2m1").contains("0x7 0xF S.11.1 6 1.5 × 2^2 normal"));
    assertTrue(words("e5m2").contains("0x01 0x81 S.00000.01 1.52587890625e-5 2^-16 subnormal"));
    assertTrue(words("lns8").contains("0x41 0xC1 S.1000001 1.09050773 2^(1/8) number"));
    assertTrue(words("mxint8").contains("0x7F 0x81 01111111 1.984375 127 × 2^-6 number"));
    assertTrue(words("e8m0").contains("0x00 00000000 5.87747175e-39 2^-127 normal"));
    assertTrue(words("e2m3").contains("0x0B 0x2B S.01.011 1.375 1.375 normal"));
    assertTrue(words("fp4-bnb").contains("zero 0x0, 0x8"));
    assertTrue(words("posit16").contains("0x0001 0.000000000000001 1.38777878e-17 2^-56"));
  }

  /** A page with one space in place of several. */
  private static String words(String name) {
    return output("formats", name).replaceAll(" +", " ");
  }

  @Test
  void machinesGetEveryCode() throws Exception {
    List<String> csv = output("formats", "fp16", "--csv").lines().toList();
    assertEquals(65536 + 1, csv.size());
    assertEquals("code,bits,value,exactly,class", csv.getFirst());
    assertEquals("0x7BFF,0.11110.1111111111,65504.0,2047 × 2^5,normal", csv.get(0x7BFF + 1));

    JsonNode e4m3 = JsonMapper.shared().readTree(output("formats", "e4m3", "--json"));
    assertEquals(240, e4m3.get("maxFinite").asDouble());
    assertEquals(256, e4m3.get("values").size());
    assertEquals("infinity", e4m3.get("values").get(0x78).get("class").asString());
    JsonNode all = JsonMapper.shared().readTree(output("formats", "--json"));
    assertEquals(Formats.all().size(), all.size());
    assertFalse(all.get(0).has("values"));
    List<String> list = output("formats", "--csv").lines().toList();
    assertEquals(Formats.all().size() + 1, list.size());
    assertTrue(
        list.contains(
            "e2m1,4,1-2-1,6.0,1.0,0.5,0.5,"
                + Formats.E2M1.limits().octaves()
                + ",0.2"), // 0.2 of 2.5: 2 or 3
        list.toString());
  }

  @Test
  void operationsHaveTables() throws Exception {
    List<String> add = output("formats", "e4m3fn", "--op", "add", "--csv").lines().toList();
    assertEquals(65536 + 1, add.size());
    assertEquals("a,b,result,a value,b value,result value", add.getFirst());
    // 448 + 32 = 480, a step beyond the largest; 1 + 1.125 lies midway between 2 and 2.25
    assertEquals("0x7E,0x60,0x7F,448.0,32.0,NaN", add.get(0x7E60 + 1));
    assertEquals("0x38,0x39,0x40,1.0,1.125,2.0", add.get(0x3839 + 1));

    List<String> sqrt = output("formats", "fp16", "--op", "sqrt", "--csv").lines().toList();
    assertEquals(65536 + 1, sqrt.size());
    assertEquals("a,result,a value,result value", sqrt.getFirst());
    assertEquals("0x4400,0x4000,4.0,2.0", sqrt.get(0x4400 + 1));

    JsonNode fma = JsonMapper.shared().readTree(output("formats", "e2m1", "--op", "fma", "--json"));
    assertEquals(4096, fma.size());
    assertEquals("4.0", fma.get(0x442).get("result value").asString(), "2 * 2 + 1 = 5, to even");
    assertTrue(output("formats", "int2", "--op", "multiply").contains("a value"));
  }

  @Test
  void thePlotHasABarForEachOctave() {
    String plot = OctavePlot.render(Formats.E2M1, false);
    assertEquals(
        """
        values in each octave                                                error
             2 ┤               █████████████████████████████████████████████ 20 %
             1 ┤████████████████████████████████████████████████████████████ 33 %
               └┴──────────────┴──────────────┴──────────────┴──────────────┴
              2^-1             1             2^1            2^2            2^3
        """,
        plot);
  }

  @Test
  void subnormalsHaveAColourOfTheirOwn() {
    String plot = OctavePlot.render(Formats.E2M1, true);
    assertTrue(plot.contains("\u001b[33m███████████████\u001b[0m████"), plot);
    assertEquals(OctavePlot.render(Formats.E2M1, false), plot.replaceAll("\u001b\\[[0-9]*m", ""));
  }

  @Test
  void mistakesAreNamedInOneLineWithTheNearestNames() {
    assertRefused("bf16", "formats", "bf61");
    assertRefused("lists (2^16)", "formats", "fp32", "--csv");
    assertRefused("expected a format", "formats", "--op", "add");
    assertRefused("add", "formats", "e4m3fn", "--op", "adds");
    assertRefused(
        "fma takes 2^24 combinations of codes of e4m3fn, more than --op lists (2^16)",
        "formats",
        "e4m3fn",
        "--op",
        "fma");
    assertRefused("add takes 2^32 combinations", "formats", "fp16", "--op", "add", "--csv");
    assertRefused("mutually exclusive", "formats", "fp16", "--csv", "--json");
  }

  /** What the statement claims to be there is there, and what it does not is not. */
  @Test
  void theStatementOnP3109NamesWhatIsThere() {
    List<String> rows = output("formats", "--p3109", "--csv").lines().toList();
    assertTrue(rows.contains("arithmetic,Rsqrt,reciprocal-sqrt"));
    assertTrue(rows.contains("rounding,StochasticC,stochastic-c"));
    assertTrue(rows.contains("saturation,SatNone,p3109-none"));
    assertTrue(rows.contains("arithmetic,Hypot,–"));
    for (String row : rows) {
      String[] cells = row.split(",", -1);
      if (cells[0].matches("arithmetic|extrema|exponential|hyperbolic") && !cells[2].equals("–")) {
        assertEquals(cells[2], Operation.parse(cells[2]).toString());
      }
    }
    output("formats", "--p3109").lines().forEach(line -> assertTrue(line.length() <= 80, line));
  }
}
