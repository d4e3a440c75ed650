package dev.narrow.amp.nn;

import dev.narrow.amp.Ops;
import dev.narrow.amp.Parameter;
import dev.narrow.quant.Tensor;
import java.util.List;

/** A fully connected layer: y = x weight + bias, for x [..., inputs]. */
public final class Linear implements Layer {
  private final String name;
  private final Parameter weight;
  private final Parameter bias;
  private final Saved<Tensor> input;

  /**
   * A layer with the parameters {@code name.weight} [inputs, outputs] and {@code name.bias}.
   *
   * @throws IllegalArgumentException if an extent is below 1
   */
  public Linear(String name, int inputs, int outputs, Initializer initializer) {
    Extents.require("inputs of " + name, inputs);
    Extents.require("outputs of " + name, outputs);
    this.name = name;
    weight = initializer.weight(name + ".weight", inputs, inputs, outputs);
    bias = initializer.bias(name + ".bias", outputs);
    input = new Saved<>(name);
  }

  @Override
  public Tensor forward(Tensor x, boolean training) {
    input.set(training, x);
    return Ops.linear(name, x, weight.value(), bias.value());
  }

  @Override
  public Tensor backward(Tensor dy) {
    return Ops.linearBackward(
        name, input.take(), weight.value(), dy, weight.gradient(), bias.gradient());
  }

  @Override
  public void backwardFirst(Tensor dy) {
    Ops.linearBackwardFirst(name, input.take(), dy, weight.gradient(), bias.gradient());
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(weight, bias);
  }
}
