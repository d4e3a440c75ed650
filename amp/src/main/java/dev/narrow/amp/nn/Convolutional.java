package dev.narrow.amp.nn;

import dev.narrow.amp.ImageOps;
import dev.narrow.amp.Parameter;
import dev.narrow.kernels.Convolution;
import dev.narrow.quant.Tensor;
import java.util.List;

/** A convolution of images [n, c, h, w] with square kernels, and a bias for each channel. */
public final class Convolutional implements Layer {
  private final String name;
  private final Convolution how;
  private final Parameter weight;
  private final Parameter bias;
  private final Saved<Tensor> input;

  /**
   * A layer with the parameters {@code name.weight} [outputs, inputs / groups, kernel, kernel] and
   * {@code name.bias}.
   *
   * @param inputs channels of the input
   * @param outputs channels of the output
   * @param kernel extent of the kernel
   * @param how stride, padding, dilation, groups
   * @throws IllegalArgumentException if an extent is below 1
   */
  public Convolutional(
      String name, int inputs, int outputs, int kernel, Convolution how, Initializer initializer) {
    Extents.require("inputs of " + name, inputs);
    Extents.require("outputs of " + name, outputs);
    Extents.require("kernel of " + name, kernel);
    this.name = name;
    this.how = how;
    int perGroup = inputs / how.groups();
    weight =
        initializer.weight(
            name + ".weight", perGroup * kernel * kernel, outputs, perGroup, kernel, kernel);
    bias = initializer.bias(name + ".bias", outputs);
    input = new Saved<>(name);
  }

  @Override
  public Tensor forward(Tensor x, boolean training) {
    input.set(training, x);
    return ImageOps.convolve(name, how, x, weight.value(), bias.value());
  }

  @Override
  public Tensor backward(Tensor dy) {
    return ImageOps.convolveBackward(
        name, how, input.take(), weight.value(), dy, weight.gradient(), bias.gradient());
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(weight, bias);
  }
}
