package dev.narrow.kernels.cuda;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A process of its own that looks for CUDA, since a process decides once. */
final class ChildJvm {
  private final Process process;

  private ChildJvm(Process process) {
    this.process = process;
  }

  /** Prints what {@link Cuda#probe} finds: its reason, or AVAILABLE, and its words. */
  public static final class Probe {
    private Probe() {}

    /** The program. */
    public static void main(String[] arguments) {
      CudaProbe probe = Cuda.probe();
      String kind =
          switch (probe) {
            case CudaProbe.Available _ -> "AVAILABLE";
            case CudaProbe.Unavailable unavailable -> unavailable.reason().name();
          };
      System.out.println(kind + " " + probe.describe());
      System.out.println(System.getProperty("java.io.tmpdir"));
    }
  }

  /** Jars and directories of this process, whichever path they are on. */
  static List<String> path() {
    return Stream.of("java.class.path", "jdk.module.path")
        .flatMap(name -> Arrays.stream(System.getProperty(name, "").split(File.pathSeparator, -1)))
        .filter(element -> !element.isEmpty())
        .distinct()
        .toList();
  }

  /** The classes of the tests, which lie in the module when there are modules. */
  static Path testClasses() {
    return EmulatedDriver.kernels().resolve("target/test-classes");
  }

  /** Starts {@link Probe} with everything on the class path. */
  static ChildJvm onClassPath(List<String> path, Map<String, String> environment, String... options)
      throws IOException {
    List<String> all = new ArrayList<>(path);
    all.add(testClasses().toString());
    List<String> arguments = new ArrayList<>(List.of(options));
    arguments.add("--enable-native-access=ALL-UNNAMED");
    arguments.add("-cp");
    arguments.add(String.join(File.pathSeparator, all));
    arguments.add(Probe.class.getName());
    return start(arguments, environment);
  }

  /** Starts java. */
  static ChildJvm start(List<String> arguments, Map<String, String> environment)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().keySet().removeIf(name -> name.startsWith("NARROW_EMULATOR_"));
    builder.environment().putAll(environment);
    return new ChildJvm(builder.start());
  }

  /** All that it has printed, when it has ended well. */
  String output() throws IOException, InterruptedException {
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int status = process.waitFor();
    if (status != 0) {
      throw new AssertionError("status " + status + "\n" + output);
    }
    return output;
  }
}
