package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What src/main/cuda/build.sh has made of the kernels' sources. */
class ShippedKernelsTest {
  private static final String REBUILD = "; run kernels/src/main/cuda/build.sh (it needs nvcc)";
  private static final Path SOURCES = EmulatedDriver.kernels().resolve("src/main/cuda");
  private static final Path SHIPPED =
      EmulatedDriver.kernels().resolve("src/main/resources/dev/narrow/kernels/cuda");
  private static final Pattern ENTRY = Pattern.compile("\\.entry (\\w+)");

  private static List<Path> files(Path folder, String glob) {
    try (Stream<Path> files = Files.list(folder)) {
      var matcher = folder.getFileSystem().getPathMatcher("glob:" + glob);
      return files.filter(file -> matcher.matches(file.getFileName())).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static List<String> sources() {
    return files(SOURCES, "*.cu").stream().map(file -> file.getFileName().toString()).toList();
  }

  static List<Path> ptx() {
    return files(SHIPPED, "*.ptx");
  }

  /** As build.sh has it: of the script, all headers and the file. */
  private static String digest(String source) throws IOException, NoSuchAlgorithmException {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    digest.update(Files.readAllBytes(SOURCES.resolve("build.sh")));
    for (Path header : files(SOURCES, "*.cuh")) {
      digest.update(Files.readAllBytes(header));
    }
    digest.update(Files.readAllBytes(SOURCES.resolve(source)));
    return HexFormat.of().formatHex(digest.digest());
  }

  @Test
  void areOfTheseSources() throws IOException, NoSuchAlgorithmException {
    List<String> expected = new ArrayList<>();
    for (String source : sources()) {
      expected.add(digest(source) + "  " + source);
    }
    List<String> lines = Files.readAllLines(SHIPPED.resolve("SOURCES.sha256"));
    assertEquals(
        expected, lines.subList(1, lines.size()), "the kernels have changed since" + REBUILD);
  }

  @ParameterizedTest
  @MethodSource("sources")
  void areThereForEverySource(String source) {
    String module = source.substring(0, source.length() - ".cu".length());
    boolean isForOneDevice = module.endsWith(".sm_90a");
    for (String suffix :
        isForOneDevice ? List.of(".ptx", ".cubin") : List.of(".sm_75.ptx", ".sm_90.cubin")) {
      assertTrue(Files.exists(SHIPPED.resolve(module + suffix)), module + suffix + REBUILD);
    }
  }

  @Test
  void haveASource() {
    List<String> modules = sources().stream().map(name -> name.replaceAll("\\..*", "")).toList();
    for (Path file : files(SHIPPED, "*.sm_*")) {
      String module = file.getFileName().toString().replaceAll("\\..*", "");
      assertTrue(modules.contains(module), file + " is of no source");
    }
  }

  @Test
  void namesAreUnique() throws IOException {
    Map<String, String> modules = new HashMap<>();
    for (Path file : ptx()) {
      String module = file.getFileName().toString().replaceAll("\\..*", "");
      Matcher entry = ENTRY.matcher(Files.readString(file));
      while (entry.find()) {
        String before = modules.put(entry.group(1), module);
        assertTrue(before == null || before.equals(module), entry.group(1) + " is in two modules");
      }
    }
    assertFalse(modules.isEmpty() && !sources().isEmpty());
  }

  /** The header is what drivers look at; comments would say with what and where it was made. */
  @ParameterizedTest
  @MethodSource("ptx")
  void sayWhatTheyAreFor(Path file) throws IOException {
    String ptx = Files.readString(file, StandardCharsets.US_ASCII);
    String name = file.getFileName().toString();
    String sm = name.substring(name.indexOf(".sm_") + 1, name.length() - ".ptx".length());
    assertTrue(
        ptx.startsWith(".version 8.0\n.target " + sm + "\n.address_size 64\n"),
        ptx.lines().limit(3).toList()::toString);
    assertFalse(ptx.contains("//"), name);
  }

  @ParameterizedTest
  @MethodSource("ptx")
  void loadOnOldDrivers(Path file) throws IOException {
    String name = file.getFileName().toString();
    String sm = name.substring(name.indexOf(".sm_") + 1, name.length() - ".ptx".length());
    assertEquals("", PtxCompiler.compile(Files.readString(file, StandardCharsets.US_ASCII), sm));
  }

  @Test
  void theCompilerOfOldDriversRefusesWhatIsNewer() {
    String ptx = ".version %s\n.target sm_75\n.address_size 64\n.visible .entry none() { ret; }\n";
    assertEquals("", PtxCompiler.compile(ptx.formatted("8.0"), "sm_75"));
    String refused = PtxCompiler.compile(ptx.formatted("9.0"), "sm_75");
    assertTrue(refused.contains("9.0"), refused);
    String unknown = PtxCompiler.compile(ptx.formatted("8.0").replace("ret", "rte"), "sm_75");
    assertTrue(unknown.contains("rte"), unknown);
  }
}
