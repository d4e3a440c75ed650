package dev.narrow.repro.data;

import static dev.narrow.repro.data.Fixtures.ascii;
import static dev.narrow.repro.data.Fixtures.failure;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where a file is looked for, and in which order. A download is always refused here. */
class DataLocatorTest {
  private static final byte[] GOOD = ascii("good");
  private static final byte[] BAD = ascii("evil");
  private static final PublishedFile FILE =
      new PublishedFile(
          "set", "f", URI.create("http://mirror.invalid/f"), false, 4, Sha256.of(GOOD));

  @TempDir Path root;
  private Path given;
  private Path named;
  private Path home;
  private final List<String> notices = new ArrayList<>();

  @BeforeEach
  void makeDirectories() throws IOException {
    given = Files.createDirectory(root.resolve("given"));
    named = Files.createDirectory(root.resolve("named"));
    home = Files.createDirectory(root.resolve("home"));
  }

  private byte[] read(@Nullable Path directory, Map<String, String> environment) {
    var downloader = new Downloader(notices::add, Duration.ofSeconds(10));
    return new DataLocator(directory, environment, home, downloader).read(FILE);
  }

  private Map<String, String> environment() {
    return Map.of("NARROW_DATA", named.toString());
  }

  private Path cache() {
    return home.resolve(".cache/narrow");
  }

  @Test
  void aGivenDirectoryIsTheOnlyPlace() throws IOException {
    Fixtures.put(named, FILE, GOOD);
    Fixtures.put(cache(), FILE, GOOD);
    failure(
        () -> read(given, environment()),
        given.resolve("set").resolve("f") + ": expected",
        "found none",
        FILE.address().toString());
    assertEquals(List.of(), notices, "nothing is downloaded");
    Fixtures.put(given, FILE, GOOD);
    assertArrayEquals(GOOD, read(given, environment()));
  }

  @Test
  void thenTheVariableThenTheCacheThenTheNetwork() throws IOException {
    failure(() -> read(null, environment()), "cannot download " + FILE.address());
    assertEquals(1, notices.size());

    Fixtures.put(cache(), FILE, GOOD);
    assertArrayEquals(GOOD, read(null, environment()));

    Path inNamed = Fixtures.put(named, FILE, BAD);
    failure(() -> read(null, environment()), inNamed + ": expected SHA-256", "replace it");
    assertArrayEquals(GOOD, read(null, Map.of()), "without the variable");
    assertArrayEquals(GOOD, read(null, Map.of("NARROW_DATA", "")), "with an empty one");
  }

  @Test
  void theCacheFollowsXdg() throws IOException {
    Fixtures.put(named.resolve("narrow"), FILE, GOOD);
    assertArrayEquals(GOOD, read(null, Map.of("XDG_CACHE_HOME", named.toString())));
    Fixtures.put(cache(), FILE, GOOD);
    assertArrayEquals(GOOD, read(null, Map.of("XDG_CACHE_HOME", "relative/is/ignored")));
  }

  @Test
  void anAlteredOrTruncatedCacheIsAnErrorNotADownload() throws IOException {
    Path cached = Fixtures.put(cache(), FILE, BAD);
    failure(() -> read(null, Map.of()), cached.toString(), Sha256.of(BAD), "delete it");
    Fixtures.put(cache(), FILE, ascii("go"));
    failure(() -> read(null, Map.of()), "expected 4 bytes", "truncated file of 2");
    assertEquals(List.of(), notices);
  }

  @Test
  void aDirectoryThatIsNotThereIsNamed() {
    Path gone = root.resolve("gone");
    failure(() -> read(gone, Map.of()), "data directory " + gone, "expected a directory");
    failure(() -> read(null, Map.of("NARROW_DATA", gone.toString())), "NARROW_DATA " + gone);
  }

  @Test
  void aPathWithALineFeedStaysOneLine() {
    failure(() -> read(root.resolve("two\nlines"), Map.of()), "two?lines");
  }
}
