package dev.narrow.bench.gpu;

import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** The parts of the GPU check, in the order in which they run. */
enum Part {
  COMPARISON("Results beside the processor's", ""),
  BANDWIDTH("Bytes in a second beside a copy on the device", "share of the copy's"),
  LAUNCH("A launch from Java beside one from C", "µs above C"),
  PRODUCT("Products of matrices on tensor cores beside the vendor's library", "share of its rate"),
  SKINNY("Products with few rows beside a read of the large matrix", "share of the peer's rate"),
  TRAINING("Training steps in LNS8 beside those in fp16", "times the step in fp16"),
  SANITIZER("The comparisons on small sizes under compute-sanitizer", "");

  private final String heading;
  private final String figure;

  Part(String heading, String figure) {
    this.heading = heading;
    this.figure = figure;
  }

  /** As in options and files: {@code bandwidth}. */
  String key() {
    return name().toLowerCase(Locale.ROOT);
  }

  String heading() {
    return heading;
  }

  /** What the figures of its measurements are. */
  String figure() {
    return figure;
  }

  /** Whether it is about time. */
  boolean isMeasured() {
    return !figure.isEmpty();
  }

  /** What there is to do. */
  List<Task> tasks(Bench bench) {
    return switch (this) {
      case COMPARISON ->
          Stream.of(
                  OperationChecks.comparisons(bench),
                  ProductChecks.comparisons(bench),
                  NetworkChecks.comparisons(bench),
                  TrainingCheck.comparisons(bench))
              .flatMap(List::stream)
              .toList();
      case BANDWIDTH -> OperationChecks.bandwidths(bench);
      case LAUNCH -> LaunchOverhead.tasks(bench);
      case PRODUCT -> ProductSpeeds.products(bench);
      case SKINNY -> ProductSpeeds.skinny(bench);
      case TRAINING -> TrainingCheck.measurements(bench);
      case SANITIZER -> Sanitizer.tasks();
    };
  }
}
