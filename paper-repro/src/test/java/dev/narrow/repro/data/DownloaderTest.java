package dev.narrow.repro.data;

import static dev.narrow.repro.data.Fixtures.ascii;
import static dev.narrow.repro.data.Fixtures.failure;
import static dev.narrow.repro.data.Fixtures.gzip;
import static dev.narrow.repro.data.Fixtures.published;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a server on the loopback interface. */
class DownloaderTest {
  private static final byte[] CONTENT = ascii("published");

  @TempDir Path cache;
  private HttpServer server;
  private PublishedFile file;
  private final List<String> notices = new ArrayList<>();
  private final CountDownLatch testIsOver = new CountDownLatch(1);

  @BeforeEach
  void startServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(task -> Thread.ofVirtual().start(task));
    server.start();
    file = published("set", "file.gz", base(), CONTENT);
  }

  @AfterEach
  void stopServer() {
    testIsOver.countDown();
    server.stop(0);
  }

  private URI base() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/");
  }

  private Path target() {
    return cache.resolve("set").resolve("file.gz");
  }

  private byte[] fetch(Duration deadline) {
    return new Downloader(notices::add, deadline).fetch(file, target());
  }

  private byte[] fetch() {
    return fetch(Duration.ofSeconds(30));
  }

  private void serve(String path, HttpHandler handler) {
    server.createContext(
        path,
        exchange -> {
          try (exchange) {
            handler.handle(exchange);
          }
        });
  }

  private void serve(byte[] body) {
    serve(
        "/file.gz",
        exchange -> {
          exchange.sendResponseHeaders(200, body.length);
          exchange.getResponseBody().write(body);
        });
  }

  /** One line that says what failed and where to put the file by hand; nothing is left behind. */
  private void failsWith(String... parts) throws IOException {
    failsWithin(Duration.ofSeconds(30), parts);
  }

  private void failsWithin(Duration deadline, String... parts) throws IOException {
    String message = failure(() -> fetch(deadline), parts);
    assertTrue(message.contains(file.address().toString()), message);
    assertTrue(message.contains("put the file by hand at " + target()), message);
    assertTrue(message.contains("holds set/file.gz with --data or NARROW_DATA"), message);
    try (Stream<Path> left = Files.walk(cache)) {
      assertEquals(List.of(), left.filter(Files::isRegularFile).toList());
    }
  }

  @Test
  void whatIsFetchedIsVerifiedAndKept() throws IOException {
    byte[] packed = gzip(CONTENT);
    serve(packed);
    assertArrayEquals(CONTENT, fetch());
    assertArrayEquals(packed, Files.readAllBytes(target()));
    assertEquals(List.of("downloading " + file.address() + " to " + target()), notices);
    try (Stream<Path> kept = Files.list(cache.resolve("set"))) {
      assertEquals(List.of(target()), kept.toList(), "no partial file");
    }
  }

  @Test
  void theLocatorFindsItThereTheNextTime() throws IOException {
    serve(gzip(CONTENT));
    var environment = Map.of("XDG_CACHE_HOME", cache.toString());
    var locator =
        new DataLocator(
            null, environment, cache, new Downloader(notices::add, Duration.ofSeconds(30)));
    assertArrayEquals(CONTENT, locator.read(file));
    server.removeContext("/file.gz");
    assertArrayEquals(CONTENT, locator.read(file));
    assertEquals(1, notices.size());
  }

  @Test
  void aRedirectIsFollowed() {
    serve(
        "/file.gz",
        exchange -> {
          exchange.getResponseHeaders().add("Location", "/moved");
          exchange.sendResponseHeaders(302, -1);
        });
    byte[] packed = gzip(CONTENT);
    serve(
        "/moved",
        exchange -> {
          exchange.sendResponseHeaders(200, packed.length);
          exchange.getResponseBody().write(packed);
        });
    assertArrayEquals(CONTENT, fetch());
  }

  @Test
  void aWrongDigestIsRefused() throws IOException {
    byte[] other = ascii("publishes");
    serve(gzip(other));
    failsWith("SHA-256 " + file.sha256(), "found " + Sha256.of(other));
  }

  @Test
  void aTruncatedFileIsRefused() throws IOException {
    serve(Arrays.copyOf(gzip(CONTENT), 15));
    failsWith("truncated file (15 bytes");
  }

  @Test
  void aConnectionThatBreaksOffIsAnError() throws IOException {
    serve(
        "/file.gz",
        exchange -> {
          exchange.sendResponseHeaders(200, 1000);
          exchange.getResponseBody().write(new byte[10]);
          exchange.getResponseBody().flush();
        });
    failsWith("cannot download", "IOException");
  }

  @Test
  void moreThanTheFileCanHaveIsNotTakenIn() throws IOException {
    serve(
        "/file.gz",
        exchange -> {
          exchange.sendResponseHeaders(200, 0); // chunked: no length is announced
          byte[] chunk = new byte[1 << 16];
          while (true) {
            exchange.getResponseBody().write(chunk); // until the client hangs up
          }
        });
    failsWith("cannot download", "IOException");
  }

  @Test
  void notFoundIsAnError() throws IOException {
    failsWith("cannot download", "the server answers 404");
  }

  @Test
  void aRefusedConnectionIsAnError() throws IOException {
    server.stop(0);
    failsWith("cannot download", "no connection to 127.0.0.1");
  }

  @Test
  void aServerThatNeverAnswersIsGivenUp() throws IOException {
    serve("/file.gz", exchange -> awaitTestEnd());
    failsWithin(Duration.ofMillis(200), "cannot download", "not done after");
  }

  @Test
  void aServerThatStopsHalfwayIsGivenUp() throws IOException {
    serve(
        "/file.gz",
        exchange -> {
          exchange.sendResponseHeaders(200, 1000);
          exchange.getResponseBody().write(new byte[10]);
          exchange.getResponseBody().flush();
          awaitTestEnd();
        });
    failsWithin(Duration.ofMillis(500), "cannot download", "not done after");
  }

  private void awaitTestEnd() throws IOException {
    try {
      testIsOver.await();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  @Test
  void onlyHttpsLeavesTheMachine() throws IOException {
    file = published("set", "file.gz", URI.create("http://data.invalid/"), CONTENT);
    failsWith("cannot download", "not https");
  }

  @Test
  void aCacheThatCannotBeWrittenIsAnError() throws IOException {
    serve(gzip(CONTENT));
    Files.writeString(cache.resolve("set"), "a file where the folder should be");
    failure(this::fetch, "cannot write " + target(), "put the file by hand");
    assertFalse(Files.isDirectory(cache.resolve("set")));
  }
}
