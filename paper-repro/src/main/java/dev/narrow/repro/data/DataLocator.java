package dev.narrow.repro.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Finds the files of a published data set. An explicit directory is the only place looked at, and
 * nothing is downloaded. Without one: the directory that the environment variable {@code
 * NARROW_DATA} names, then the cache ({@code $XDG_CACHE_HOME/narrow}, else {@code
 * ~/.cache/narrow}), and what is in neither is downloaded into the cache. In each of them the files
 * lie in one folder per data set, {@code mnist/train-images-idx3-ubyte.gz} say. Wherever a file
 * comes from, its content must have the published digest.
 */
public final class DataLocator {
  static final String VARIABLE = "NARROW_DATA";

  private final @Nullable Path directory;
  private final @Nullable Path fromEnvironment;
  private final Path cache;
  private final Downloader downloader;

  DataLocator(
      @Nullable Path directory, Map<String, String> environment, Path home, Downloader downloader) {
    this.directory = directory;
    String named = environment.getOrDefault(VARIABLE, "");
    this.fromEnvironment = named.isEmpty() ? null : Path.of(named);
    this.cache = cacheHome(environment, home).resolve("narrow");
    this.downloader = downloader;
  }

  /** The XDG base directory specification has relative paths ignored. */
  private static Path cacheHome(Map<String, String> environment, Path home) {
    Path xdg = Path.of(environment.getOrDefault("XDG_CACHE_HOME", ""));
    return xdg.isAbsolute() ? xdg : home.resolve(".cache");
  }

  /**
   * A locator for this process's environment and user.
   *
   * @param directory the only directory to look at, or null to search as described above
   * @param notice told in one line before each download
   * @return the locator; nothing is looked at yet
   */
  public static DataLocator of(@Nullable Path directory, Consumer<String> notice) {
    return new DataLocator(
        directory,
        System.getenv(),
        Path.of(System.getProperty("user.home", "")),
        new Downloader(notice, Duration.ofMinutes(10)));
  }

  /**
   * The verified content of a file, unpacked.
   *
   * @throws DataException if it is nowhere, or where it is found it is not the published one
   */
  byte[] read(PublishedFile file) {
    String replace = "replace it with " + file.address();
    if (directory != null) {
      Path path = in(directory, "data directory", file);
      if (!Files.isRegularFile(path)) {
        throw DataException.mismatch(
            path.toString(),
            "a file of the data set " + file.folder(),
            "none",
            "put " + file.address() + " there, or name no data directory to have it downloaded");
      }
      return local(path, file, replace);
    }
    if (fromEnvironment != null) {
      Path path = in(fromEnvironment, VARIABLE, file);
      if (Files.isRegularFile(path)) {
        return local(path, file, replace);
      }
    }
    Path cached = cache.resolve(file.folder()).resolve(file.name());
    return Files.isRegularFile(cached)
        ? local(cached, file, "delete it to have it downloaded again")
        : downloader.fetch(file, cached);
  }

  private static Path in(Path root, String what, PublishedFile file) {
    if (!Files.isDirectory(root)) {
      throw new DataException(what + " " + root + ": expected a directory, found none");
    }
    return root.resolve(file.folder()).resolve(file.name());
  }

  private static byte[] local(Path path, PublishedFile file, String remedy) {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(path)) {
      bytes = in.readNBytes(file.maxFileSize() + 1);
    } catch (IOException e) {
      throw DataException.mismatch(
          path.toString(), "a readable file", e.getClass().getSimpleName(), remedy);
    }
    return file.content(bytes, path.toString(), remedy);
  }
}
