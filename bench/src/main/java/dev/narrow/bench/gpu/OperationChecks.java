package dev.narrow.bench.gpu;

import dev.narrow.bench.gpu.Finding.Comparison;
import dev.narrow.bench.gpu.Finding.Measurement;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The operations whose bits are the processor's and whose time is that of memory: compared, and
 * measured beside a copy.
 *
 * <p>What would fool the measurement: a kernel is charged with its launch, so sizes are large;
 * results that the host reads, such as a sum, are charged with the waiting.
 */
final class OperationChecks {
  /** At 256 MB and above. */
  private static final Goal SHARE = Goal.atLeast(0.85);

  private OperationChecks() {}

  static List<Task> comparisons(Bench bench) {
    return OperationCases.all().stream().map(check -> comparison(bench, check)).toList();
  }

  static Task comparison(Bench bench, OperationCase check) {
    return new Task(check.name(), () -> compare(bench, check));
  }

  /** Sizes around those of vectors, warps, blocks and chunks, and some that fill the device. */
  private static List<GpuData> data(boolean quick) {
    List<GpuData> data = new ArrayList<>();
    int seed = 0;
    for (int n : new int[] {1, 3, 15, 16, 17, 31, 33, 255, 257, 1023, 1025, 4097}) {
      for (int rows : new int[] {1, 5}) {
        for (GpuData.Kind kind : GpuData.Kind.values()) {
          data.add(new GpuData(rows, n, kind, seed++));
        }
      }
    }
    if (!quick) {
      data.add(new GpuData(4096, 1000, GpuData.Kind.USUAL, seed++));
      data.add(new GpuData(2048, 4096, GpuData.Kind.ADVERSARIAL, seed++));
      data.add(new GpuData(3, (1 << 23) + 1, GpuData.Kind.ADVERSARIAL, seed));
    }
    return data;
  }

  private static Comparison compare(Bench bench, OperationCase check) {
    long elements = 0;
    String difference = "";
    for (GpuData data : data(bench.quick())) {
      elements += data.size();
      String where = "[" + data.rows() + ", " + data.columns() + "] " + data.kind();
      difference = difference(bench, where, check.operands().apply(data), check.operation());
      if (!difference.isEmpty()) {
        break;
      }
    }
    return new Comparison(check.name(), elements, Comparison.SAME_BITS, difference);
  }

  /**
   * What differs first; empty if nothing does.
   *
   * @param where these are, for the message
   * @param expected operands, which the processor works on
   */
  static String difference(
      Bench bench, String where, List<Tensor> expected, OperationCase.Operation operation) {
    List<Tensor> uploaded = bench.upload(expected);
    try {
      List<?> returned =
          operation.run(bench.gpu(), uploaded).stream()
              .map(result -> onTheHeap(bench, result))
              .toList();
      List<?> wanted = operation.run(bench.cpu(), expected);
      if (!returned.equals(wanted)) {
        return where + ": returned " + returned + ", expected " + wanted;
      }
      for (int t = 0; t < expected.size(); t++) {
        MemorySegment actual = bench.device().download(uploaded.get(t)).storage().segment();
        long at = actual.mismatch(expected.get(t).storage().segment());
        if (at >= 0) {
          return where + ": tensor " + t + " differs at byte " + at;
        }
      }
      return "";
    } finally {
      bench.free(uploaded);
    }
  }

  private static Object onTheHeap(Bench bench, Object returned) {
    if (!(returned instanceof Tensor tensor)) {
      return returned;
    }
    Tensor host = bench.device().download(tensor);
    bench.device().free(tensor);
    return host;
  }

  static List<Task> bandwidths(Bench bench) {
    List<Task> tasks = new ArrayList<>();
    for (OperationCase check : OperationCases.all()) {
      if (bench.quick()) {
        tasks.add(new Task(check.name(), () -> measure(bench, check, 1 << 8, 1 << 10, null)));
      } else {
        Goal goal = check.hasGoal() ? SHARE : null;
        tasks.add(new Task(check.name(), () -> measure(bench, check, 1 << 13, 1 << 13, goal)));
        if (goal != null) {
          tasks.add(new Task(check.name(), () -> measure(bench, check, 1 << 15, 1 << 13, goal)));
        }
      }
    }
    return tasks;
  }

  private static Measurement measure(
      Bench bench, OperationCase check, int rows, int columns, @Nullable Goal goal) {
    GpuData data = new GpuData(rows, columns, GpuData.Kind.USUAL, 1);
    List<Tensor> tensors = bench.upload(check.operands().apply(data));
    List<Tensor> copy = bench.upload(List.of(data.target(), data.target()));
    try {
      double[][] seconds =
          bench.seconds(
              List.of(
                  () -> bench.device().copy(copy.getFirst(), copy.getLast()),
                  () ->
                      check.operation().run(bench.gpu(), tensors).stream()
                          .filter(Tensor.class::isInstance)
                          .forEach(made -> bench.device().free((Tensor) made))));
      double copied = 8.0 * data.size();
      double moved = check.bytesPerElement() * data.size();
      return new Measurement(
          check.name(),
          ((4L * data.size()) >> 20) + " MB",
          "GB/s",
          Bench.billionsPerSecond(moved, seconds[1]),
          "copy",
          Bench.billionsPerSecond(copied, seconds[0]),
          Bench.share(moved, seconds[1], copied, seconds[0]),
          goal);
    } finally {
      bench.free(tensors);
      bench.free(copy);
    }
  }
}
