package dev.narrow.bench;

import static java.util.stream.Collectors.joining;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The products of {@link ProductBenchmark} in turns with those of PyTorch, where {@code python3}
 * has it, and with the most that fused multiply-add can do: a table of GFLOP/s, the best call of
 * each.
 *
 * <p>On a machine that does other things too these hit everybody, but not at the same moment: so
 * they take turns, a third of a second each, for as many rounds as the argument says.
 */
public final class ProductReport {
  private static final double SECONDS = 0.3;
  private static final List<String> SHAPES =
      List.of(
          "256x256x256",
          "512x512x512",
          "1024x1024x1024",
          "2048x2048x2048",
          "1x4096x4096",
          "16x4096x4096");
  private static final List<String> COLUMNS =
      List.of(
          "peak",
          "java",
          "lns8",
          "e4m3fn",
          "fp16",
          "mxfp8",
          "oneDnn",
          "torch fp32",
          "oneDnnBf16",
          "torch bf16");

  /** What a quotient is called, its numerator and its denominator. */
  private static final List<List<String>> RATIOS =
      List.of(
          List.of("fp32 / oneDNN", "java", "oneDnn"),
          List.of("lns8 / fp32", "lns8", "java"),
          List.of("e4m3fn / fp32", "e4m3fn", "java"),
          List.of("fp16 / fp32", "fp16", "java"),
          List.of("mxfp8 / fp32", "mxfp8", "java"),
          List.of("oneDNN bf16 / fp32", "oneDnnBf16", "oneDnn"),
          List.of("oneDNN bf16 / torch bf16", "oneDnnBf16", "torch bf16"));

  private static final Pattern ANSWER =
      Pattern.compile("\"dtype\": \"(\\w+)\".*\"gflops\": ([0-9.]+)");

  private final PrintWriter request;
  private final BufferedReader answer;

  private ProductReport(Process python) {
    request = new PrintWriter(python.getOutputStream(), true, StandardCharsets.UTF_8);
    answer =
        new BufferedReader(new InputStreamReader(python.getInputStream(), StandardCharsets.UTF_8));
  }

  /**
   * Measures and prints.
   *
   * @param args how many rounds; then shapes {@code MxKxN}, or those of the benchmark
   * @throws IOException if python3 cannot be started
   */
  public static void main(String[] args) throws IOException {
    // JMH's launcher adds options of its own, from the first dash on
    List<String> own = Arrays.stream(args).takeWhile(arg -> !arg.startsWith("-")).toList();
    int rounds = own.isEmpty() ? 5 : Integer.parseInt(own.getFirst());
    List<String> shapes = own.size() < 2 ? SHAPES : own.subList(1, own.size());
    Path script = Files.createTempFile("narrow-torch", ".py");
    try (var in =
        Objects.requireNonNull(ProductReport.class.getResourceAsStream("torch_matmul.py"))) {
      Files.write(script, in.readAllBytes());
      Process python =
          new ProcessBuilder("python3", script.toString())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      ProductReport report = new ProductReport(python);
      int cores = Runtime.getRuntime().availableProcessors();
      for (int threads : cores == 1 ? new int[] {1} : new int[] {1, cores}) {
        Map<String, Map<String, Double>> table = new LinkedHashMap<>();
        for (String shape : shapes) {
          table.put(shape, report.measure(shape, threads, rounds));
        }
        print(table, threads, System.out);
      }
      python.destroy();
    } finally {
      Files.delete(script);
    }
  }

  private Map<String, Double> measure(String shape, int threads, int rounds) throws IOException {
    ProductBenchmark benchmark = new ProductBenchmark();
    MatmulBenchmark matmul = new MatmulBenchmark();
    ProductBenchmark.Operands operands = new ProductBenchmark.Operands();
    operands.mkn = shape;
    operands.threads = threads;
    operands.draw();
    MatmulBenchmark.Operations count = new MatmulBenchmark.Operations();
    Map<String, Runnable> ours = new LinkedHashMap<>();
    ours.put("peak", () -> matmul.fusedMultiplyAddPeak(count));
    ours.put("java", () -> benchmark.java(operands, count));
    ours.put("lns8", () -> benchmark.lns8(operands, count));
    ours.put("e4m3fn", () -> benchmark.e4m3fn(operands, count));
    ours.put("fp16", () -> benchmark.fp16(operands, count));
    ours.put("mxfp8", () -> benchmark.mxfp8(operands, count));
    ours.put("oneDnn", () -> benchmark.oneDnn(operands, count));
    ours.put("oneDnnBf16", () -> benchmark.oneDnnBf16(operands, count));
    Map<String, Double> best = new LinkedHashMap<>();
    for (int round = -2; round < rounds; round++) { // the first two are for the compiler
      for (var one : ours.entrySet()) {
        double rate = best(one.getValue(), count);
        if (round >= 0) {
          best.merge(one.getKey(), rate, Math::max);
        }
      }
      if (round >= 0) {
        askTorch(shape, threads).forEach((name, rate) -> best.merge(name, rate, Math::max));
      }
    }
    return best;
  }

  private static double best(Runnable call, MatmulBenchmark.Operations count) {
    double best = 0;
    long end = System.nanoTime() + (long) (SECONDS * 1e9);
    for (long start = System.nanoTime(); start < end; start = System.nanoTime()) {
      count.flop = 0;
      call.run();
      best = Math.max(best, (double) count.flop / (System.nanoTime() - start));
    }
    return best;
  }

  /** Nothing where there is no PyTorch. */
  private Map<String, Double> askTorch(String shape, int threads) throws IOException {
    request.printf(Locale.ROOT, "%s %d %s%n", shape, threads, SECONDS);
    Map<String, Double> rates = new LinkedHashMap<>();
    for (int dtype = 0; dtype < 2; dtype++) {
      String line = answer.readLine();
      Matcher matcher = ANSWER.matcher(line == null ? "" : line);
      if (matcher.find()) {
        rates.put("torch " + matcher.group(1), Double.parseDouble(matcher.group(2)));
      }
    }
    return rates;
  }

  static void print(Map<String, Map<String, Double>> table, int threads, PrintStream out) {
    out.printf("%nGFLOP/s, %d %s%n%n", threads, threads == 1 ? "thread" : "threads");
    out.printf("| product | %s |%n", String.join(" | ", COLUMNS));
    out.printf("| --- |%s%n", " ---: |".repeat(COLUMNS.size()));
    table.forEach((shape, best) -> {
      out.print("| " + shape + " |");
      COLUMNS.forEach(
          name -> out.printf(Locale.ROOT, " %.1f |", best.getOrDefault(name, Double.NaN)));
      out.println();
    });
    out.printf("%n| product | %s |%n", RATIOS.stream().map(List::getFirst).collect(joining(" | ")));
    out.printf("| --- |%s%n", " ---: |".repeat(RATIOS.size()));
    table.forEach((shape, best) -> {
      out.print("| " + shape + " |");
      for (List<String> ratio : RATIOS) {
        double above = best.getOrDefault(ratio.get(1), Double.NaN);
        double below = best.getOrDefault(ratio.get(2), Double.NaN);
        out.printf(Locale.ROOT, " %.2f |", above / below);
      }
      out.println();
    });
  }
}
