package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ForkJoinPool;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class GptqTest {
  private static final Quantizer INT4 =
      Quantizer.of(Formats.INT4)
          .with(ScaleRule.AMAX_TO_MAX_FINITE)
          .with(new Granularity.PerBlock(-1, 32));

  private static final List<Quantizer> QUANTIZERS =
      List.of(
          INT4,
          INT4.with(new Granularity.PerTensor()),
          INT4.with(new Granularity.PerAxis(0)),
          INT4.with(new Granularity.PerTile(2, 4)),
          INT4.with(Division.RECIPROCAL),
          INT4.with(Scaling.of(ScaleRule.AMAX_TO_MAX_FINITE).with(new Calibration.MinError())),
          scaled("uint4", ScaleRule.MIN_TO_MAX).with(new Granularity.PerAxis(0)),
          scaled("lns:b4g1", ScaleRule.AMAX_TO_MAX_FINITE).with(new Granularity.PerAxis(0)),
          scaled("nf4", ScaleRule.AMAX),
          scaled("e2m1", ScaleRule.AMAX).with(Scaling.e8m0(ScaleRule.POWER_OF_TWO_FLOOR)),
          scaled("e2m1", ScaleRule.AMAX)
              .with(new Granularity.PerBlock(-1, 16))
              .with(
                  Scaling.of(ScaleRule.AMAX_TO_MAX_FINITE)
                      .with(
                          Formats.E4M3FN, new Projection(Rounding.NEAREST_EVEN, Saturation.OCP_SAT))
                      .withOuter(new Granularity.PerTensor())));

  private static Quantizer scaled(String format, ScaleRule rule) {
    return Quantizer.of(Formats.parse(format)).with(rule).with(Saturation.OCP_SAT);
  }

  @Provide
  Arbitrary<Quantizer> quantizers() {
    return Arbitraries.of(QUANTIZERS);
  }

  @Property(tries = 150)
  void codesAreThoseOfThePapersFormula(
      @ForAll("quantizers") Quantizer quantizer,
      @ForAll @IntRange(min = 1, max = 12) int n,
      @ForAll boolean activationOrder,
      @ForAll long seed) {
    assertFormula(quantizer, n, activationOrder, seed);
  }

  /** Wider than one block, and than one panel of the factorization. */
  @Test
  void blocksOfColumnsChangeNothing() {
    assertFormula(INT4, 290, false, 1);
    assertFormula(INT4, 150, true, 2);
    for (Quantizer quantizer : QUANTIZERS) {
      assertFormula(quantizer, 131, false, 3);
    }
  }

  private static void assertFormula(
      Quantizer quantizer, int n, boolean activationOrder, long seed) {
    int rows = 5;
    float[] weight = gaussian(rows * n, seed);
    float[] x = correlated(2 * n + 3, n, seed);
    Scales scales = quantizer.scales(Tensor.of(weight, rows, n));
    int[] order = IntStream.range(0, n).toArray();
    if (activationOrder) {
      double[] energy = new double[n];
      for (int i = 0; i < x.length; i++) {
        energy[i % n] += (double) x[i] * x[i];
      }
      Comparator<Integer> descending = Comparator.comparingDouble(i -> -energy[i]);
      order = IntStream.range(0, n).boxed().sorted(descending).mapToInt(i -> i).toArray();
    }
    float[] compensated =
        GptqReference.compensated(weight, rows, n, x, 0.01, order, quantizer, scales);
    Tensor expected = quantizer.quantize(Tensor.of(compensated, rows, n), scales, null);
    Tensor actual =
        new Gptq(0.01, activationOrder)
            .quantize(Tensor.of(weight, rows, n), quantizer, Tensor.of(x, 2 * n + 3, n));
    assertEquals(expected, actual, quantizer + ", n = " + n);
  }

  @Test
  void withoutCorrelationEachWeightIsRoundedByItself() {
    Tensor weight = Tensor.of(gaussian(6 * 40, 1), 6, 40);
    float[] x = new float[40 * 40];
    for (int i = 0; i < 40; i++) {
      x[i * 40 + i] = 1 + i;
    }
    for (Quantizer quantizer : QUANTIZERS) {
      for (boolean order : new boolean[] {false, true}) {
        Tensor quantized = new Gptq(0.1, order).quantize(weight, quantizer, Tensor.of(x, 40, 40));
        assertEquals(quantizer.quantize(weight), quantized, quantizer.toString());
      }
    }
  }

  /** On a trained layer, against each weight by itself: at most 0.6 of the output error. */
  @Test
  void outputsOfATrainedLayerChangeLessThanByNearest() {
    TrainedLayer layer = new TrainedLayer(1);
    for (String format : List.of("int4", "lns:b4g1", "lns:b4g2", "e2m1")) {
      Quantizer quantizer =
          scaled(format, ScaleRule.AMAX_TO_MAX_FINITE).with(new Granularity.PerAxis(0));
      double nearest = outputError(new WeightRounding.Nearest(), layer, quantizer);
      double gptq = outputError(Gptq.DEFAULT, layer, quantizer);
      assertTrue(gptq < 0.6 * nearest, format + ": " + gptq + " of " + nearest);
    }
  }

  private static double outputError(
      WeightRounding method, TrainedLayer layer, Quantizer quantizer) {
    Tensor quantized = method.quantize(layer.weight, quantizer, layer.activations);
    return OutputError.measure(layer.weight, quantized, layer.activations).relative();
  }

  @Test
  void theBitsAreTheSameOnAnyNumberOfThreads() throws InterruptedException, ExecutionException {
    Tensor weight = Tensor.of(gaussian(130 * 300, 1), 130, 300);
    Tensor activations = Tensor.of(correlated(200, 300, 1), 200, 300);
    List<Tensor> results = new ArrayList<>();
    List<OutputError> errors = new ArrayList<>();
    for (int threads : new int[] {1, 2, 7}) {
      try (ForkJoinPool pool = new ForkJoinPool(threads)) {
        Tensor quantized =
            pool.submit(() -> Gptq.DEFAULT.quantize(weight, INT4, activations)).get();
        results.add(quantized);
        errors.add(pool.submit(() -> OutputError.measure(weight, quantized, activations)).get());
      }
    }
    for (int i = 1; i < results.size(); i++) {
      assertEquals(results.get(0), results.get(i));
      assertEquals(errors.get(0), errors.get(i));
    }
  }

  @Test
  void weightsOfInputsThatAreAlwaysZeroBecomeZeroAndDecideNoScale() {
    float[] weight = {1, 100, 0.5f, -0.25f};
    float[] x = {1, 0, 2, 3, 2, 0, -1, 1};
    Quantizer perRow = INT4.with(new Granularity.PerAxis(0));
    Tensor quantized = Gptq.DEFAULT.quantize(Tensor.of(weight, 1, 4), perRow, Tensor.of(x, 2, 4));
    assertEquals(1 / 7f, quantized.scales().get(0));
    assertEquals(0f, quantized.toFloats()[1]);
    assertEquals(100f, weight[1], "the tensor itself has not changed");
  }

  @Test
  void weightsThatGrowBeyondTheRangeBecomeItsEnd() {
    NumericFormat overflowing = Formats.E4M3FN; // to NaN, by its default
    Quantizer quantizer = Quantizer.of(overflowing).with(ScaleRule.AMAX_TO_MAX_FINITE);
    float[] weight = {0.88f, 1}; // 394 of 448: becomes 384, and the other some 100 larger
    float[] x = {10, 1, 10, 1.1f};
    Tensor quantized =
        Gptq.DEFAULT.quantize(Tensor.of(weight, 1, 2), quantizer, Tensor.of(x, 2, 2));
    assertEquals(1f, quantized.toFloats()[1], 1e-6f);
    weight[1] = 550 / 448f;
    float[] beyond =
        quantizer.quantize(Tensor.of(weight, 1, 2), quantized.scales(), null).toFloats();
    assertTrue(Float.isNaN(beyond[1]));
  }

  @Test
  void fewerSamplesThanInputsNeedDamping() {
    Tensor weight = Tensor.of(gaussian(3 * 8, 1), 3, 8);
    Tensor activations = Tensor.of(gaussian(2 * 8, 2), 2, 8);
    assertEquals(weight.shape(), new Gptq(0.01, false).quantize(weight, INT4, activations).shape());
    var refused =
        assertThrows(
            IllegalArgumentException.class,
            () -> new Gptq(0, false).quantize(weight, INT4, activations));
    assertEquals(
        "damping = 0.0, expected more: the activations' X^T X is not positive definite",
        refused.getMessage());
  }

  @Test
  void whatCannotBeUsedIsRefused() {
    Tensor weight = Tensor.of(gaussian(6, 1), 2, 3);
    Tensor x = Tensor.of(gaussian(12, 1), 4, 3);
    Gptq gptq = Gptq.DEFAULT;
    assertThrows(IllegalArgumentException.class, () -> gptq.quantize(weight, INT4, null));
    Tensor wide = Tensor.zeros(3, 4);
    assertThrows(IllegalArgumentException.class, () -> gptq.quantize(weight, INT4, wide));
    Tensor none = Tensor.zeros(0, 3);
    assertThrows(IllegalArgumentException.class, () -> gptq.quantize(weight, INT4, none));
    Tensor cube = Tensor.zeros(2, 3, 1);
    assertThrows(IllegalArgumentException.class, () -> gptq.quantize(cube, INT4, x));
    Quantizer stochastic = INT4.with(Rounding.stochastic(8));
    assertThrows(IllegalArgumentException.class, () -> gptq.quantize(weight, stochastic, x));
    Tensor infinite = Tensor.of(new float[] {1, 2, Float.POSITIVE_INFINITY}, 1, 3);
    var refused =
        assertThrows(IllegalArgumentException.class, () -> gptq.quantize(weight, INT4, infinite));
    assertEquals("activations[2] = Infinity, expected finite numbers", refused.getMessage());
    assertThrows(IllegalArgumentException.class, () -> gptq.quantize(infinite, INT4, x));
    assertThrows(IllegalArgumentException.class, () -> new Gptq(-1, false));
    assertThrows(IllegalArgumentException.class, () -> new Gptq(Double.NaN, false));
  }

  @Test
  void progressRisesToOne() {
    List<Double> parts = new ArrayList<>();
    Gptq.DEFAULT.quantize(
        Tensor.of(gaussian(100 * 200, 1), 100, 200),
        INT4,
        Tensor.of(correlated(150, 200, 1), 150, 200),
        parts::add);
    double before = 0;
    for (double part : parts) {
      assertTrue(part >= before, parts.toString());
      before = part;
    }
    assertEquals(1, before, 1e-9);
  }

  private static float[] gaussian(int n, long seed) {
    Random random = new Random(seed);
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static float[] correlated(int samples, int n, long seed) {
    float[] x = gaussian(samples * n, ~seed);
    for (int i = 0; i < x.length; i++) {
      x[i] += i % n == 0 ? 0 : 0.8f * x[i - 1];
    }
    return x;
  }
}
