package dev.narrow.repro.djl;

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
 * @param cores that the system has
 * @param threads that PyTorch computes with
 * @param system operating system and architecture
 * @param java version of the virtual machine
 * @param engine what DJL's engine can do in few bits
 * @param secondsPerRun of each seed, by data set and row; of runs that were finished before, from
 *     then
 */
record DjlRecord(
    String command,
    String started,
    double seconds,
    String code,
    String processor,
    int cores,
    int threads,
    String system,
    String java,
    List<String> engine,
    Map<String, List<Double>> secondsPerRun) {

  static String label(String dataset, String arm) {
    return dataset + ": " + arm;
  }

  double[] seconds(String dataset, String arm) {
    return secondsPerRun.getOrDefault(label(dataset, arm), List.of()).stream()
        .mapToDouble(s -> s)
        .toArray();
  }
}
