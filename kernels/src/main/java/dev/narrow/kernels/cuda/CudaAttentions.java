package dev.narrow.kernels.cuda;

import static dev.narrow.kernels.Arguments.named;

import dev.narrow.kernels.Attention;
import dev.narrow.kernels.Attentions;
import dev.narrow.kernels.LayerArguments;
import dev.narrow.kernels.Summation;
import dev.narrow.quant.Tensor;

/**
 * {@link Attentions} on a device, with the bits of the processor in {@link Summation#FAST} as well.
 * For other accumulators than those in float32, in float64 and the exact one the processor computes
 * on copies. The backward pass keeps the scores of all queries of a head, two float32 numbers for
 * each query and key; the forward pass does not.
 */
interface CudaAttentions extends Attentions {
  /** What computes. */
  Gpu gpu();

  @Override
  default void attention(Tensor q, Tensor k, Tensor v, Attention attention, Tensor y) {
    if (!gpu().holds(named("q", q), named("k", k), named("v", v), named("y", y))) {
      gpu().cpu().attention(q, k, v, attention, y);
      return;
    }
    if (!FloatProduct.takes(gpu().accumulator())) {
      HostOperands on = new HostOperands(gpu().device());
      gpu()
          .cpu()
          .attention(
              on.read(q, "q"), on.read(k, "k"), on.read(v, "v"), attention, on.write(y, "y"));
      on.store();
      return;
    }
    LayerArguments.expectAttention(q, k, v, attention, y);
    try (DeviceValues to = DeviceValues.write(gpu(), y, "y");
        DeviceValues queries = DeviceValues.read(gpu(), q, "q");
        DeviceValues keys = DeviceValues.read(gpu(), k, "k");
        DeviceValues values = DeviceValues.read(gpu(), v, "v")) {
      new HeadProducts(gpu(), attention, q.shape(), k.shape()).forward(queries, keys, values, to);
      to.store();
    }
  }

  @Override
  default void attentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      Attention attention,
      Tensor dy,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    if (!gpu()
        .holds(
            named("q", q),
            named("k", k),
            named("v", v),
            named("dy", dy),
            named("dq", dq),
            named("dk", dk),
            named("dv", dv))) {
      gpu().cpu().attentionBackward(q, k, v, attention, dy, dq, dk, dv);
      return;
    }
    if (!FloatProduct.takes(gpu().accumulator())) {
      HostOperands on = new HostOperands(gpu().device());
      gpu()
          .cpu()
          .attentionBackward(
              on.read(q, "q"),
              on.read(k, "k"),
              on.read(v, "v"),
              attention,
              on.read(dy, "dy"),
              on.write(dq, "dq"),
              on.write(dk, "dk"),
              on.write(dv, "dv"));
      on.store();
      return;
    }
    LayerArguments.expectAttentionBackward(q, k, v, attention, dy, dq, dk, dv);
    try (DeviceValues queryGradients = DeviceValues.write(gpu(), dq, "dq");
        DeviceValues keyGradients = DeviceValues.write(gpu(), dk, "dk");
        DeviceValues valueGradients = DeviceValues.write(gpu(), dv, "dv");
        DeviceValues queries = DeviceValues.read(gpu(), q, "q");
        DeviceValues keys = DeviceValues.read(gpu(), k, "k");
        DeviceValues values = DeviceValues.read(gpu(), v, "v");
        DeviceValues above = DeviceValues.read(gpu(), dy, "dy")) {
      new HeadProducts(gpu(), attention, q.shape(), k.shape())
          .backward(queries, keys, values, above, queryGradients, keyGradients, valueGradients);
      queryGradients.store();
      keyGradients.store();
      valueGradients.store();
    }
  }
}
