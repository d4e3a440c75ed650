package dev.narrow.kernels.cuda;

import static dev.narrow.kernels.Arguments.expectApart;
import static dev.narrow.kernels.Arguments.expectAxes;
import static dev.narrow.kernels.Arguments.expectShape;
import static dev.narrow.kernels.Arguments.named;

import dev.narrow.kernels.Arguments;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Reductions;
import dev.narrow.kernels.Scan;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;

/** {@link Reductions} on a device. */
interface CudaReductions extends Reductions {
  /** Elements of a whole tensor that are summed at a time. */
  int CHUNK = 4096;

  /** What computes. */
  Gpu gpu();

  @Override
  default float sum(Tensor x) {
    return gpu().holds(named("x", x)) ? inChunks(x, "sum_columns_f32") : gpu().cpu().sum(x);
  }

  @Override
  default float sumOfSquares(Tensor x) {
    return gpu().holds(named("x", x))
        ? inChunks(x, "sum_of_squares_f32")
        : gpu().cpu().sumOfSquares(x);
  }

  /** Reduces the elements chunk by chunk, and sums up what that gives until one sum is left. */
  private float inChunks(Tensor x, String kernel) {
    float[] sum = new float[1];
    try (DeviceValues values = DeviceValues.read(gpu(), x, "x");
        DeviceScratch scratch = gpu().device().scratch(2L * Float.BYTES * (chunks(x) + 1))) {
      long to = scratch.pointer();
      long chunks = chunks(x);
      gpu().sumColumns(kernel, values.pointer(), CHUNK, values.size(), to, chunks);
      while (chunks > 1) {
        long from = to;
        long n = chunks;
        to += n * Float.BYTES;
        chunks = Math.ceilDiv(n, CHUNK);
        gpu().sumColumns("sum_columns_f32", from, CHUNK, n, to, chunks);
      }
      gpu().device().copyToHost(to, MemorySegment.ofArray(sum));
    }
    return sum[0];
  }

  private static long chunks(Tensor x) {
    return Math.max(1, Math.ceilDiv(x.shape().size(), CHUNK));
  }

  @Override
  default void sumRows(Tensor x, Tensor y) {
    if (!gpu().holds(named("x", x), named("y", y))) {
      gpu().cpu().sumRows(x, y);
      return;
    }
    expectAxes(x, "x", 2);
    expectShape(y, "y", x.shape().dim(1));
    expectApart(x, "x", y, "y");
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        DeviceValues from = DeviceValues.read(gpu(), x, "x")) {
      Kernel sum = gpu().kernel("rows", "sum_rows_f32");
      KernelArguments arguments =
          sum.arguments()
              .add(from.pointer())
              .add(from.rows())
              .add(from.columns())
              .add(to.pointer());
      sum.launchOver(from.columns(), Gpu.THREADS, arguments);
      to.store();
    }
  }

  @Override
  default void sumColumns(Tensor x, Tensor y) {
    if (!gpu().holds(named("x", x), named("y", y))) {
      gpu().cpu().sumColumns(x, y);
      return;
    }
    Arguments.expectAnAxis(x, "x");
    expectShape(y, "y", Arguments.outer(x.shape()));
    expectApart(x, "x", y, "y");
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        DeviceValues from = DeviceValues.read(gpu(), x, "x")) {
      gpu()
          .sumColumns(
              "sum_columns_f32",
              from.pointer(),
              from.columns(),
              from.size(),
              to.pointer(),
              from.rows());
      to.store();
    }
  }

  /** A reduction of another backend. */
  @FunctionalInterface
  interface RowReduction {
    /** Reads x, writes y. */
    void apply(Backend backend, Tensor x, Tensor y);
  }

  private void reduceColumns(String kernel, RowReduction onHost, Tensor x, Tensor y) {
    if (!gpu().holds(named("x", x), named("y", y))) {
      onHost.apply(gpu().cpu(), x, y);
      return;
    }
    Arguments.expectColumns(x, "x");
    expectShape(y, "y", Arguments.outer(x.shape()));
    expectApart(x, "x", y, "y");
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        DeviceValues from = DeviceValues.read(gpu(), x, "x")) {
      reduceColumns(kernel, from, to.pointer());
      to.store();
    }
  }

  private void reduceColumns(String name, DeviceValues from, long to) {
    Kernel kernel = gpu().kernel("rows", name);
    KernelArguments arguments =
        kernel.arguments().add(from.pointer()).add(from.columns()).add(to).add(from.rows());
    kernel.launchOver(from.rows(), Gpu.ROWS, arguments);
  }

  @Override
  default void meanColumns(Tensor x, Tensor y) {
    reduceColumns("mean_columns_f32", Backend::meanColumns, x, y);
  }

  @Override
  default void maxColumns(Tensor x, Tensor y) {
    reduceColumns("max_columns_f32", Backend::maxColumns, x, y);
  }

  @Override
  default void minColumns(Tensor x, Tensor y) {
    reduceColumns("min_columns_f32", Backend::minColumns, x, y);
  }

  @Override
  default void argmaxColumns(Tensor x, int[] y) {
    if (!gpu().holds(named("x", x))) {
      gpu().cpu().argmaxColumns(x, y);
      return;
    }
    Arguments.expectColumns(x, "x");
    Arguments.expectOneForEachRow(x, y, "y");
    try (DeviceValues from = DeviceValues.read(gpu(), x, "x");
        DeviceScratch to = gpu().device().scratch((long) Integer.BYTES * y.length)) {
      reduceColumns("argmax_columns_f32", from, to.pointer());
      gpu().device().copyToHost(to.pointer(), MemorySegment.ofArray(y));
    }
  }

  @Override
  default Scan scan(Tensor x) {
    if (!gpu().holds(named("x", x))) {
      return gpu().cpu().scan(x);
    }
    int[] found = new int[3];
    long bytes = (long) Integer.BYTES * found.length;
    try (DeviceValues values = DeviceValues.read(gpu(), x, "x");
        DeviceScratch words = gpu().device().scratch(bytes)) {
      gpu().device().clear(words.pointer(), bytes);
      Kernel scan = gpu().kernel("rows", "scan_f32");
      KernelArguments arguments =
          scan.arguments().add(values.pointer()).add(values.size()).add(words.pointer());
      scan.launchOver(values.size(), Gpu.ELEMENTS, arguments);
      gpu().device().copyToHost(words.pointer(), MemorySegment.ofArray(found));
    }
    return new Scan(Float.intBitsToFloat(found[0]), found[1], found[1] == 0 ? -1 : ~found[2]);
  }
}
