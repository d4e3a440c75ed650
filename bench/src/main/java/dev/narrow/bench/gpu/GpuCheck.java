package dev.narrow.bench.gpu;

import dev.narrow.kernels.cuda.Cuda;
import dev.narrow.kernels.cuda.CudaDevice;
import dev.narrow.kernels.cuda.CudaProbe;
import java.io.IOException;
import java.io.PrintStream;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Checks a GPU: every kernel's results against those of the processor, and then how fast it is
 * beside what the device and the vendor's library can do, in turns in the same run. Writes {@code
 * results.json}, {@code results.md} and {@code results.html}.
 *
 * <p>{@code GpuCheck OUT [--quick] [--correctness] [--only NAME,...] [--force]}: {@code --quick}
 * takes small sizes, on which no goal is judged; {@code --correctness} measures nothing; {@code
 * --only} names parts, or beginnings of the names of what they look at; {@code --force} overwrites
 * results. The exit code is 0 where all results are right, whatever the goals; 1 where some are
 * not; 2 where there is nothing to do or nowhere to write.
 */
public final class GpuCheck {
  private GpuCheck() {}

  /**
   * Runs the check and ends the process.
   *
   * @param args see above
   */
  public static void main(String[] args) {
    System.exit(run(List.of(args), System.out, System.err));
  }

  static int run(List<String> args, PrintStream out, PrintStream err) {
    try {
      GpuCheckOptions options = GpuCheckOptions.parse(args);
      GpuReport.requireRoom(options.directory(), options.force());
      if (Cuda.probe() instanceof CudaProbe.Unavailable none) {
        throw new IllegalArgumentException("there is no GPU to check: " + none.describe());
      }
      try (CudaDevice device = CudaDevice.open()) {
        Bench bench = new Bench(device, options.quick());
        return check(bench, options, tasks(bench, options), out);
      }
    } catch (IllegalArgumentException | IOException e) {
      err.println("gpu-check: " + e.getMessage());
      return 2;
    }
  }

  private static Map<Part, List<Task>> tasks(Bench bench, GpuCheckOptions options) {
    Map<Part, List<Task>> tasks = new EnumMap<>(Part.class);
    for (Part part : Part.values()) {
      if (!part.isMeasured() || !options.correctness()) {
        tasks.put(part, part.tasks(bench));
      }
    }
    options.requireKnown(tasks);
    return tasks;
  }

  /** Does what is wanted of the tasks, writes the results, and gives the exit code. */
  static int check(
      Bench bench, GpuCheckOptions options, Map<Part, List<Task>> tasks, PrintStream out)
      throws IOException {
    out.println(bench.gpu().describe());
    Map<Part, GpuReport.Section> sections = new EnumMap<>(Part.class);
    tasks.forEach((part, all) -> {
      List<Task> wanted = all.stream().filter(task -> options.wants(part, task)).toList();
      if (!wanted.isEmpty()) {
        sections.put(part, section(part, wanted, out));
      }
    });
    CudaProbe.Available found = (CudaProbe.Available) Cuda.probe();
    GpuReport report =
        new GpuReport(
            bench.device().info().toString(),
            found.driver(),
            bench.gpu().describe(),
            bench.quick(),
            sections);
    report.write(options.directory());
    out.println();
    out.println(report.summary());
    out.println(options.directory().resolve(GpuReport.PAGE) + " shows it");
    return report.isRight() ? 0 : 1;
  }

  /** The name stands there while the work is done, which may take a minute. */
  private static GpuReport.Section section(Part part, List<Task> tasks, PrintStream out) {
    out.println();
    out.println(part.heading());
    long begin = System.nanoTime();
    Stream.Builder<Finding> findings = Stream.builder();
    for (int i = 0; i < tasks.size(); i++) {
      out.print(
          String.format(Locale.ROOT, "%4d/%d  %-40s ", i + 1, tasks.size(), tasks.get(i).name()));
      out.flush();
      Finding finding = tasks.get(i).run();
      findings.add(finding);
      out.println(finding);
    }
    return new GpuReport.Section(findings.build().toList(), (System.nanoTime() - begin) * 1e-9);
  }
}
