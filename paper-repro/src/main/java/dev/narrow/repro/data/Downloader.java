package dev.narrow.repro.data;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/**
 * Fetches published files into the cache. A file appears there whole and verified, or not at all.
 */
final class Downloader {
  private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");

  private final Consumer<String> notice;
  private final Duration deadline;

  /**
   * A downloader.
   *
   * @param notice told in one line before each download
   * @param deadline the longest that one file may take, connection included
   */
  Downloader(Consumer<String> notice, Duration deadline) {
    this.notice = notice;
    this.deadline = deadline;
  }

  /**
   * Downloads a file.
   *
   * @param target where it is kept
   * @return the content, unpacked
   * @throws DataException if it cannot be had, is not the published one, or cannot be kept
   */
  byte[] fetch(PublishedFile file, Path target) {
    String byHand =
        String.format(
            "put the file by hand at %s, or name a directory that holds %s with --data or %s",
            target, file.path(), DataLocator.VARIABLE);
    notice.accept("downloading " + file.address() + " to " + target);
    byte[] bytes = get(file, byHand);
    byte[] content = file.content(bytes, file.address().toString(), byHand);
    keep(bytes, target, byHand);
    return content;
  }

  private byte[] get(PublishedFile file, String byHand) {
    URI address = file.address();
    // Nobody listens in between on the loopback interface.
    if (!"https".equals(address.getScheme()) && !LOOPBACK.contains(address.getHost())) {
      throw failed(address, "the address is not https", byHand);
    }
    HttpClient client =
        HttpClient.newBuilder()
            .connectTimeout(deadline)
            .followRedirects(HttpClient.Redirect.NORMAL) // never from https to http
            .build();
    try {
      var request = HttpRequest.newBuilder(address).header("User-Agent", "narrow").build();
      HttpResponse<byte[]> response =
          client
              .sendAsync(
                  request,
                  info ->
                      info.statusCode() == 200
                          ? BodySubscribers.limiting(
                              BodySubscribers.ofByteArray(), file.maxFileSize())
                          : BodySubscribers.replacing(new byte[0]))
              .get(deadline.toMillis(), TimeUnit.MILLISECONDS);
      if (response.statusCode() != 200) {
        throw failed(address, "the server answers " + response.statusCode(), byHand);
      }
      return response.body();
    } catch (TimeoutException e) {
      throw failed(address, "not done after " + deadline.toSeconds() + " s", byHand);
    } catch (ExecutionException e) {
      throw failed(address, describe(address, e), byHand);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failed(address, "interrupted", byHand);
    } finally {
      client.shutdownNow();
    }
  }

  private static String describe(URI address, ExecutionException e) {
    Throwable cause = e.getCause() == null ? e : e.getCause();
    if (cause instanceof ConnectException) { // refused or unresolved: it has no message
      return "no connection to " + address.getHost();
    }
    return cause.getClass().getSimpleName() + ", " + cause.getMessage();
  }

  private static DataException failed(URI address, String why, String byHand) {
    return new DataException("cannot download " + address + " (" + why + "); " + byHand);
  }

  private static void keep(byte[] bytes, Path target, String byHand) {
    Path folder = target.toAbsolutePath().getParent();
    if (folder == null) {
      throw new IllegalArgumentException("target = " + target + ", expected a file in a folder");
    }
    try {
      Files.createDirectories(folder);
      Path partial = Files.createTempFile(folder, "", ".part");
      try {
        Files.write(partial, bytes);
        Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(partial);
      }
    } catch (IOException e) {
      throw new DataException(
          "cannot write " + target + " (" + e.getClass().getSimpleName() + "); " + byHand);
    }
  }
}
