package dev.narrow.repro;

import dev.narrow.kernels.Backend;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What cannot be reproduced of a run: when, on what, and for how long.
 *
 * @param command the arguments
 * @param started date and time, UTC
 * @param seconds from start to report
 * @param code digest of the code that ran
 * @param processor its model
 * @param cores that the run could use
 * @param system operating system and architecture
 * @param java version of the virtual machine
 * @param backend what computed
 * @param secondsPerRun median over seeds, by data set and arm; of runs that were finished before,
 *     from then
 */
record RunRecord(
    String command,
    String started,
    double seconds,
    String code,
    String processor,
    int cores,
    String system,
    String java,
    String backend,
    Map<String, Double> secondsPerRun) {

  static RunRecord of(
      String command,
      String started,
      double seconds,
      String code,
      Map<Cell, CellStore.Finished> cells) {
    Map<String, List<Double>> all = new LinkedHashMap<>();
    cells.forEach((cell, finished) ->
        all.computeIfAbsent(label(cell.dataset().name(), cell.arm().name()), _ -> new ArrayList<>())
            .add(finished.seconds()));
    Map<String, Double> perRun = new LinkedHashMap<>();
    all.forEach((label, runs) -> perRun.put(label, median(runs)));
    return new RunRecord(
        command,
        started,
        seconds,
        code,
        Processor.model(),
        Runtime.getRuntime().availableProcessors(),
        System.getProperty("os.name") + " " + System.getProperty("os.arch"),
        System.getProperty("java.vm.name") + " " + Runtime.version(),
        Backend.cpu(1).describe(),
        perRun);
  }

  double secondsPerRun(String dataset, String arm) {
    return secondsPerRun.getOrDefault(label(dataset, arm), Double.NaN);
  }

  private static double median(List<Double> values) {
    List<Double> sorted = values.stream().sorted().toList();
    int n = sorted.size();
    return (sorted.get((n - 1) / 2) + sorted.get(n / 2)) / 2;
  }

  private static String label(String dataset, String arm) {
    return dataset + ": " + arm;
  }
}
