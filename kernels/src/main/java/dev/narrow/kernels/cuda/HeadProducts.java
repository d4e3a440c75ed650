package dev.narrow.kernels.cuda;

import dev.narrow.kernels.Attention;
import dev.narrow.quant.Shape;

/**
 * Attention as products of matrices, a few heads at a time: attention.cu. Their scores lie in
 * scratch memory, those of all queries of a head together if they are not more than {@link
 * #SCORES}; in the backward pass always.
 */
final class HeadProducts {
  private static final String MODULE = "attention";

  /** The most scores at a time, of more than one query: 64 MiB. */
  private static final long SCORES = 1 << 24;

  /** What causal products leave out: see attention.cu. */
  private enum Limit {
    OUTPUTS(1),
    TERMS_TO(2),
    TERMS_FROM(3);

    final int number;

    Limit(int number) {
      this.number = number;
    }
  }

  /** What becomes of a sum: see attention.cu. */
  private enum Result {
    SUM(0),
    SCALED(1),
    FINAL(2);

    final int number;

    Result(int number) {
      this.number = number;
    }
  }

  private final Gpu gpu;
  private final Attention attention;
  private final long pairs; // of sequence and head
  private final long queries;
  private final long keys;
  private final long most; // scores at a time

  HeadProducts(Gpu gpu, Attention attention, Shape q, Shape k) {
    this(gpu, attention, q, k, SCORES);
  }

  /**
   * @param most scores at a time, of more than one query
   */
  HeadProducts(Gpu gpu, Attention attention, Shape q, Shape k, long most) {
    this.gpu = gpu;
    this.attention = attention;
    this.most = most;
    pairs = (long) q.dim(0) * attention.heads();
    queries = q.dim(1);
    keys = k.dim(1);
  }

  /**
   * The matrices of heads, numbered over all sequences.
   *
   * @param pointer to element (0, 0) of the first head of the first sequence
   * @param first head of the product
   */
  private record Heads(
      long pointer,
      long first,
      long sequenceStride,
      long headStride,
      long rowStride,
      long columnStride,
      NumberRange range) {
    Heads transposed() {
      return new Heads(pointer, first, sequenceStride, headStride, columnStride, rowStride, range);
    }

    void addTo(KernelStruct struct) {
      struct
          .add(pointer)
          .add(first)
          .add(sequenceStride)
          .add(headStride)
          .add(rowStride)
          .add(columnStride);
    }
  }

  /** Rows of a tensor [sequences, length, heads × dim] from one on. */
  private Heads of(DeviceValues values, long length, long first, long row) {
    long width = (long) attention.heads() * attention.dim();
    return new Heads(
        values.pointer() + Float.BYTES * row * width,
        first,
        length * width,
        attention.dim(),
        width,
        1,
        values.range());
  }

  /** Scores of so many queries. */
  private Heads scores(DeviceScratch scratch, long rows) {
    return new Heads(
        scratch.pointer(),
        0,
        attention.heads() * rows * keys,
        rows * keys,
        keys,
        1,
        NumberRange.ANY);
  }

  /** The extents of products. */
  private record Extents(long count, long rows, long columns, long terms) {}

  private void multiply(
      Heads a, Heads b, Heads out, Extents extents, Limit limit, long shift, Result result) {
    KernelStruct struct = new KernelStruct();
    a.addTo(struct);
    b.addTo(struct);
    out.addTo(struct);
    struct
        .add(extents.count())
        .add((long) attention.heads())
        .add(extents.rows())
        .add(extents.columns())
        .add(extents.terms())
        .add(shift)
        .add(attention.causal() ? limit.number : 0, result.number)
        .add(attention.scale())
        .add(0);
    new TileProduct(
            MODULE,
            "attention",
            extents.rows(),
            (height, width) ->
                extents.count()
                    * Math.ceilDiv(extents.rows(), height)
                    * Math.ceilDiv(extents.columns(), width))
        .launch(gpu, struct.segment(), a.range(), b.range(), Math.toIntExact(extents.terms()));
  }

  /** Heads whose scores are kept at a time. */
  private long headsAtOnce() {
    return Math.clamp(most / Math.max(1, queries * keys), 1, Math.max(1, pairs));
  }

