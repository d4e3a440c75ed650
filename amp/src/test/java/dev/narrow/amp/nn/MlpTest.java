package dev.narrow.amp.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.Parameter;
import dev.narrow.amp.Role;
import dev.narrow.formats.Formats;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Floats;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Tensor;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class MlpTest {
  private static final Backend CPU = Backend.cpu(1);

  private static Network network(AmpPolicy policy, long seed, int... units) {
    return new Network(Autocast.with(policy).on(CPU).seed(seed), Networks.mlp(seed, units));
  }

  /** A network with inputs and labels, all from a seed. */
  static final class Problem {
    final int[] units;
    final int samples;
    final long seed;

    Problem(int[] units, int samples, long seed) {
      this.units = units;
      this.samples = samples;
      this.seed = seed;
    }

    int features() {
      return units[0];
    }

    float[] x() {
      RandomBits random = new RandomBits(seed, 77);
      float[] x = new float[samples * features()];
      for (int i = 0; i < x.length; i++) {
        x[i] = random.word(i) * 0x1p-31f;
      }
      return x;
    }

    int[] labels() {
      RandomBits random = new RandomBits(seed, 78);
      int[] labels = new int[samples];
      for (int i = 0; i < samples; i++) {
        labels[i] = Math.floorMod(random.word(i), units[units.length - 1]);
      }
      return labels;
    }

    Network network(AmpPolicy policy) {
      return MlpTest.network(policy, seed, units);
    }

    @Override
    public String toString() {
      return Arrays.toString(units) + " × " + samples + ", seed " + seed;
    }
  }

  /**
   * Whether loss and gradients of the quantized network are within their bounds of the float64 one.
   */
  private static boolean isWithinBounds(
      Problem problem, AmpPolicy runs, AmpPolicy bounds, float lossScale) {
    Network mlp = problem.network(runs);
    BoundedMlp reference = new BoundedMlp(bounds, mlp);
    reference.run(problem.x(), problem.samples, problem.labels(), lossScale);
    float loss =
        mlp.backpropagate(
            Tensor.of(problem.x(), problem.samples, problem.features()),
            problem.labels(),
            lossScale);
    boolean within = Math.abs(loss - reference.loss) <= reference.lossBound;
    List<Parameter> parameters = mlp.parameters();
    for (int p = 0; p < parameters.size(); p++) {
      float[] gradient = parameters.get(p).gradient().toFloats();
      BoundedMlp.Bounded expected = reference.gradients.get(p);
      for (int i = 0; i < gradient.length; i++) {
        within &= Math.abs(gradient[i] - expected.value[i]) <= expected.bound[i];
      }
    }
    return within;
  }

  @Property(tries = 500)
  void forwardAndBackwardStayWithinTheBoundOfTheirFormats(
      @ForAll("problems") Problem problem, @ForAll("policies") AmpPolicy policy) {
    assertTrue(isWithinBounds(problem, policy, policy, 1));
    assertTrue(isWithinBounds(problem, policy, policy, 256));
  }

  /** The bound would be worth nothing if it were met by everything. */
  @Test
  void theBoundTellsFormatsApart() {
    Problem problem = new Problem(new int[] {16, 12, 8}, 8, 5);
    List<AmpPolicy> eight = List.of(AmpPolicy.fp8Hybrid(), AmpPolicy.lns8());
    List<AmpPolicy> sixteen = List.of(AmpPolicy.bf16(), AmpPolicy.fp16());
    for (AmpPolicy coarse : eight) {
      assertFalse(isWithinBounds(problem, coarse, AmpPolicy.fp16(), 1), coarse + " as fp16");
      assertFalse(isWithinBounds(problem, coarse, AmpPolicy.fp32(), 1), coarse + " as fp32");
    }
    for (AmpPolicy fine : sixteen) {
      assertFalse(isWithinBounds(problem, fine, AmpPolicy.fp32(), 1), fine + " as fp32");
      assertTrue(isWithinBounds(problem, fine, AmpPolicy.lns8(), 1), fine + " as lns8");
    }
  }

  /** Shows the reference itself to be right: its gradients are those of its loss. */
  @Test
  void theReferencesGradientsAreDifferencesOfItsLoss() {
    Problem problem = new Problem(new int[] {5, 7, 3}, 4, 1);
    Network mlp = problem.network(AmpPolicy.fp32());
    BoundedMlp reference = new BoundedMlp(AmpPolicy.fp32(), mlp);
    reference.run(problem.x(), 4, problem.labels(), 1);
    for (int layer = 0; layer < 2; layer++) {
      assertIsDerivative(problem, mlp, layer, true, reference.gradients.get(2 * layer));
      assertIsDerivative(problem, mlp, layer, false, reference.gradients.get(2 * layer + 1));
    }
  }

  private static void assertIsDerivative(
      Problem problem, Network mlp, int layer, boolean weight, BoundedMlp.Bounded gradient) {
    double step = 1e-6;
    for (int i = 0; i < gradient.value.length; i++) {
      double[] loss = new double[2];
      for (int side = 0; side < 2; side++) {
        BoundedMlp moved = new BoundedMlp(AmpPolicy.fp32(), mlp);
        (weight ? moved.weights : moved.biases).get(layer).value[i] += side == 0 ? step : -step;
        moved.run(problem.x(), 4, problem.labels(), 1);
        loss[side] = moved.loss;
      }
      assertEquals((loss[0] - loss[1]) / (2 * step), gradient.value[i], 1e-8);
    }
  }

  @Test
  void aLossScaleOfAPowerOfTwoIsExact() {
    Problem problem = new Problem(new int[] {6, 6, 4}, 3, 2);
    Tensor x = Tensor.of(problem.x(), 3, 6);
    for (AmpPolicy policy : List.of(AmpPolicy.fp32(), AmpPolicy.lns8())) {
      Network a = problem.network(policy);
      Network b = problem.network(policy);
      assertEquals(
          a.backpropagate(x, problem.labels(), 1), b.backpropagate(x, problem.labels(), 1024));
      for (int p = 0; p < a.parameters().size(); p++) {
        float[] unscaled = a.parameters().get(p).gradient().toFloats();
        float[] scaled = b.parameters().get(p).gradient().toFloats();
        for (int i = 0; i < scaled.length; i++) {
          scaled[i] /= 1024;
        }
        assertArrayEquals(unscaled, scaled);
      }
    }
  }

  @Test
  void theSameSeedIsTheSameNetwork() {
    Problem problem = new Problem(new int[] {4, 9, 3}, 2, 3);
    Network a = problem.network(AmpPolicy.fp32());
    Network b = problem.network(AmpPolicy.lns8());
    Network other = network(AmpPolicy.fp32(), 4, 4, 9, 3);
    for (int p = 0; p < a.parameters().size(); p++) {
      float[] values = a.parameters().get(p).value().toFloats();
      assertArrayEquals(values, b.parameters().get(p).value().toFloats());
      assertFalse(Arrays.equals(values, other.parameters().get(p).value().toFloats()));
    }
  }

  @Test
  void initialWeightsHaveTheVarianceOfTheirInitialization() {
    Network mlp = network(AmpPolicy.fp32(), 1, 200, 300, 10);
    double sum = 0;
    double squares = 0;
    float[] w = mlp.parameters().getFirst().value().toFloats();
    for (float value : w) {
      sum += value;
      squares += (double) value * value;
    }
    assertEquals(0, sum / w.length, 4 * Math.sqrt(0.01 / w.length));
    assertEquals(0.01, squares / w.length, 4 * 0.01 * Math.sqrt(2.0 / w.length));
  }

  /** A tiny output is flushed on its way into the next layer, but its ReLU was open. */
  @Test
  void quantizationIsPassedStraightThrough() {
    Network mlp = network(AmpPolicy.lns8(), 1, 2, 2, 2);
    set(mlp, 0, 1f, 0f, 0f, 0f);
    set(mlp, 1, 0f, 0x1p-17f);
    set(mlp, 2, 1f, -1f, -1f, 1f);
    set(mlp, 3, 0f, 0f);
    mlp.backpropagate(Tensor.of(new float[] {1, 1}, 1, 2), new int[] {0}, 1);
    float[] gradient = mlp.parameters().getFirst().gradient().toFloats();
    assertTrue(gradient[1] != 0, "no gradient reaches the weights of the flushed output");
  }

  private static void set(Network mlp, int parameter, float... values) {
    float[] array = Floats.of(mlp.parameters().get(parameter).value(), "p").array();
    System.arraycopy(values, 0, array, 0, values.length);
  }

  @Test
  void shapesThatDoNotFitAreRefused() {
    Network mlp = network(AmpPolicy.fp32(), 1, 3, 2);
    var error = assertThrows(IllegalArgumentException.class, () -> mlp.forward(Tensor.zeros(1, 4)));
    assertTrue(error.toString().contains("x has shape [1, 4], expected [..., 3]"));
    assertThrows(IllegalArgumentException.class, () -> network(AmpPolicy.fp32(), 1, 3));
    assertThrows(IllegalArgumentException.class, () -> network(AmpPolicy.fp32(), 1, 3, 0));
  }

  @Provide
  Arbitrary<Problem> problems() {
    Arbitrary<int[]> units =
        Arbitraries.integers().between(1, 12).array(int[].class).ofMinSize(2).ofMaxSize(4);
    return Combinators.combine(units, Arbitraries.integers().between(1, 8), Arbitraries.longs())
        .as(Problem::new);
  }

  @Provide
  Arbitrary<AmpPolicy> policies() {
    Arbitrary<AmpPolicy> presets =
        Arbitraries.of(
            AmpPolicy.fp32(),
            AmpPolicy.bf16(),
            AmpPolicy.fp16(),
            AmpPolicy.fp8Hybrid(),
            AmpPolicy.lns8());
    Quantizer lns8 = Quantizer.of(Formats.LNS8).with(ScaleRule.AMAX_TO_POWER_OF_TWO);
    Arbitrary<Quantizer> quantizers =
        Arbitraries.of(
            Quantizer.of(Formats.BF16),
            Quantizer.of(Formats.FP16),
            Quantizer.of(Formats.E4M3FN)
                .with(ScaleRule.AMAX_TO_POWER_OF_TWO)
                .with(Saturation.OCP_SAT),
            Quantizer.of(Formats.E5M2).with(ScaleRule.AMAX_TO_POWER_OF_TWO),
            Quantizer.of(Formats.FP16).with(Rounding.stochastic(10)),
            lns8,
            lns8.with(Rounding.stochastic(8)),
            Quantizer.of(Formats.LNS8_MADAM).with(ScaleRule.AMAX_TO_POWER_OF_TWO));
    Arbitrary<AmpPolicy> mixed =
        Combinators.combine(quantizers, quantizers, quantizers, quantizers)
            .as((w, a, e, g) ->
                AmpPolicy.fp32()
                    .named("mixed")
                    .with(Role.WEIGHT, w)
                    .with(Role.ACTIVATION, a)
                    .with(Role.ACTIVATION_GRADIENT, e)
                    .with(Role.WEIGHT_GRADIENT, g));
    return Arbitraries.oneOf(presets, mixed);
  }
}
