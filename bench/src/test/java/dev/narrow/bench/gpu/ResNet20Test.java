package dev.narrow.bench.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.Parameter;
import dev.narrow.amp.nn.Layer;
import dev.narrow.amp.nn.Network;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class ResNet20Test {
  @Test
  void layersAreThoseOfThePaper() {
    Layer body = ResNet20.of(1, 10);
    List<Parameter> weights =
        body.parameters().stream()
            .filter(parameter -> parameter.value().shape().rank() > 1)
            .filter(parameter -> !parameter.name().contains("shortcut"))
            .toList();
    assertEquals(20, weights.size());
    // 432 + 3 stages of 6 convolutions, two of which see half as many channels, and 640: 0.27
    // million
    assertEquals(
        432 + 6 * 2304 + 4608 + 5 * 9216 + 18432 + 5 * 36864 + 640,
        weights.stream().mapToInt(parameter -> parameter.value().shape().size()).sum());
  }

  @Test
  void gradientsReachTheFirstLayer() {
    Network network =
        new Network(Autocast.with(AmpPolicy.fp32()).on(Backend.cpu(1)), ResNet20.of(1, 10));
    float[] image = new float[2 * 3 * 32 * 32];
    for (int i = 0; i < image.length; i++) {
      image[i] = (i % 7) / 7f;
    }
    Tensor x = Tensor.of(image, 2, 3, 32, 32);
    assertTrue(Float.isFinite(network.backpropagate(x, new int[] {3, 4}, 1)));
    double sum = 0;
    for (float g : network.parameters().getFirst().gradient().toFloats()) {
      sum += Math.abs(g);
    }
    assertTrue(sum > 0);
  }
}
