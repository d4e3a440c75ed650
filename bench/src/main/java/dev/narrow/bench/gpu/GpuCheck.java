package dev.narrow.bench.gpu;

import dev.narrow.kernels.cuda.Cuda;
import dev.narrow.kernels.cuda.CudaDevice;
import dev.narrow.kernels.cuda.CudaProbe;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Timer;
import java.util.TimerTask;

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
  private static final long DOT_MILLISECONDS = 2000;

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
    GpuReport report = GpuReport.begin(bench);
    for (Map.Entry<Part, List<Task>> part : tasks.entrySet()) {
      List<Task> wanted =
          part.getValue().stream().filter(task -> options.wants(part.getKey(), task)).toList();
      if (!wanted.isEmpty()) {
        report = report.with(part.getKey(), section(part.getKey(), wanted, out));
        report.write(options.directory()); // a machine may be lent for minutes
      }
    }
    report = report.done();
    report.write(options.directory());
    out.println();
    out.println(report.summary());
    out.println(options.directory().resolve(GpuReport.PAGE) + " shows it");
    return report.isRight() ? 0 : 1;
  }

  /** The name stands there while the work is done, with a dot for every two seconds of it. */
  private static GpuReport.Section section(Part part, List<Task> tasks, PrintStream out) {
    out.println();
    out.println(part.heading());
    long begin = System.nanoTime();
    List<Finding> findings = new ArrayList<>();
    for (Task task : tasks) {
      out.print(
          String.format(
              Locale.ROOT, "%4d/%d  %-40s ", findings.size() + 1, tasks.size(), task.name()));
      out.flush();
      Timer timer = new Timer(true);
      timer.schedule(
          new TimerTask() {
            @Override
            public void run() {
              out.print('.');
              out.flush();
            }
          },
          DOT_MILLISECONDS,
          DOT_MILLISECONDS);
      Finding finding = task.run();
      timer.cancel();
      findings.add(finding);
      out.println(finding);
    }
    return new GpuReport.Section(List.copyOf(findings), (System.nanoTime() - begin) * 1e-9);
  }
}
