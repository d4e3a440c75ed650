package dev.narrow.bench;

import dev.narrow.kernels.Backend;
import dev.narrow.kernels.cuda.Cuda;
import dev.narrow.kernels.cuda.CudaDevice;
import dev.narrow.kernels.cuda.CudaEvent;
import dev.narrow.kernels.cuda.CudaProbe;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Checks a GPU: every kernel's results against those of the processor, to the bit, and then how
 * many bytes it moves in a second beside a copy on the device, in turns in the same run. Writes
 * {@code results.json} and {@code results.md}.
 *
 * <p>{@code GpuCheck OUT [--quick] [--correctness]}: {@code --quick} takes small sizes, {@code
 * --correctness} measures nothing.
 *
 * <p>What would fool it: a kernel that starts is charged with its launch, so sizes are large; a
 * clock that falls while the chip warms up hits the copies as well, since they take turns; results
 * that are read by the host, such as a sum, are charged with the waiting.
 */
public final class GpuCheck {
  private static final int ROUNDS = 11;

  /** Runs of an operation between two events. */
  private static final int REPETITIONS = 5;

  private final CudaDevice device;
  private final Backend gpu;
  private final Backend cpu = Backend.cpu();
  private final boolean quick;
  private final List<GpuReport.Comparison> comparisons = new ArrayList<>();
  private final List<GpuReport.Bandwidth> bandwidths = new ArrayList<>();

  private GpuCheck(CudaDevice device, boolean quick) {
    this.device = device;
    this.gpu = device.backend();
    this.quick = quick;
  }

  /**
   * Runs the check.
   *
   * @param args see above
   * @throws IOException if the results cannot be written
   */
  public static void main(String[] args) throws IOException {
    List<String> options = Arrays.asList(args).subList(Math.min(1, args.length), args.length);
    if (args.length == 0 || !List.of("--quick", "--correctness").containsAll(options)) {
      System.err.println("GpuCheck OUT [--quick] [--correctness], but was " + List.of(args));
      System.exit(2);
    }
    if (Cuda.probe() instanceof CudaProbe.Unavailable none) {
      System.err.println("no GPU to check: " + none.describe());
      System.exit(2);
    }
    boolean quick = options.contains("--quick");
    GpuReport report;
    try (CudaDevice device = CudaDevice.open()) {
      System.out.println(device.backend().describe());
      GpuCheck check = new GpuCheck(device, quick);
      check.compareAll();
      if (!options.contains("--correctness")) {
        check.measureAll();
      }
      report = check.report();
    }
    report.write(Path.of(args[0]));
    System.exit(report.isCorrect() ? 0 : 1);
  }

  private GpuReport report() {
    CudaProbe.Available found = (CudaProbe.Available) Cuda.probe();
    return new GpuReport(
        device.info().toString(), found.driver(), gpu.describe(), quick, comparisons, bandwidths);
  }

  // Correctness

  /** Sizes around those of vectors, warps, blocks and chunks, and some that fill the device. */
  private List<int[]> shapes() {
    List<int[]> shapes = new ArrayList<>();
    for (int n : new int[] {1, 3, 15, 16, 17, 31, 33, 255, 257, 1023, 1025, 4097}) {
      shapes.add(new int[] {1, n});
      shapes.add(new int[] {5, n});
    }
    if (!quick) {
      shapes.add(new int[] {4096, 1000});
      shapes.add(new int[] {8192, 4096});
      shapes.add(new int[] {3, (1 << 23) + 1});
    }
    return shapes;
  }

  private void compareAll() {
    for (GpuCase check : GpuCases.all()) {
      long elements = 0;
      String difference = "";
      for (int[] shape : shapes()) {
        for (GpuData.Kind kind : GpuData.Kind.values()) {
          GpuData data = new GpuData(shape[0], shape[1], kind, elements + 1);
          elements += data.size();
          if (difference.isEmpty()) {
            difference = difference(check, data);
          }
        }
      }
      comparisons.add(new GpuReport.Comparison(check.name(), elements, difference));
      System.out.println(comparisons.getLast());
    }
  }

  /** What differs first; empty if nothing does. */
  private String difference(GpuCase check, GpuData data) {
    List<Tensor> expected = check.operands().apply(data);
    List<Tensor> uploaded = expected.stream().map(device::upload).toList();
    try {
      List<?> returned = check.operation().run(gpu, uploaded);
      List<?> wanted = check.operation().run(cpu, expected);
      String where = "[" + data.rows() + ", " + data.columns() + "] " + data.kind();
      if (!returned.equals(wanted)) {
        return where + ": returned " + returned + ", expected " + wanted;
      }
      for (int t = 0; t < expected.size(); t++) {
        MemorySegment actual = device.download(uploaded.get(t)).storage().segment();
        long at = actual.mismatch(expected.get(t).storage().segment());
        if (at >= 0) {
          return where + ": tensor " + t + " differs at byte " + at;
        }
      }
      return "";
    } finally {
      uploaded.forEach(device::free);
    }
  }

  // Bandwidth

  private void measureAll() {
    int columns = quick ? 1 << 10 : 1 << 13;
    for (int rows : quick ? new int[] {1 << 10} : new int[] {1 << 13, 1 << 15}) {
      GpuData data = new GpuData(rows, columns, GpuData.Kind.USUAL, 1);
      Tensor source = device.upload(data.matrix(1));
      Tensor target = device.upload(data.target());
      for (GpuCase check : GpuCases.all()) {
        if (check.isMeasured()) {
          bandwidths.add(measure(check, data, source, target));
          System.out.println(bandwidths.getLast());
        }
      }
      device.free(source);
      device.free(target);
    }
  }

  private GpuReport.Bandwidth measure(GpuCase check, GpuData data, Tensor source, Tensor target) {
    List<Tensor> tensors = check.operands().apply(data).stream().map(device::upload).toList();
    try {
      double[] copies = new double[ROUNDS];
      double[] shares = new double[ROUNDS];
      for (int round = -2; round < ROUNDS; round++) { // two to warm up
        double copy = bytesPerSecond(8.0 * data.size(), () -> device.copy(source, target));
        double kernel =
            bytesPerSecond(
                check.bytesPerElement() * data.size(),
                () -> Objects.requireNonNull(check.operation().run(gpu, tensors)));
        if (round >= 0) {
          copies[round] = copy;
          shares[round] = kernel / copy;
        }
      }
      Arrays.sort(copies);
      Arrays.sort(shares);
      return new GpuReport.Bandwidth(
          check.name(),
          4L * data.size(),
          copies[ROUNDS / 2],
          shares[ROUNDS / 2],
          shares[ROUNDS / 4],
          shares[ROUNDS - 1 - ROUNDS / 4]);
    } finally {
      tensors.forEach(device::free);
    }
  }

  private double bytesPerSecond(double bytes, Runnable work) {
    try (CudaEvent start = device.event();
        CudaEvent end = device.event()) {
      start.record();
      for (int i = 0; i < REPETITIONS; i++) {
        work.run();
      }
      end.record();
      end.synchronize();
      return bytes * REPETITIONS / (end.millisecondsSince(start) * 1e-3);
    }
  }
}
