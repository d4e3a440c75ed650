package dev.narrow.bench.gpu;

import dev.narrow.amp.Ops;
import dev.narrow.amp.Parameter;
import dev.narrow.amp.nn.AveragePlanes;
import dev.narrow.amp.nn.BatchNorm;
import dev.narrow.amp.nn.Convolutional;
import dev.narrow.amp.nn.Initializer;
import dev.narrow.amp.nn.Layer;
import dev.narrow.amp.nn.Linear;
import dev.narrow.amp.nn.Pointwise;
import dev.narrow.amp.nn.Residual;
import dev.narrow.amp.nn.Sequential;
import dev.narrow.kernels.Convolution;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The network of 20 layers for images of 32 x 32 in He et al., Deep residual learning for image
 * recognition, section 4.2: three stages of three blocks, of 16, 32 and 64 channels; where the
 * extents are halved, the shortcut is a convolution 1 x 1 (their option B).
 */
final class ResNet20 {
  private static final int BLOCKS = 3;
  private static final int[] CHANNELS = {16, 32, 64};

  private ResNet20() {}

  static Layer of(long seed, int classes) {
    Initializer initializer = new Initializer(seed);
    List<Layer> layers = new ArrayList<>();
    layers.add(convolution("in", 3, CHANNELS[0], 3, 1, initializer));
    layers.add(new BatchNorm("in.norm", CHANNELS[0], initializer));
    layers.add(Pointwise.relu());
    int below = CHANNELS[0];
    for (int s = 0; s < CHANNELS.length; s++) {
      for (int b = 0; b < BLOCKS; b++) {
        String name = "stage" + (s + 1) + ".block" + (b + 1);
        boolean halves = s > 0 && b == 0;
        Layer inner = block(name, below, CHANNELS[s], halves ? 2 : 1, initializer);
        layers.add(
            halves
                ? new Sum(
                    inner, convolution(name + ".shortcut", below, CHANNELS[s], 1, 2, initializer))
                : new Residual(inner));
        layers.add(Pointwise.relu());
        below = CHANNELS[s];
      }
    }
    layers.add(new AveragePlanes());
    layers.add(new Linear("logits", below, classes, initializer));
    return new Sequential(layers);
  }

  private static Layer block(String name, int inputs, int outputs, int stride, Initializer from) {
    return Sequential.of(
        convolution(name + ".conv1", inputs, outputs, 3, stride, from),
        new BatchNorm(name + ".norm1", outputs, from),
        Pointwise.relu(),
        convolution(name + ".conv2", outputs, outputs, 3, 1, from),
        new BatchNorm(name + ".norm2", outputs, from));
  }

  private static Layer convolution(
      String name, int inputs, int outputs, int kernel, int stride, Initializer from) {
    int padding = kernel / 2;
    Convolution how = Convolution.unit().withPadding(padding, padding).withStride(stride, stride);
    return new Convolutional(name, inputs, outputs, kernel, how, from);
  }

  /** y = first(x) + second(x). */
  private record Sum(Layer first, Layer second) implements Layer {
    @Override
    public Tensor forward(Tensor x, boolean training) {
      return Ops.add(first.forward(x, training), second.forward(x, training));
    }

    @Override
    public Tensor backward(Tensor dy) {
      return Ops.add(first.backward(dy), second.backward(dy));
    }

    @Override
    public List<Parameter> parameters() {
      return Stream.of(first, second).flatMap(layer -> layer.parameters().stream()).toList();
    }

    @Override
    public List<Buffer> buffers() {
      return Stream.of(first, second).flatMap(layer -> layer.buffers().stream()).toList();
    }
  }
}
