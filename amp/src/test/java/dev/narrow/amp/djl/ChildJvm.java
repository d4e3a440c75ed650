package dev.narrow.amp.djl;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Runs a main class in a JVM of its own, which native code may end. */
final class ChildJvm {
  record Result(int exitCode, String output) {
    String lastLine() {
      return output.lines().toList().getLast();
    }
  }

  private ChildJvm() {}

  static Result run(Class<?> main, String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    // A heap that never changes and a small compiler: what the process grows by is native.
    command.addAll(
        List.of("-Xms128m", "-Xmx128m", "-XX:+AlwaysPreTouch", "-XX:TieredStopAtLevel=1"));
    command.add("-XX:+SuppressFatalErrorMessage");
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("--add-modules=jdk.incubator.vector");
    Stream.of("ai.djl.offline", "DJL_CACHE_DIR", "ai.djl.pytorch.num_threads")
        .filter(key -> System.getProperty(key) != null)
        .forEach(key -> command.add("-D" + key + "=" + System.getProperty(key)));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(process.waitFor(), output);
  }
}
