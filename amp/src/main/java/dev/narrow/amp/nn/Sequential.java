package dev.narrow.amp.nn;

import dev.narrow.amp.Parameter;
import dev.narrow.quant.Tensor;
import java.util.List;

/** Layers one after another. */
public final class Sequential implements Layer {
  private final List<Layer> layers;

  /**
   * These layers.
   *
   * @throws IllegalArgumentException if there is none
   */
  public Sequential(List<? extends Layer> layers) {
    if (layers.isEmpty()) {
      throw new IllegalArgumentException("layers is empty, expected a layer or more");
    }
    this.layers = List.copyOf(layers);
  }

  /** These layers. */
  public static Sequential of(Layer... layers) {
    return new Sequential(List.of(layers));
  }

  @Override
  public Tensor forward(Tensor x, boolean training) {
    Tensor y = x;
    for (Layer layer : layers) {
      y = layer.forward(y, training);
    }
    return y;
  }

  @Override
  public Tensor backward(Tensor dy) {
    Tensor gradient = dy;
    for (Layer layer : layers.reversed()) {
      gradient = layer.backward(gradient);
    }
    return gradient;
  }

  @Override
  public void backwardFirst(Tensor dy) {
    Tensor gradient = dy;
    for (Layer layer : layers.subList(1, layers.size()).reversed()) {
      gradient = layer.backward(gradient);
    }
    layers.getFirst().backwardFirst(gradient);
  }

  @Override
  public List<Parameter> parameters() {
    return layers.stream().flatMap(layer -> layer.parameters().stream()).toList();
  }

  @Override
  public List<Buffer> buffers() {
    return layers.stream().flatMap(layer -> layer.buffers().stream()).toList();
  }
}
