package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.kernels.Forgetful;
import dev.narrow.kernels.cuda.CudaProbe.Reason;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is missing is told, in one line, whatever it is. */
class CudaProbeTest {
  private static final String LIBRARY = "-Ddev.narrow.cuda.library=";
  private static final String JCUDA_FILE = "libJCudaDriver-12.6.0-linux-x86_64.so";

  private static void assertFinds(String kind, String words, ChildJvm child)
      throws IOException, InterruptedException {
    String output = child.output();
    List<String> lines =
        output
            .lines()
            .filter(line -> !line.startsWith("OpenJDK") && !line.startsWith("It's"))
            .toList();
    assertTrue(lines.getFirst().startsWith(kind + " "), output);
    assertTrue(lines.getFirst().contains(words), output);
    assertEquals(2, lines.size(), "one line, and the temporary directory: " + output);
  }

  @Test
  void aMissingLibrary() throws Exception {
    assertFinds(
        Reason.NO_LIBRARY.name(),
        "there is no /nonexistent/libcuda.so.1",
        ChildJvm.onClassPath(ChildJvm.path(), Map.of(), LIBRARY + "/nonexistent/libcuda.so.1"));
  }

  @Test
  void aFileThatIsNoLibrary(@TempDir Path directory) throws Exception {
    Path file = Files.writeString(directory.resolve("libcuda.so.1"), "no library at all");
    assertFinds(
        Reason.BROKEN_LIBRARY.name(),
        "is not a library that can be loaded",
        ChildJvm.onClassPath(ChildJvm.path(), Map.of(), LIBRARY + file));
  }

  @Test
  void aLibraryOfSomethingElse() throws Exception {
    assertFinds(
        Reason.BROKEN_LIBRARY.name(),
        "lacks cuInit and ",
        ChildJvm.onClassPath(ChildJvm.path(), Map.of(), LIBRARY + "libc.so.6"));
  }

  @ParameterizedTest
  @CsvSource({
    "DEVICES, 0, NO_DEVICE, the driver finds no GPU: see whether nvidia-smi lists one",
    "DRIVER, 11080, DRIVER_TOO_OLD, the driver is one for CUDA 11.8: install one for 12.0 or later",
    "CAPABILITY, 70, NO_DEVICE, compute capability 7.0",
    "CAPABILITY, 75, AVAILABLE, compute capability 7.5"
  })
  void driversAndDevices(String setting, String value, String kind, String words) throws Exception {
    String library = LIBRARY + EmulatedDriver.library();
    assertFinds(
        kind,
        words,
        ChildJvm.onClassPath(
            ChildJvm.path(), Map.of("NARROW_EMULATOR_" + setting, value), library));
  }

  @ParameterizedTest
  @CsvSource({
    "jcuda-1, jcuda/JCudaVersion",
    "jcuda-natives, there is no lib/libJCudaDriver-12.6.0-linux-x86_64.so on the class path"
  })
  void aMissingJar(String jar, String words) throws Exception {
    List<String> path =
        ChildJvm.path().stream()
            .filter(element -> !Path.of(element).getFileName().toString().startsWith(jar))
            .toList();
    assertFinds(
        Reason.NO_JCUDA.name(),
        words,
        ChildJvm.onClassPath(path, Map.of(), LIBRARY + EmulatedDriver.library()));
  }

  @Test
  void whatIsLeftOpenIsNamedWithItsPlace() throws Exception {
    List<String> arguments =
        List.of(
            "-Ddev.narrow.cuda.trace=true",
            LIBRARY + EmulatedDriver.library(),
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            ChildJvm.testClasses()
                + File.pathSeparator
                + String.join(File.pathSeparator, ChildJvm.path()),
            Forgetful.class.getName());
    String output = ChildJvm.start(arguments, Map.of()).output();
    for (String what : List.of("fp32[3]", "an event")) {
      assertTrue(
          output.contains(what + " opened at dev.narrow.kernels.Forgetful.main(Forgetful.java:"),
          output);
    }
  }

  @Test
  void nativeAccessThatIsDenied() throws Exception {
    List<String> arguments =
        List.of(
            "--illegal-native-access=deny",
            LIBRARY + EmulatedDriver.library(),
            "-cp",
            ChildJvm.testClasses()
                + File.pathSeparator
                + String.join(File.pathSeparator, ChildJvm.path()),
            ChildJvm.Probe.class.getName());
    assertFinds(
        Reason.NO_NATIVE_ACCESS.name(),
        "pass --enable-native-access=ALL-UNNAMED to java",
        ChildJvm.start(arguments, Map.of()));
  }

  @Test
  void jcudaAsModule() throws Exception {
    // a module of this build is a directory or, once it is packaged, a jar
    List<String> modules =
        ChildJvm.path().stream()
            .filter(element ->
                element.endsWith(Path.of("target", "classes").toString())
                    || Path.of(element)
                        .getFileName()
                        .toString()
                        .matches("(narrow-|jcuda|jackson-core).*\\.jar"))
            .toList();
    List<String> arguments =
        List.of(
            LIBRARY + EmulatedDriver.library(),
            "--enable-native-access=dev.narrow.kernels,jcuda",
            "-p",
            String.join(File.pathSeparator, modules),
            "--patch-module",
            "dev.narrow.kernels=" + ChildJvm.testClasses(),
            "--add-modules=jcuda",
            "-m",
            "dev.narrow.kernels/" + ChildJvm.Probe.class.getName());
    assertFinds("AVAILABLE", "Emulated device 0", ChildJvm.start(arguments, Map.of()));
  }

  /**
   * JCuda alone unpacks its library under a fixed name into the temporary directory, where several
   * processes trip over one another's files, and strangers can put one of theirs.
   */
  @Test
  void processesThatStartAtOnceWhereSomebodyHasPutAFile(@TempDir Path temporary) throws Exception {
    Path planted = Files.writeString(temporary.resolve(JCUDA_FILE), "not JCuda's");
    List<ChildJvm> children = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      children.add(
          ChildJvm.onClassPath(
              ChildJvm.path(),
              Map.of(),
              LIBRARY + EmulatedDriver.library(),
              "-Djava.io.tmpdir=" + temporary));
    }
    for (ChildJvm child : children) {
      String output = child.output();
      assertTrue(output.startsWith("AVAILABLE "), output);
      assertTrue(output.lines().toList().contains(temporary.toString()), "restored: " + output);
    }
    assertEquals("not JCuda's", Files.readString(planted));
    try (Stream<Path> left = Files.list(temporary)) {
      assertEquals(
          List.of(planted), left.filter(file -> !file.toString().contains("hsperf")).toList());
    }
  }
}
