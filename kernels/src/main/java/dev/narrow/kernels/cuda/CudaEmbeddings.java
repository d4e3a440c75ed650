package dev.narrow.kernels.cuda;

import static dev.narrow.kernels.Arguments.named;

import dev.narrow.formats.Projection;
import dev.narrow.kernels.Arguments;
import dev.narrow.kernels.Embeddings;
import dev.narrow.kernels.LayerArguments;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.util.Arrays;

/** {@link Embeddings} on a device: embeddings.cu. */
interface CudaEmbeddings extends Embeddings {
  /** What computes. */
  Gpu gpu();

  @Override
  default void embedding(Tensor table, int[] indices, Tensor y) {
    if (!gpu().holds(named("table", table), named("y", y))) {
      gpu().cpu().embedding(table, indices, y);
      return;
    }
    LayerArguments.expectEmbedding(table, indices, y);
    try (DeviceScratch rows = gpu().upload(indices)) {
      lookUp(table, rows.pointer(), y);
    }
  }

  @Override
  default void embedding(Tensor table, Tensor indices, Tensor y) {
    if (!gpu().holds(named("table", table), named("indices", indices), named("y", y))) {
      gpu().cpu().embedding(table, indices, y);
      return;
    }
    LayerArguments.expectEmbedding(table, indices, y);
    lookUp(table, gpu().device().pointer(indices, "indices"), y);
  }

  private void lookUp(Tensor table, long indices, Tensor y) {
    Arguments.expectTarget(y, "y");
    boolean isWhole = table.scales().granularity() instanceof Granularity.PerTensor;
    if (!table.isFp32() && isWhole && table.rotation().isEmpty()) {
      decodeRows(table, indices, y);
      return;
    }
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        DeviceValues from = DeviceValues.read(gpu(), table, "table")) {
      int nan = Float.floatToRawIntBits(Float.NaN);
      gather(from.pointer(), table.shape(), Float.BYTES, nan, indices, to.pointer(), y);
      to.store();
    }
  }

  /** Of a table of codes under one scale only the rows that are asked for. */
  private void decodeRows(Tensor table, long indices, Tensor y) {
    CudaDevice device = gpu().device();
    Tensor rows = device.allocate(table.format(), y.shape(), table.scales());
    Projection projection = Arguments.quantizer(table).projection();
    try {
      gather(
          device.pointer(table, "table"),
          table.shape(),
          Tensor.bytesPerCode(table.format()),
          table.format().encode(Double.NaN, projection, 0),
          indices,
          device.pointer(rows, "rows"),
          y);
      if (y.isFp32()) {
        device.backend().decode(rows, y);
      } else {
        try (DeviceValues values = DeviceValues.read(gpu(), rows, "rows")) {
          values.encode(Arguments.quantizer(y), y);
        }
      }
    } finally {
      device.free(rows);
    }
  }

  /**
   * Codes of so many bytes.
   *
   * @param nan the code of a row that is not there
   */
  private void gather(long from, Shape table, int bytes, int nan, long indices, long to, Tensor y) {
    if (y.shape().size() == 0) {
      return;
    }
    long width = table.dim(1);
    Kernel kernel = gpu().kernel("embeddings", "gather_rows_" + Byte.SIZE * bytes);
    kernel.launchOver(
        y.shape().size(),
        Gpu.ELEMENTS,
        kernel
            .arguments()
            .add(from)
            .add(indices)
            .add(to)
            .add(width)
            .add(y.shape().size() / width)
            .add((long) table.dim(0))
            .add(nan));
  }

  @Override
  default void addEmbeddingBackward(int[] indices, Tensor dy, Tensor dtable) {
    if (!gpu().holds(named("dy", dy), named("dtable", dtable))) {
      gpu().cpu().addEmbeddingBackward(indices, dy, dtable);
      return;
    }
    LayerArguments.expectEmbeddingBackward(indices, dy, dtable);
    try (DeviceValues to = DeviceValues.update(gpu(), dtable, "dtable");
        DeviceValues from = DeviceValues.read(gpu(), dy, "dy")) {
      if (from.size() > 0) {
        add(from, indices, to);
      }
      to.store();
    }
  }

  @Override
  default void addEmbeddingBackward(Tensor indices, Tensor dy, Tensor dtable) {
    if (!gpu().holds(named("indices", indices), named("dy", dy), named("dtable", dtable))) {
      gpu().cpu().addEmbeddingBackward(indices, dy, dtable);
      return;
    }
    LayerArguments.expectEmbeddingBackward(indices, dy, dtable);
    try (DeviceValues to = DeviceValues.update(gpu(), dtable, "dtable");
        DeviceValues from = DeviceValues.read(gpu(), dy, "dy")) {
      Kernel kernel = gpu().kernel("embeddings", "add_rows_of_f32");
      long n = indices.shape().size();
      // A warp has a place.
      kernel.launchOver(
          32 * n,
          Gpu.THREADS,
          kernel
              .arguments()
              .add(from.pointer())
              .add(gpu().device().pointer(indices, "indices"))
              .add(to.pointer())
              .add(from.columns())
              .add(n)
              .add(to.rows()));
      to.store();
    }
  }

  /** Rows of dy that belong to one row of the table are brought together, in their order. */
  private void add(DeviceValues dy, int[] indices, DeviceValues table) {
    int n = indices.length;
    long[] sorted = new long[n]; // by the row of the table, then by that of dy
    for (int p = 0; p < n; p++) {
      sorted[p] = (long) indices[p] << Integer.SIZE | p;
    }
    Arrays.sort(sorted);
    int[] order = new int[n];
    int[] starts = new int[n + 1];
    int[] targets = new int[n];
    int groups = 0;
    for (int i = 0; i < n; i++) {
      int target = (int) (sorted[i] >> Integer.SIZE);
      order[i] = (int) sorted[i];
      if (i == 0 || target != targets[groups - 1]) {
        starts[groups] = i;
        targets[groups++] = target;
      }
    }
    starts[groups] = n;
    long width = dy.columns();
    try (DeviceScratch orderThere = gpu().upload(order);
        DeviceScratch startsThere = gpu().upload(Arrays.copyOf(starts, groups + 1));
        DeviceScratch targetsThere = gpu().upload(Arrays.copyOf(targets, groups))) {
      Kernel kernel = gpu().kernel("embeddings", "add_rows_f32");
      kernel.launchOver(
          groups * width,
          Gpu.THREADS,
          kernel
              .arguments()
              .add(dy.pointer())
              .add(orderThere.pointer())
              .add(startsThere.pointer())
              .add(targetsThere.pointer())
              .add(table.pointer())
              .add(width)
              .add((long) groups));
    }
  }
}
