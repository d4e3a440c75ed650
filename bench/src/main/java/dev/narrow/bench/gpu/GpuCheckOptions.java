package dev.narrow.bench.gpu;

import dev.narrow.formats.Names;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * What the GPU check is asked for: see {@link GpuCheck}.
 *
 * @param directory of the results
 * @param quick whether sizes are small
 * @param correctness whether nothing is measured
 * @param force whether results may be overwritten
 * @param only parts and beginnings of names, in lower case; empty for everything
 */
record GpuCheckOptions(
    Path directory, boolean quick, boolean correctness, boolean force, List<String> only) {
  private static final String USAGE = "OUT [--quick] [--correctness] [--only NAME,...] [--force]";
  private static final List<String> OPTIONS =
      List.of("--quick", "--correctness", "--only", "--force");

  /**
   * Reads a command line.
   *
   * @throws IllegalArgumentException if it is not one
   */
  static GpuCheckOptions parse(List<String> args) {
    if (args.isEmpty() || args.getFirst().isEmpty() || args.getFirst().startsWith("-")) {
      throw new IllegalArgumentException(
          "expected a directory for the results, then options: " + USAGE);
    }
    List<String> only = new ArrayList<>();
    Set<String> given = new LinkedHashSet<>();
    for (int i = 1; i < args.size(); i++) {
      String option = args.get(i);
      if (!OPTIONS.contains(option)) {
        throw new IllegalArgumentException(
            "unknown option %s; nearest: %s; expected %s"
                .formatted(Names.shown(option), Names.nearest(option, OPTIONS), USAGE));
      }
      given.add(option);
      if (option.equals("--only")) {
        if (++i == args.size()) {
          throw new IllegalArgumentException(
              "--only, expected names after it, with commas between");
        }
        for (String name : args.get(i).split(",", -1)) {
          only.add(name.strip().toLowerCase(Locale.ROOT));
        }
      }
    }
    return new GpuCheckOptions(
        Path.of(args.getFirst()),
        given.contains("--quick"),
        given.contains("--correctness"),
        given.contains("--force"),
        List.copyOf(only));
  }

  boolean wants(Part part, Task task) {
    return only.isEmpty() || only.stream().anyMatch(name -> names(name, part, task));
  }

  private static boolean names(String name, Part part, Task task) {
    return name.equals(part.key()) || task.name().toLowerCase(Locale.ROOT).startsWith(name);
  }

  /**
   * Checks that {@code --only} names something.
   *
   * @throws IllegalArgumentException if nothing has such a name
   */
  void requireKnown(Map<Part, List<Task>> tasks) {
    Set<String> known = new LinkedHashSet<>();
    tasks.forEach((part, all) -> {
      known.add(part.key());
      all.forEach(task -> known.add(task.name().toLowerCase(Locale.ROOT)));
    });
    for (String name : only) {
      if (name.isEmpty() || known.stream().noneMatch(valid -> valid.startsWith(name))) {
        throw new IllegalArgumentException(
            "--only %s names nothing%s; nearest: %s"
                .formatted(
                    Names.shown(name),
                    correctness ? " that is not measured" : "",
                    Names.nearest(name, known)));
      }
    }
  }
}
