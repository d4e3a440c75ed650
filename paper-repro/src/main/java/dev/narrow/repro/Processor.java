package dev.narrow.repro;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The processor that this runs on. */
public final class Processor {
  private Processor() {}

  /** Its model, for example {@code AMD EPYC}; the architecture where the system tells no more. */
  public static String model() {
    Path cpuinfo = Path.of("/proc/cpuinfo"); // elsewhere the architecture has to do
    try (Stream<String> lines = Files.lines(cpuinfo)) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse(System.getProperty("os.arch"));
    } catch (IOException e) {
      return System.getProperty("os.arch");
    }
  }
}
