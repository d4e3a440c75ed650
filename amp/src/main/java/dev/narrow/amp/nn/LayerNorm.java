package dev.narrow.amp.nn;

import dev.narrow.amp.Parameter;
import dev.narrow.amp.SequenceOps;
import dev.narrow.quant.Tensor;
import java.util.List;

/** Layer norm along the innermost axis, epsilon 1e-5. */
public final class LayerNorm implements Layer {
  private static final float EPSILON = 1e-5f;

  private record Pass(Tensor x, SequenceOps.Normalized normalized) {}

  private final Parameter weight;
  private final Parameter bias;
  private final Saved<Pass> saved;

  /** A layer with the parameters {@code name.weight} and {@code name.bias}, for so wide rows. */
  public LayerNorm(String name, int width, Initializer initializer) {
    Extents.require("width of " + name, width);
    weight = initializer.gain(name + ".weight", width);
    bias = initializer.bias(name + ".bias", width);
    saved = new Saved<>(name);
  }

  @Override
  public Tensor forward(Tensor x, boolean training) {
    SequenceOps.Normalized rows = SequenceOps.layerNorm(x, weight.value(), bias.value(), EPSILON);
    saved.set(training, new Pass(x, rows));
    return rows.y();
  }

  @Override
  public Tensor backward(Tensor dy) {
    Pass pass = saved.take();
    return SequenceOps.layerNormBackward(
        pass.x, pass.normalized, weight.value(), dy, weight.gradient(), bias.gradient());
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(weight, bias);
  }
}
