package dev.narrow.kernels;

import dev.narrow.quant.Tensor;

/** {@link Attentions} on the processor. */
interface CpuAttentions extends Attentions {
  /** What computes. */
  Cpu cpu();

  @Override
  default void attention(Tensor q, Tensor k, Tensor v, Attention attention, Tensor y) {
    cpu().requireFloats();
    LayerArguments.expectAttention(q, k, v, attention, y);
    try (Values to = Values.write(y, "y");
        Values queries = Values.read(q);
        Values keys = Values.read(k);
        Values values = Values.read(v)) {
      eachHead(
          q,
          k,
          attention,
          2,
          pair ->
              new AttentionHead(
                      cpu(),
                      attention,
                      head(queries, q, attention, pair),
                      head(keys, k, attention, pair),
                      head(values, v, attention, pair))
                  .forward(head(to, y, attention, pair)));
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
    cpu().requireFloats();
    LayerArguments.expectAttentionBackward(q, k, v, attention, dy, dq, dk, dv);
    try (Values queryGradients = Values.write(dq, "dq");
        Values keyGradients = Values.write(dk, "dk");
        Values valueGradients = Values.write(dv, "dv");
        Values queries = Values.read(q);
        Values keys = Values.read(k);
        Values values = Values.read(v);
        Values above = Values.read(dy)) {
      eachHead(
          q,
          k,
          attention,
          5,
          pair ->
              new AttentionHead(
                      cpu(),
                      attention,
                      head(queries, q, attention, pair),
                      head(keys, k, attention, pair),
                      head(values, v, attention, pair))
                  .backward(
                      head(above, dy, attention, pair),
                      head(queryGradients, dq, attention, pair),
                      head(keyGradients, dk, attention, pair),
                      head(valueGradients, dv, attention, pair)));
      queryGradients.store();
      keyGradients.store();
      valueGradients.store();
    }
  }

  /** What is done for one head of one sequence. */
  @FunctionalInterface
  interface HeadWork {
    /** The number of the pair: sequence × heads + head. */
    void run(int pair);
  }

  private void eachHead(Tensor q, Tensor k, Attention attention, int products, HeadWork work) {
    long cost = 2L * products * q.shape().dim(1) * k.shape().dim(1) * attention.dim();
    cpu()
        .share(
            q.shape().dim(0) * attention.heads(),
            1,
            cost,
            (first, last) -> {
              for (int pair = first; pair < last; pair++) {
                work.run(pair);
              }
            });
  }

  private static Matrix head(Values values, Tensor tensor, Attention attention, int pair) {
    int rows = tensor.shape().dim(1);
    int width = tensor.shape().dim(2);
    int sequence = pair / attention.heads();
    int column = pair % attention.heads() * attention.dim();
    return Matrix.rowMajor(
        values.array(),
        values.offset() + sequence * rows * width + column,
        rows,
        attention.dim(),
        width);
  }
}
