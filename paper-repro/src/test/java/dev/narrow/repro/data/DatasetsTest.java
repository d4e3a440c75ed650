package dev.narrow.repro.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DatasetsTest {
  private static final DataLocator EMPTY = DataLocator.of(Path.of("no", "such"), notice -> {});

  @Test
  void glyphsNeedNoFile() {
    assertEquals("glyphs", Datasets.load("glyphs", EMPTY).name());
  }

  @Test
  void publishedSetsAreLookedForWhereTheLocatorSays() {
    Fixtures.failure(() -> Datasets.load("optdigits", EMPTY), Path.of("no", "such").toString());
    Fixtures.failure(() -> Datasets.load("mnist", EMPTY), Path.of("no", "such").toString());
  }

  @ParameterizedTest
  @CsvSource({
    "mnsit,mnist",
    "MNIST,mnist",
    "digits,optdigits",
    "glyph,glyphs",
    "optidigits,optdigits"
  })
  void anUnknownNameGetsTheValidOnesNearestFirst(String name, String nearest) {
    Fixtures.failure(
        () -> Datasets.load(name, EMPTY),
        "unknown data set '" + name + "', expected one of " + nearest + ", ");
  }

  @Test
  void allNamesAreListed() {
    assertEquals(List.of("glyphs", "optdigits", "mnist"), Datasets.names());
    Fixtures.failure(() -> Datasets.load("", EMPTY), "glyphs", "optdigits", "mnist");
  }

  @ParameterizedTest
  @CsvSource({
    "optdigits,64,3823,1797,f379a36b5180c6249adb5eb661eeaabd3df40bff22773f343bf56691dafdfa8b",
    "mnist,784,60000,10000,7abb07a4d55da9a1eaa4a2843aa496c147a3aab0382cb2c62b384cf17da0010f",
  })
  @EnabledIfEnvironmentVariable(named = "NARROW_DATA", matches = ".+")
  void thePublishedFilesLoad(String name, int features, int train, int test, String digest) {
    Path data = Path.of(System.getenv("NARROW_DATA"));
    assumeTrue(Files.isDirectory(data.resolve(name)));
    Dataset dataset = Datasets.load(name, DataLocator.of(data, notice -> {}));
    assertEquals(features, dataset.train().features());
    assertEquals(train, dataset.train().size());
    assertEquals(test, dataset.test().size());
    assertEquals(digest, dataset.digest());
  }
}
