package dev.narrow.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Runs {@link EncodeBenchmark}, then the same casts in PyTorch and ml_dtypes where {@code python3}
 * has them, and prints 10^9 elements per second and the ratio to the copy of as many bytes.
 *
 * <p>Shown is the best of many short iterations, since on a machine that does other things too the
 * mean measures these. Arguments are those of JMH, for example {@code -p format=e4m3fn -p n=65536}.
 * Only ratios within one run mean anything.
 */
public final class EncodeReport {
  private static final List<String> OURS = List.of("copy", "arraycopy", "encode", "decode");

  private EncodeReport() {}

  /**
   * Runs everything.
   *
   * @param args options of JMH
   * @throws CommandLineOptionException if JMH does not know an option
   * @throws RunnerException if a benchmark fails
   * @throws IOException if the script for the peers cannot be written
   */
  public static void main(String[] args)
      throws CommandLineOptionException, RunnerException, IOException {
    Options options =
        new OptionsBuilder()
            .parent(new CommandLineOptions(args))
            .include(EncodeBenchmark.class.getSimpleName() + ".(copy|arraycopy|encode|decode)$")
            .build();
    Collection<RunResult> results = new Runner(options).run();
    print(rates(results), peers(), System.out);
  }

  /** Rates by size and format, then by what was done. */
  private static Map<String, Map<String, Double>> rates(Collection<RunResult> results) {
    Map<String, Map<String, Double>> rates = new TreeMap<>();
    for (RunResult result : results) {
      String name = result.getParams().getBenchmark();
      String key =
          "%9s %s"
              .formatted(result.getParams().getParam("n"), result.getParams().getParam("format"));
      rates
          .computeIfAbsent(key, k -> new TreeMap<>())
          .put(
              name.substring(name.lastIndexOf('.') + 1),
              Objects.requireNonNull(result.getSecondaryResults().get("elements"))
                  .getStatistics()
                  .getMax());
    }
    return rates;
  }

  /** What the script prints: size, format, library, rates of encoding and decoding. */
  private static List<String> peers() throws IOException {
    Path script = Files.createTempFile("narrow-peers", ".py");
    try (var in =
        Objects.requireNonNull(EncodeReport.class.getResourceAsStream("encode_peers.py"))) {
      Files.write(script, in.readAllBytes());
      Process python =
          new ProcessBuilder("python3", script.toString()).redirectErrorStream(true).start();
      List<String> lines = new ArrayList<>();
      try (var reader =
          new BufferedReader(
              new InputStreamReader(python.getInputStream(), StandardCharsets.UTF_8))) {
        reader.lines().forEach(lines::add);
      }
      return lines;
    } catch (IOException e) {
      return List.of("no peers: " + e.getMessage());
    } finally {
      Files.delete(script);
    }
  }

  static void print(Map<String, Map<String, Double>> rates, List<String> peers, PrintStream out) {
    out.println();
    out.println("10^9 elements per second, one thread; / is the ratio to copy");
    out.printf(
        "%9s %-10s %8s %10s %15s %15s%n",
        "elements", "format", OURS.get(0), OURS.get(1), OURS.get(2), OURS.get(3));
    rates.forEach((key, of) -> {
      double copy = of.getOrDefault("copy", Double.NaN);
      out.printf(
          Locale.ROOT,
          "%-20s %8.2f %10.2f %8.2f /%5.2f %8.2f /%5.2f%n",
          key,
          copy,
          of.getOrDefault("arraycopy", Double.NaN),
          of.getOrDefault("encode", Double.NaN),
          of.getOrDefault("encode", Double.NaN) / copy,
          of.getOrDefault("decode", Double.NaN),
          of.getOrDefault("decode", Double.NaN) / copy);
    });
    out.println();
    peers.forEach(out::println);
  }
}
