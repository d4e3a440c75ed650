package dev.narrow.amp.nn;

import dev.narrow.kernels.Attention;
import dev.narrow.kernels.Convolution;
import dev.narrow.kernels.Pooling;
import java.util.ArrayList;
import java.util.List;

/** The networks of the experiments, from a seed. */
public final class Networks {
  private Networks() {}

  /**
   * A multilayer perceptron with ReLU between its layers {@code fc1}, {@code fc2}, ...
   *
   * @param seed of the initial values
   * @param units of the input, of each hidden layer, and of the output: two numbers or more
   * @throws IllegalArgumentException if there are fewer than two, or one is not positive
   */
  public static Layer mlp(long seed, int... units) {
    if (units.length < 2) {
      throw new IllegalArgumentException(
          "units has " + units.length + " numbers, expected 2 or more: input, hidden..., output");
    }
    Initializer initializer = new Initializer(seed);
    List<Layer> layers = new ArrayList<>();
    for (int l = 1; l < units.length; l++) {
      if (l > 1) {
        layers.add(Pointwise.relu());
      }
      layers.add(new Linear("fc" + l, units[l - 1], units[l], initializer));
    }
    return new Sequential(layers);
  }

  /**
   * A small convolutional network: for each number of channels a 3×3 convolution with batch norm
   * and ReLU and a residual block of two more, the windows 2×2 of all but the last pooled; then the
   * average of each plane and a linear layer, {@code logits}.
   *
   * @param seed of the initial values
   * @param inputs channels of the images
   * @param classes of the output
   * @param channels of each stage, one or more
   */
  public static Layer residual(long seed, int inputs, int classes, int... channels) {
    Extents.require("channels.length", channels.length);
    Initializer initializer = new Initializer(seed);
    List<Layer> layers = new ArrayList<>();
    int below = inputs;
    for (int s = 0; s < channels.length; s++) {
      String stage = "stage" + (s + 1);
      int width = channels[s];
      layers.add(convolution(stage + ".in", below, width, initializer));
      layers.add(new BatchNorm(stage + ".in.norm", width, initializer));
      layers.add(Pointwise.relu());
      layers.add(
          new Residual(
              Sequential.of(
                  convolution(stage + ".conv1", width, width, initializer),
                  new BatchNorm(stage + ".norm1", width, initializer),
                  Pointwise.relu(),
                  convolution(stage + ".conv2", width, width, initializer),
                  new BatchNorm(stage + ".norm2", width, initializer))));
      layers.add(Pointwise.relu());
      if (s + 1 < channels.length) {
        layers.add(new MaxPool(Pooling.window(2, 2).withStride(2, 2)));
      }
      below = width;
    }
    layers.add(new AveragePlanes());
    layers.add(new Linear("logits", below, classes, initializer));
    return new Sequential(layers);
  }

  private static Layer convolution(String name, int inputs, int outputs, Initializer initializer) {
    return new Convolutional(
        name, inputs, outputs, 3, Convolution.unit().withPadding(1, 1), initializer);
  }

  /**
   * A causal transformer with norms before attention and feed-forward layers, as GPT-2: tokens [n,
   * length] to logits [n, length, vocabulary]. Layers {@code embed}, {@code block1.attention}...,
   * {@code block1.up}, {@code block1.down}, ..., {@code logits}.
   *
   * @param seed of the initial values
   * @param vocabulary how many tokens there are
   * @param context the longest sequence
   * @param heads of attention
   * @param dim width of a head
   * @param blocks how many
   */
  public static Layer transformer(
      long seed, int vocabulary, int context, int heads, int dim, int blocks) {
    Initializer initializer = new Initializer(seed);
    int width = heads * dim;
    List<Layer> layers = new ArrayList<>();
    layers.add(new Embedding("embed", vocabulary, context, width, initializer));
    for (int b = 1; b <= blocks; b++) {
      String block = "block" + b;
      layers.add(
          new Residual(
              Sequential.of(
                  new LayerNorm(block + ".norm1", width, initializer),
                  new SelfAttention(
                      block + ".attention", Attention.causal(heads, dim), initializer))));
      layers.add(
          new Residual(
              Sequential.of(
                  new LayerNorm(block + ".norm2", width, initializer),
                  new Linear(block + ".up", width, 4 * width, initializer),
                  Pointwise.gelu(),
                  new Linear(block + ".down", 4 * width, width, initializer))));
    }
    layers.add(new LayerNorm("norm", width, initializer));
    layers.add(new Linear("logits", width, vocabulary, initializer));
    return new Sequential(layers);
  }
}
