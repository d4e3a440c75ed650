package dev.narrow.amp;

import dev.narrow.kernels.Attention;
import dev.narrow.kernels.Indices;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.util.Arrays;

/** Operations of transformers, in the manner of {@link Ops}. */
public final class SequenceOps {
  private static final String ATTENTION = "scaled_dot_product_attention";

  private SequenceOps() {}

  /**
   * Attention. Operation {@code scaled_dot_product_attention}; the operands are cast as those of
   * {@code layer.q}, {@code layer.k} and {@code layer.v}, probabilities are not cast.
   *
   * @param layer name of the layer
   * @param q [sequences, queries, heads × dim]
   * @param k [sequences, keys, heads × dim]
   * @param v of k's shape
   * @param how heads, scale, causal or not
   * @return of q's shape
   */
  public static Tensor attention(String layer, Tensor q, Tensor k, Tensor v, Attention how) {
    Region region = Autocast.current();
    OpClass kind = region.enter(ATTENTION);
    Tensor y = region.allocate(q, q.shape().dims());
    region
        .products(kind)
        .attention(
            cast(region, kind, layer + ".q", q),
            cast(region, kind, layer + ".k", k),
            cast(region, kind, layer + ".v", v),
            how,
            y);
    return region.result(kind, y, q, k, v);
  }

  private static Tensor cast(Region region, OpClass kind, String layer, Tensor tensor) {
    return region.operand(ATTENTION, kind, layer, Role.ACTIVATION, tensor);
  }

  /**
   * The gradients of {@link #attention}.
   *
   * @param dq gradient of q
   * @param dk gradient of k
   * @param dv gradient of v
   */
  public record AttentionGradients(Tensor dq, Tensor dk, Tensor dv) {}

  /** The gradients of {@link #attention}, from its operands as they were. */
  public static AttentionGradients attentionBackward(
      String layer, Tensor q, Tensor k, Tensor v, Attention how, Tensor dy) {
    Region region = Autocast.current();
    OpClass kind = region.enter(ATTENTION);
    Tensor dq = region.allocate(dy, q.shape().dims());
    Tensor dk = region.allocate(dy, k.shape().dims());
    Tensor dv = region.allocate(dy, v.shape().dims());
    region
        .products(kind)
        .attentionBackward(
            cast(region, kind, layer + ".q", q),
            cast(region, kind, layer + ".k", k),
            cast(region, kind, layer + ".v", v),
            how,
            region.operand(ATTENTION, kind, layer, Role.ACTIVATION_GRADIENT, dy),
            dq,
            dk,
            dv);
    return new AttentionGradients(dq, dk, dv);
  }

  /**
   * Rows of a table by their numbers. Operation {@code embedding}.
   *
   * @param table [count, width]
   * @param indices {@link Indices}, 0 to count - 1
   * @return [..., width] in the shape of the indices
   */
  public static Tensor embedding(Tensor table, Tensor indices) {
    Region region = Autocast.current();
    OpClass kind = region.enter("embedding");
    int[] dims = indices.shape().dims();
    int[] all = Arrays.copyOf(dims, dims.length + 1);
    all[dims.length] = table.shape().dim(1);
    Tensor y = region.allocate(table, all);
    region.backend().embedding(table, indices, y);
    return region.result(kind, y, table);
  }

  /** The gradient of {@link #embedding}, which replaces what dtable holds. */
  public static void embeddingBackward(Tensor indices, Tensor dy, Tensor dtable) {
    Region region = Autocast.current();
    region.enter("embedding");
    region.backend().clear(dtable);
    region.backend().addEmbeddingBackward(indices, dy, dtable);
  }

  /**
   * Row p of a table added to row p of each sequence. Operation {@code add}.
   *
   * @param x [n, length, width]
   * @param table [length or more, width]
   * @return of x's shape
   */
  public static Tensor addPositions(Tensor x, Tensor table) {
    Region region = Autocast.current();
    OpClass kind = region.enter("add");
    int length = x.shape().dim(1);
    int row = length * x.shape().dim(2);
    Tensor y = region.allocate(x, x.shape().dims());
    region.backend().addRow(sequences(x), table.slice(0, length).reshape(row), sequences(y));
    return region.result(kind, y, x, table);
  }

  private static Tensor sequences(Tensor x) {
    return x.reshape(x.shape().dim(0), x.shape().dim(1) * x.shape().dim(2));
  }

  /** The gradient of {@link #addPositions} with respect to the table, which it replaces. */
  public static void addPositionsBackward(Tensor dy, Tensor dtable) {
    Region region = Autocast.current();
    region.enter("add");
    region.backend().clear(dtable);
    int length = dy.shape().dim(1);
    Tensor rows = dtable.slice(0, length).reshape(length * dy.shape().dim(2));
    region.backend().sumRows(sequences(dy), rows);
  }

  /**
   * Rows that were normalized.
   *
   * @param y of the shape of x
   * @param mean of each row, for the backward pass; zeros for RMS norm
   * @param inverse likewise
   */
  public record Normalized(Tensor y, Tensor mean, Tensor inverse) {}

  /**
   * Layer norm along the innermost axis. Operation {@code layer_norm}.
   *
   * @param x [..., n]
   * @param weight [n]
   * @param bias [n]
   * @param epsilon 0 or more
   */
  public static Normalized layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon) {
    Region region = Autocast.current();
    OpClass kind = region.enter("layer_norm");
    Tensor y = region.allocate(x, x.shape().dims());
    Tensor mean = region.allocate(x, outer(x.shape()));
    Tensor inverse = region.allocate(x, outer(x.shape()));
    region.backend().layerNorm(x, weight, bias, epsilon, y, mean, inverse);
    return new Normalized(region.result(kind, y, x), mean, inverse);
  }

  private static int[] outer(Shape shape) {
    return Arrays.copyOf(shape.dims(), Math.max(0, shape.rank() - 1));
  }

  /** The gradient of {@link #layerNorm}; those of weight and bias go where the caller says. */
  public static Tensor layerNormBackward(
      Tensor x, Normalized saved, Tensor weight, Tensor dy, Tensor dweight, Tensor dbias) {
    return Ops.map(
        "layer_norm",
        dy,
        (backend, dx) ->
            backend.layerNormBackward(
                x, weight, saved.mean(), saved.inverse(), dy, dx, dweight, dbias));
  }

  /** RMS norm along the innermost axis. Operation {@code rms_norm}. */
  public static Normalized rmsNorm(Tensor x, Tensor weight, float epsilon) {
    Region region = Autocast.current();
    OpClass kind = region.enter("rms_norm");
    Tensor y = region.allocate(x, x.shape().dims());
    Tensor inverse = region.allocate(x, outer(x.shape()));
    region.backend().rmsNorm(x, weight, epsilon, y, inverse);
    Tensor mean = region.allocate(x, outer(x.shape()));
    region.backend().clear(mean);
    return new Normalized(region.result(kind, y, x), mean, inverse);
  }

  /** The gradient of {@link #rmsNorm}; that of weight goes where the caller says. */
  public static Tensor rmsNormBackward(
      Tensor x, Normalized saved, Tensor weight, Tensor dy, Tensor dweight) {
    return Ops.map(
        "rms_norm",
        dy,
        (backend, dx) -> backend.rmsNormBackward(x, weight, saved.inverse(), dy, dx, dweight));
  }
}
