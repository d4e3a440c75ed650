package dev.narrow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Role;
import dev.narrow.quant.Recipes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the README says is what the code does. */
class ReadmeTest {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  private static String read(String file) throws IOException {
    return Files.readString(ROOT.resolve(file));
  }

  /** The examples are tests of their own; the README has them word for word. */
  @ParameterizedTest
  @CsvSource({
    "casting, CastingTest",
    "arithmetic, ArithmeticTest",
    "products, ProductsTest",
    "gpu, CudaTest",
    "either, CudaTest",
    "wrapping, WrappedLoopTest",
    "plain, SideBySideTest",
    "side by side, SideBySideTest",
    "tuning, TuningTest",
    "inspecting, TuningTest"
  })
  void examplesAreThoseThatTheTestsRun(String name, String test) throws IOException {
    requireExample(name, "paper-repro/src/test/java/dev/narrow/examples/" + test + ".java");
  }

  /** Deep Java Library is there for the tests of amp alone. */
  @Test
  void theExampleOfDjlIsThatOfAmp() throws IOException {
    requireExample("djl", "amp/src/test/java/dev/narrow/amp/djl/EasyTrainTest.java");
  }

  private static void requireExample(String name, String test) throws IOException {
    String source = read(test);
    Matcher region =
        Pattern.compile("// README: " + name + "\n(.*?)\\s+// end", Pattern.DOTALL).matcher(source);
    assertTrue(region.find(), test);
    String example = region.group(1).stripIndent().strip();
    assertTrue(read("README.md").contains("```java\n" + example + "\n```"), example);
  }

  @Test
  void thePolicyIsOne() throws IOException {
    Matcher block =
        Pattern.compile("```\n(amp 1\n.*?)```", Pattern.DOTALL).matcher(read("README.md"));
    assertTrue(block.find());
    AmpPolicy policy = AmpPolicy.parse(block.group(1));
    assertEquals(
        "nvfp4", Recipes.name(policy.quantizer("up", Role.WEIGHT).orElseThrow()).orElseThrow());
    assertTrue(policy.quantizer("embed", Role.WEIGHT).isEmpty());
    assertEquals(2, policy.lossScaling().hysteresis());
  }

  @Test
  void theTableOfResultsIsTheCommittedOne() throws IOException {
    List<String> report = read("paper-repro/results/first-table/report.md").lines().toList();
    List<String> rows =
        read("README.md").lines().filter(line -> line.matches("\\| .*(SGD|Madam) *\\|.*")).toList();
    assertFalse(rows.isEmpty());
    rows.forEach(row -> assertTrue(report.contains(row), row));
    long arms = report.stream().filter(line -> line.matches("\\| .*(SGD|Madam) *\\|.*±.*")).count();
    assertEquals(arms, rows.size());
  }

  /** The sums of the sweeps are those of the file that they wrote. */
  @Test
  void theSweepsAreThoseThatWereRun() throws IOException {
    List<String[]> sweeps =
        read("formats/exhaustive.txt").lines().map(line -> line.split("\t", -1)).toList();
    long cases = sweeps.stream().mapToLong(sweep -> Long.parseLong(sweep[1])).sum();
    long differences = sweeps.stream().mapToLong(sweep -> Long.parseLong(sweep[2])).sum();
    String sums =
        String.format(
            Locale.ROOT, "%d sweeps, %,d cases, %d differences", sweeps.size(), cases, differences);
    assertTrue(read("README.md").contains(sums), sums);
  }

  @Test
  void whatItLinksToIsThere() throws IOException {
    Matcher links = Pattern.compile("\\]\\((?!https?:|#)([^)]+)\\)").matcher(read("README.md"));
    int found = 0;
    while (links.find()) {
      assertTrue(Files.exists(ROOT.resolve(links.group(1))), links.group(1));
      found++;
    }
    assertTrue(found > 0);
  }
}
