package dev.narrow.amp.nn;

import dev.narrow.amp.Ops;
import dev.narrow.amp.Parameter;
import dev.narrow.quant.Tensor;
import java.util.List;

/** y = x + inner(x). */
public final class Residual implements Layer {
  private final Layer inner;

  /** Around a layer that keeps the shape. */
  public Residual(Layer inner) {
    this.inner = inner;
  }

  @Override
  public Tensor forward(Tensor x, boolean training) {
    return Ops.add(x, inner.forward(x, training));
  }

  @Override
  public Tensor backward(Tensor dy) {
    return Ops.add(dy, inner.backward(dy));
  }

  @Override
  public List<Parameter> parameters() {
    return inner.parameters();
  }

  @Override
  public List<Buffer> buffers() {
    return inner.buffers();
  }
}
