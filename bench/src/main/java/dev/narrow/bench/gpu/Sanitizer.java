package dev.narrow.bench.gpu;

import dev.narrow.bench.gpu.Finding.Comparison;
import dev.narrow.bench.gpu.Finding.Note;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The comparisons on small sizes once more, in a process that {@code compute-sanitizer} watches: it
 * comes with CUDA, not with the driver, and is left out where it is not.
 */
final class Sanitizer {
  private static final String PROGRAM = "compute-sanitizer";
  private static final int FOUND = 9;
  private static final int SECONDS = 100;
  private static final int LINES = 4;

  private Sanitizer() {}

  static List<Task> tasks() {
    return Stream.of("memcheck", "racecheck")
        .map(tool -> PROGRAM + " " + tool)
        .map(name -> new Task(name, () -> run(name)))
        .toList();
  }

  private static boolean isThere() {
    return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, PROGRAM)));
  }

  private static Finding run(String name) throws IOException {
    if (!isThere()) {
      return new Note(name, "left out, it is not on the PATH");
    }
    Path scratch = Files.createTempDirectory("narrow-sanitizer");
    Path log = scratch.resolve("log");
    try {
      Process process =
          new ProcessBuilder(command(name, scratch.resolve("out")))
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().waitFor();
        return new Note(name, "not done after " + SECONDS + " s, and stopped");
      }
      int status = process.exitValue();
      return new Comparison(
          name,
          0,
          "no errors",
          status == 0 ? "" : "exit code " + status + ": " + firstErrors(log, status));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new Note(name, "interrupted");
    } finally {
      try (Stream<Path> files = Files.walk(scratch)) {
        files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
      }
    }
  }

  private static List<String> command(String name, Path out) {
    List<String> command = new ArrayList<>(List.of(name.split(" ", 2)));
    command.add(1, "--tool");
    command.addAll(List.of("--error-exitcode", Integer.toString(FOUND)));
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(List.of("-cp", System.getProperty("java.class.path", "")));
    command.add(GpuCheck.class.getName());
    command.add(out.toString());
    command.addAll(List.of("--quick", "--correctness", "--only", Part.COMPARISON.key()));
    return command;
  }

  /** Its own lines begin with equals signs; those of the check say what differs. */
  private static String firstErrors(Path log, int status) throws IOException {
    String mark = status == FOUND ? "=====" : "DIFFERS";
    try (Stream<String> lines = Files.lines(log)) {
      return lines
          .filter(line -> line.contains(mark))
          .limit(LINES)
          .map(String::strip)
          .collect(Collectors.joining("; "));
    }
  }
}