  /** Writes y. */
  void forward(DeviceValues q, DeviceValues k, DeviceValues v, DeviceValues y) {
    if (y.size() == 0) {
      return;
    }
    long count = headsAtOnce();
    long rows = Math.clamp(most / Math.max(1, keys), 1, queries);
    try (DeviceScratch scratch = gpu.device().scratch(Float.BYTES * count * rows * keys)) {
      for (long first = 0; first < pairs; first += count) {
        for (long row = 0; row < queries; row += rows) {
          forward(
              q,
              k,
              v,
              y,
              scratch,
              first,
              Math.min(count, pairs - first),
              row,
              Math.min(rows, queries - row));
        }
      }
    }
  }

  private void forward(
      DeviceValues q,
      DeviceValues k,
      DeviceValues v,
      DeviceValues y,
      DeviceScratch scratch,
      long first,
      long count,
      long row,
      long rows) {
    Heads p = scores(scratch, rows);
    if (keys > 0) {
      score(of(q, queries, first, row), of(k, keys, first, 0), p, count, rows, row, Result.SCALED);
      Kernel softmax = gpu.kernel(MODULE, "attention_softmax_f32");
      softmax.launchOver(
          count * rows,
          Gpu.ROWS,
          softmax
              .arguments()
              .add(p.pointer())
              .add(keys)
              .add(rows)
              .add(row)
              .add(attention.causal() ? 1 : 0)
              .add(count * rows));
    }
    multiply(
        p,
        of(v, keys, first, 0),
        of(y, queries, first, row),
        new Extents(count, rows, attention.dim(), keys),
        Limit.TERMS_TO,
        row,
        Result.FINAL);
  }

  /** Products of rows from one on with all keys that they see. */
  private void score(Heads a, Heads b, Heads out, long count, long rows, long row, Result result) {
    multiply(
        a,
        b.transposed(),
        out,
        new Extents(count, rows, keys, attention.dim()),
        Limit.OUTPUTS,
        row,
        result);
  }

  /** Writes dq, dk and dv. */
  void backward(
      DeviceValues q,
      DeviceValues k,
      DeviceValues v,
      DeviceValues dy,
      DeviceValues dq,
      DeviceValues dk,
      DeviceValues dv) {
    long count = headsAtOnce();
    long bytes = Float.BYTES * count * queries * keys;
    try (DeviceScratch probabilities = gpu.device().scratch(bytes);
        DeviceScratch gradients = gpu.device().scratch(bytes)) {
      Heads p = scores(probabilities, queries);
      Heads ds = scores(gradients, queries);
      for (long first = 0; first < pairs; first += count) {
        long n = Math.min(count, pairs - first);
        Heads queriesHere = of(q, queries, first, 0);
        Heads keysHere = of(k, keys, first, 0);
        Heads above = of(dy, queries, first, 0);
        if (queries * keys > 0) {
          score(queriesHere, keysHere, p, n, queries, 0, Result.SCALED);
          score(above, of(v, keys, first, 0), ds, n, queries, 0, Result.SUM);
          softmaxGradient(p, ds, n);
        }
        if (queries > 0) {
          Extents extents = new Extents(n, queries, attention.dim(), keys);
          multiply(
              ds, keysHere, of(dq, queries, first, 0), extents, Limit.TERMS_TO, 0, Result.FINAL);
        }
        if (keys > 0) {
          Extents extents = new Extents(n, keys, attention.dim(), queries);
          Heads keyGradients = of(dk, keys, first, 0);
          Heads valueGradients = of(dv, keys, first, 0);
          multiply(
              ds.transposed(),
              queriesHere,
              keyGradients,
              extents,
              Limit.TERMS_FROM,
              0,
              Result.FINAL);
          multiply(
              p.transposed(), above, valueGradients, extents, Limit.TERMS_FROM, 0, Result.FINAL);
        }
      }
    }
  }

  private void softmaxGradient(Heads p, Heads ds, long count) {
    Kernel kernel = gpu.kernel(MODULE, "attention_softmax_gradient_f32");
    kernel.launchOver(
        count * queries,
        Gpu.ROWS,
        kernel
            .arguments()
            .add(p.pointer())
            .add(ds.pointer())
            .add(attention.scale())
            .add(keys)
            .add(queries)
            .add(0L)
            .add(attention.causal() ? 1 : 0)
            .add(count * queries));
  }
}
