package dev.narrow.amp.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.Optimizer;
import dev.narrow.amp.Parameter;
import dev.narrow.amp.Sgd;
import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Floats;
import dev.narrow.quant.Tensor;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class NetworksTest {
  private static final Backend CPU = Backend.cpu(1);

  /** A small network of each kind, with a batch. */
  enum Kind {
    MLP {
      @Override
      int[] dims() {
        return new int[] {6, 9};
      }

      @Override
      Layer body() {
        return Networks.mlp(3, 9, 7, 4);
      }
    },
    RESIDUAL {
      @Override
      int[] dims() {
        return new int[] {5, 2, 6, 6};
      }

      @Override
      Layer body() {
        return Networks.residual(3, 2, 4, 3, 4);
      }
    },
    TRANSFORMER {
      @Override
      int[] dims() {
        return new int[] {3, 5};
      }

      @Override
      Layer body() {
        return Networks.transformer(3, 11, 5, 2, 4, 2);
      }
    };

    abstract int[] dims();

    abstract Layer body();

    Network network(AmpPolicy policy) {
      return new Network(Autocast.with(policy).on(CPU), body());
    }

    Tensor x() {
      float[] x = new float[Tensor.zeros(dims()).shape().size()];
      RandomBits random = new RandomBits(1, name().length());
      for (int i = 0; i < x.length; i++) {
        x[i] = this == TRANSFORMER ? Math.floorMod(random.word(i), 11) : random.word(i) * 0x1p-31f;
      }
      return Tensor.of(x, dims());
    }

    int[] labels() {
      int[] labels = new int[this == TRANSFORMER ? 15 : dims()[0]];
      for (int i = 0; i < labels.length; i++) {
        labels[i] = (i * 7 + 1) % 4;
      }
      return labels;
    }
  }

  /** Along the gradient of each parameter in turn, the loss moves as the gradient says. */
  @ParameterizedTest
  @EnumSource
  void gradientsAreThoseOfTheLoss(Kind kind) {
    Network network = kind.network(AmpPolicy.fp32());
    network.backpropagate(kind.x(), kind.labels(), 1);
    List<float[]> gradients =
        network.parameters().stream().map(p -> p.gradient().toFloats()).toList();
    for (int p = 0; p < gradients.size(); p++) {
      Parameter parameter = network.parameters().get(p);
      float[] gradient = gradients.get(p);
      double square = 0;
      for (float g : gradient) {
        square += (double) g * g;
      }
      double length = Math.sqrt(square);
      if (length < 1e-4) {
        continue; // a bias before batch norm, say, moves nothing
      }
      float[] value = Floats.of(parameter.value(), "value").array();
      double step = Math.min(0.01, 0.01 / length); // the loss is to move by 0.02 at most
      double[] loss = new double[2];
      for (int side = 0; side < 2; side++) {
        double by = (side == 0 ? 1 : -2) * step / length;
        for (int i = 0; i < value.length; i++) {
          value[i] += (float) (by * gradient[i]);
        }
        loss[side] = network.backpropagate(kind.x(), kind.labels(), 1);
      }
      for (int i = 0; i < value.length; i++) {
        value[i] += (float) (step / length * gradient[i]);
      }
      double slope = (loss[0] - loss[1]) / (2 * step);
      assertEquals(length, slope, 0.02 * length + 2e-4, parameter.name());
    }
  }

  /** Whatever the network: it learns its batch by heart, in fp32 and in 8-bit logarithms. */
  @ParameterizedTest
  @EnumSource
  void networksLearnABatchByHeart(Kind kind) {
    for (AmpPolicy policy : List.of(AmpPolicy.fp32(), AmpPolicy.lns8())) {
      Network network = kind.network(policy);
      Optimizer sgd =
          Optimizer.of(CPU, new Sgd(0.9f), 0.05f, network.parameters(), AmpPolicy.fp32(), 1);
      float first = network.backpropagate(kind.x(), kind.labels(), 1);
      float last = first;
      for (int step = 0; step < 60; step++) {
        sgd.step();
        last = network.backpropagate(kind.x(), kind.labels(), 1);
      }
      assertTrue(last < 0.6 * first, kind + ", " + policy + ": " + first + " to " + last);
    }
  }

  @ParameterizedTest
  @EnumSource
  void theSameSeedGivesTheSameBits(Kind kind) {
    Network a = kind.network(AmpPolicy.lns8());
    Network b = kind.network(AmpPolicy.lns8());
    assertEquals(
        a.backpropagate(kind.x(), kind.labels(), 1), b.backpropagate(kind.x(), kind.labels(), 1));
    for (int p = 0; p < a.parameters().size(); p++) {
      assertArrayEquals(
          a.parameters().get(p).gradient().toFloats(), b.parameters().get(p).gradient().toFloats());
    }
  }

  /** What attention and norms are made of can be named in a policy. */
  @Test
  void layersHaveTheNamesThatRulesLookFor() {
    Network network = Kind.TRANSFORMER.network(AmpPolicy.lns8());
    network.backpropagate(Kind.TRANSFORMER.x(), Kind.TRANSFORMER.labels(), 1);
    String layers =
        network.autocast().report().casts().stream()
            .map(c -> c.layer())
            .distinct()
            .filter(name -> !name.startsWith("block2"))
            .collect(Collectors.joining(" "));
    assertEquals(
        "block1.attention block1.attention.k block1.attention.key block1.attention.output"
            + " block1.attention.q block1.attention.query block1.attention.v"
            + " block1.attention.value block1.down block1.up logits",
        layers);
  }

  /** Inference does not depend on who else is in the batch; training by batch norm does. */
  @Test
  void batchNormGoesByRunningMomentsInInference() {
    Network network = Kind.RESIDUAL.network(AmpPolicy.fp32());
    network.backpropagate(Kind.RESIDUAL.x(), Kind.RESIDUAL.labels(), 1);
    float[] all = network.forward(Kind.RESIDUAL.x()).toFloats();
    float[] first = network.forward(Kind.RESIDUAL.x().slice(0, 1)).toFloats();
    for (int i = 0; i < first.length; i++) {
      assertEquals(all[i], first[i]);
    }
    assertEquals(12, network.buffers().size());
    assertFalse(network.buffers().getFirst().value().toFloats()[0] == 0, "they have run");
  }

  @Test
  void backwardWithoutForwardIsRefused() {
    Layer layer = Networks.mlp(1, 2, 2);
    var error = assertThrows(IllegalStateException.class, () -> layer.backward(Tensor.zeros(1, 2)));
    assertTrue(error.toString().contains("fc1 has nothing to go back through"), error.toString());
  }
}
