package dev.narrow.repro.data;

import static dev.narrow.repro.data.Fixtures.ascii;
import static dev.narrow.repro.data.Fixtures.failure;
import static dev.narrow.repro.data.Fixtures.line;
import static dev.narrow.repro.data.Fixtures.published;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OptdigitsTest {
  private static Split parse(String text) {
    return Optdigits.parse(ascii(text), "optdigits.tra");
  }

  @Test
  void aDirectoryInThePublishedLayoutLoads(@TempDir Path dir) throws IOException {
    byte[] train = ascii(line(16, 3) + line(5, 7));
    byte[] test = ascii(line(0, 9));
    var set =
        new Optdigits(
            published("optdigits", "a.tra", Fixtures.NOWHERE, train),
            published("optdigits", "a.tes", Fixtures.NOWHERE, test));
    Fixtures.put(dir, set.train(), train);
    Fixtures.put(dir, set.test(), test);

    Dataset dataset = set.load(DataLocator.of(dir, notice -> {}));

    assertEquals(64, dataset.train().features());
    assertArrayEquals(new int[] {3, 7}, dataset.train().y());
    assertEquals(1f, dataset.train().x()[63]);
    assertEquals(0.3125f, dataset.train().x()[64]);
    assertArrayEquals(new int[] {9}, dataset.test().y());
    assertArrayEquals(new float[64], dataset.test().x());
  }

  @Test
  void theLastLineMayLackItsLineFeed() {
    assertEquals(2, parse(line(1, 1) + line(2, 2).stripTrailing()).size());
  }

  @ParameterizedTest
  @ValueSource(strings = {"17", "-1", "1.5", " 1", "001", "", "1x"})
  void aBadValueIsNamedByLineAndColumn(String value) {
    String second = line(1, 1).replaceFirst("1,1,1,", "1,1," + value + ",");
    failure(() -> parse(line(1, 1) + second), "line 2, value 3", "0 to 16", "'" + value + "'");
  }

  @Test
  void aBadLineIsNamed() {
    String good = line(4, 4);
    failure(() -> parse(good + good + "1,2,3\n"), "line 3", "expected 65 values", "found 3");
    failure(() -> parse(good.replace("\n", ",1\n")), "line 1", "65 values", "found more");
    failure(() -> parse(good + "\n" + good), "line 2, value 1", "found ''");
    failure(() -> parse(line(4, 10)), "line 1, value 65", "0 to 9", "'10'");
    failure(() -> parse(good.replace("\n", "\r\n")), "line 1, value 65", "'4?'");
    failure(() -> parse(""), "optdigits.tra", "empty");
    failure(() -> parse("9".repeat(1_000_000)), "line 1, value 1", "'999999999999'");
  }

  @Provide
  Arbitrary<byte[]> badFiles() {
    return Mutation.of(ascii(line(1, 1) + line(12, 2)));
  }

  @Property
  void bytesOfStrangersNeverThrowAnythingElse(
      @ForAll("badFiles") byte[] mutated, @ForAll byte[] arbitrary) {
    Mutation.survives(() -> Optdigits.parse(mutated, "optdigits.tra"));
    Mutation.survives(() -> Optdigits.parse(arbitrary, "optdigits.tra"));
  }
}
