package dev.narrow.amp.nn;

import dev.narrow.amp.Ops;
import dev.narrow.amp.Parameter;
import dev.narrow.amp.SequenceOps;
import dev.narrow.kernels.Attention;
import dev.narrow.quant.Tensor;
import java.util.List;
import java.util.stream.Stream;

/**
 * Attention of a sequence to itself, between linear layers: {@code name.query}, {@code name.key},
 * {@code name.value} and {@code name.output}.
 */
public final class SelfAttention implements Layer {
  private record Pass(Tensor q, Tensor k, Tensor v) {}

  private final String name;
  private final Attention how;
  private final Linear query;
  private final Linear key;
  private final Linear value;
  private final Linear output;
  private final Saved<Pass> saved;

  /** A layer for rows [n, length, heads × dim]. */
  public SelfAttention(String name, Attention how, Initializer initializer) {
    this.name = name;
    this.how = how;
    int width = how.heads() * how.dim();
    query = new Linear(name + ".query", width, width, initializer);
    key = new Linear(name + ".key", width, width, initializer);
    value = new Linear(name + ".value", width, width, initializer);
    output = new Linear(name + ".output", width, width, initializer);
    saved = new Saved<>(name);
  }

  @Override
  public Tensor forward(Tensor x, boolean training) {
    Tensor q = query.forward(x, training);
    Tensor k = key.forward(x, training);
    Tensor v = value.forward(x, training);
    saved.set(training, new Pass(q, k, v));
    return output.forward(SequenceOps.attention(name, q, k, v, how), training);
  }

  @Override
  public Tensor backward(Tensor dy) {
    Pass pass = saved.take();
    SequenceOps.AttentionGradients gradients =
        SequenceOps.attentionBackward(name, pass.q, pass.k, pass.v, how, output.backward(dy));
    Tensor dq = query.backward(gradients.dq());
    Tensor dk = key.backward(gradients.dk());
    Tensor dv = value.backward(gradients.dv());
    return Ops.add(Ops.add(dq, dk), dv);
  }

  @Override
  public List<Parameter> parameters() {
    return Stream.of(query, key, value, output).flatMap(l -> l.parameters().stream()).toList();
  }
}
