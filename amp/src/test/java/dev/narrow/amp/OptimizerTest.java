package dev.narrow.amp;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Tensor;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.DoubleStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class OptimizerTest {
  private static final float LR = 0x1p-7f;

  /** A parameter of its own for each optimizer under test. */
  private static final class Run {
    final float[] w;
    final float[] g;
    final Optimizer optimizer;

    Run(UpdateRule rule, float learningRate, AmpPolicy policy, float... initial) {
      w = initial.clone();
      g = new float[w.length];
      var parameter = new Parameter("w", Tensor.of(w, w.length), Tensor.of(g, g.length));
      optimizer = Optimizer.of(Backend.cpu(1), rule, learningRate, List.of(parameter), policy, 1);
    }

    void step(float... gradient) {
      System.arraycopy(gradient, 0, g, 0, g.length);
      optimizer.step();
    }
  }

  /** The numbers come from torch.optim in float64; the script beside them made them. */
  @Test
  void sgdAndAdamWFollowTorch() throws IOException {
    try (var in =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(getClass().getResourceAsStream("torch-optimizers.txt")),
                StandardCharsets.UTF_8))) {
      int checked = 0;
      List<String> lines = in.lines().filter(line -> !line.startsWith("#")).toList();
      for (int i = 0; i < lines.size(); ) {
        String[] head = lines.get(i++).split(" ", -1);
        float decay = Float.parseFloat(head[3]);
        UpdateRule rule =
            head[0].equals("adamw")
                ? new AdamW(decay)
                : new Sgd(Float.parseFloat(head[2]), decay, head[0].equals("nesterov"));
        Run run =
            new Run(rule, Float.parseFloat(head[1]), AmpPolicy.fp32(), floats(lines.get(i++)));
        for (int step = 0; step < 20; step++) {
          run.step(floats(lines.get(i++)));
          float[] expected = floats(lines.get(i++));
          for (int j = 0; j < expected.length; j++) {
            assertEquals(
                expected[j], run.w[j], 4 * Math.ulp(Math.max(1, Math.abs(expected[j]))), head[0]);
            checked++;
          }
        }
      }
      assertTrue(checked >= 7 * 20 * 3, "only " + checked);
    }
  }

  private static float[] floats(String line) {
    double[] values =
        Arrays.stream(line.strip().split(" ", -1))
            .flatMapToDouble(s -> DoubleStream.of(Double.parseDouble(s)))
            .toArray();
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  /** The definition in double precision, arXiv 2006.14560 and 2106.13914. */
  @Test
  void madamFollowsItsDefinition() {
    float[] initial = {0.5f, -0.25f, 1e-3f, 0.125f};
    Run madam = new Run(new Madam(), LR, AmpPolicy.fp32(), initial);
    Run lns = new Run(new LnsMadam(), LR, AmpPolicy.fp32(), initial);
    double bound = 3 * Math.sqrt((0.25 + 0.0625 + 1e-6 + 0.015625) / 4);
    double[] expected = toDoubles(initial);
    double[] expectedLns = toDoubles(initial);
    double[] v = new double[4];
    for (int step = 1; step <= 50; step++) {
      float[] g = {step == 1 ? 0 : 1e-4f * step, -1, 100, (float) Math.sin(step)};
      for (int i = 0; i < 4; i++) {
        v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
        double root = Math.sqrt(v[i] / (1 - Math.pow(0.999, step)));
        double normalized = g[i] == 0 ? 0 : Math.clamp(g[i] / root, -10, 10);
        double direction = -LR * Math.signum(expected[i]);
        expected[i] = Math.clamp(expected[i] * Math.exp(direction * normalized), -bound, bound);
        expectedLns[i] =
            Math.clamp(
                expectedLns[i] * Math.pow(2, direction * Math.rint(normalized)), -bound, bound);
      }
      madam.step(g);
      lns.step(g);
      for (int i = 0; i < 4; i++) {
        assertEquals(expected[i], madam.w[i], 1e-5 * Math.abs(expected[i]));
        assertEquals(expectedLns[i], lns.w[i], 1e-5 * Math.abs(expectedLns[i]));
      }
    }
  }

  private static double[] toDoubles(float[] values) {
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }

  @Property(tries = 300)
  void aMultiplicativeUpdateKeepsSignsAndBoundsTheRelativeChange(
      @ForAll @Size(4) float[] gradient, @ForAll @IntRange(min = 1, max = 100) int rate) {
    float lr = rate * 0x1p-10f;
    for (UpdateRule rule : List.of(new Madam(), new LnsMadam())) {
      Run run = new Run(rule, lr, AmpPolicy.fp32(), 0.5f, -0.25f, 0.125f, -1f);
      float[] before = run.w.clone();
      for (int i = 0; i < 3; i++) {
        run.step(gradient);
        for (int j = 0; j < 4; j++) {
          assertEquals(Math.signum(before[j]), Math.signum(run.w[j]));
          double largest = rule instanceof Madam ? Math.exp(10 * lr) : Math.pow(2, 10 * lr);
          assertTrue(run.w[j] / before[j] <= largest * (1 + 1e-6));
          before[j] = run.w[j];
        }
      }
    }
  }

  /** After 200 zeros v^ is small: g* would be 13.5, and is 10; -10 on the other side. */
  @Test
  void theNormalizedGradientIsBounded() {
    for (UpdateRule rule : List.of(new Madam(), new LnsMadam())) {
      double base = rule instanceof Madam ? Math.E : 2;
      Run run = new Run(rule, LR, AmpPolicy.fp32(), 0.5f, 0.5f, 0.25f);
      for (int i = 0; i < 200; i++) {
        run.step(0, 0, 0);
      }
      run.step(1e-3f, -1e-3f, 0);
      assertEquals(0.5 * Math.pow(base, -10 * LR), run.w[0], 1e-6);
      assertEquals(0.5 * Math.pow(base, 10 * LR), run.w[1], 1e-6);
      assertEquals(0.25, run.w[2]);
    }
  }

  /** The bound is three times the root mean square of the initial values, for either sign. */
  @Test
  void aParameterStaysWithinItsBound() {
    for (UpdateRule rule : List.of(new Madam(), new LnsMadam())) {
      Run run = new Run(rule, 0.1f, AmpPolicy.fp32(), 0.6f, -0.8f);
      for (int i = 0; i < 100; i++) {
        run.step(-1, 1);
      }
      float bound = (float) (3 * Math.sqrt(0.5));
      assertEquals(bound, run.w[0], 1e-6);
      assertEquals(-bound, run.w[1], 1e-6);
    }
  }

  /** In the first step g* is the sign of g, however small or large g is. */
  @Test
  void theFirstStepIsThatOfTheSign() {
    for (float g : new float[] {1e-38f, 1e-25f, 1, 1e20f, 3e38f}) {
      Run run = new Run(new LnsMadam(), LR, AmpPolicy.fp32(), 0.5f, 0.5f);
      run.step(g, -g);
      assertEquals(0.5 * Math.pow(2, -LR), run.w[0], 1e-7, "g = " + g);
      assertEquals(0.5 * Math.pow(2, LR), run.w[1], 1e-7, "g = " + g);
      run.step(1, 1);
      assertTrue(Float.isFinite(run.w[0]));
    }
  }

  /** The grid of a bounded parameter is fixed: what shrinks ends at the grid's smallest number. */
  @Test
  void theGridOfABoundedParameterNeverMoves() {
    Run run = new Run(new LnsMadam(), 0.25f, AmpPolicy.lns8(), 1, 0.5f, -0.5f);
    float smallest = Formats.parse("lns:b16g2048").minPositive();
    Quantizer update = AmpPolicy.lns8().quantizer(Role.UPDATE).orElseThrow();
    float bound = (float) (3 * Math.sqrt(1.5 / 3));
    float scale = update.scaleRule().scale(bound, update.format());
    for (int i = 0; i < 200; i++) {
      run.step(1, 1, -1);
    }
    assertEquals(smallest * scale, run.w[0]);
    assertEquals(smallest * scale, run.w[1]);
    assertEquals(-smallest * scale, run.w[2]);
  }

  @Test
  void constantsOutOfRangeAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new AdamW(1, 0.9f, 1e-8f, 0));
    assertThrows(IllegalArgumentException.class, () -> new AdamW(0.9f, 0.999f, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sgd(-0.1f));
    assertThrows(IllegalArgumentException.class, () -> new Sgd(0, 0, true));
    assertThrows(IllegalArgumentException.class, () -> new Madam(0, 10));
    assertThrows(IllegalArgumentException.class, () -> new IntegerMadam(17, 1e-3f));
    assertThrows(IllegalArgumentException.class, () -> new IntegerMadam(8, 0));
    var error = assertThrows(IllegalArgumentException.class, () -> new LnsMadam(3, -1));
    assertTrue(error.toString().contains("gradientBound = -1.0"), error.toString());
  }

  @Test
  void everyStepTensorAndRoleHasItsOwnRandomBits() {
    Set<Long> streams = new HashSet<>();
    for (long step = 0; step < 20; step++) {
      for (int tensor = 0; tensor < 20; tensor++) {
        for (Role role : Role.values()) {
          assertTrue(streams.add(role.stream(step, tensor)), step + " " + tensor + " " + role);
        }
      }
    }
  }

  @Test
  void aMultiplicativeUpdateRefusesAParameterOfZeros() {
    var error =
        assertThrows(
            IllegalArgumentException.class,
            () -> new Run(new Madam(), LR, AmpPolicy.fp32(), 0, 0, 0));
    assertTrue(error.toString().contains("w is all zeros"), error.toString());
  }

  /** lr · gamma = 2^-7 · 2048 = 16: the logarithm moves by multiples of 16 steps of the grid. */
  @Test
  void integerMadamMovesExactlyAlongTheGridOfItsUpdateFormat() {
    float[] initial = new float[64];
    for (int i = 0; i < initial.length; i++) {
      initial[i] = (0.01f + i) * (i % 2 == 0 ? 1 : -1) / 64;
    }
    Run run = new Run(new LnsMadam(), LR, AmpPolicy.lns8(), initial);
    float[] before = run.w.clone();
    for (int step = 0; step < 30; step++) {
      float[] g = new float[initial.length];
      for (int i = 0; i < g.length; i++) {
        g[i] = (float) Math.sin(i * 7 + step);
      }
      run.step(g);
      for (int i = 0; i < g.length; i++) {
        double moved = 2048 * Math.log((double) run.w[i] / before[i]) / Math.log(2) / 16;
        assertEquals(Math.rint(moved), moved, 1e-3, "w[" + i + "] in step " + step);
        before[i] = run.w[i];
      }
    }
  }

  @Test
  void parametersLiveInTheUpdateFormat() {
    Quantizer update = AmpPolicy.lns8().quantizer(Role.UPDATE).orElseThrow();
    for (UpdateRule rule : List.of(new Sgd(0.9f), new AdamW(0), new Madam(), new LnsMadam())) {
      Run run = new Run(rule, LR, AmpPolicy.lns8(), 0.3f, -0.7f, 1e-3f);
      for (int step = 0; step < 5; step++) {
        run.step(0.1f, -0.2f, 0.3f);
        for (float w : run.w) {
          // Powers of two move a number by whole octaves of the grid: a scale is no matter.
          float[] copy = {Math.abs(w)};
          update.fakeQuantize(Tensor.of(copy, 1));
          assertEquals(Math.abs(w), copy[0], rule.toString());
        }
      }
    }
  }

  @Test
  void momentsLiveInTheStateFormat() {
    Quantizer bf16 = Quantizer.of(Formats.BF16);
    Run narrow = new Run(new Sgd(0.9f), 1, AmpPolicy.fp32().with(Role.OPTIMIZER_STATE, bf16), 0f);
    narrow.step(1 + 0x1p-8f); // a tie: the velocity is kept as 1
    float first = narrow.w[0];
    narrow.step(0);
    assertEquals(-(1 + 0x1p-8f), first);
    assertEquals(Math.fma(-1f, 0.9f, first), narrow.w[0]);
  }

  @Test
  void stochasticUpdatesAreReproducible() {
    AmpPolicy policy =
        AmpPolicy.fp32()
            .with(
                Role.UPDATE,
                Quantizer.of(Formats.LNS8)
                    .with(ScaleRule.AMAX_TO_POWER_OF_TWO)
                    .with(Rounding.stochastic(16)));
    float[] initial = new float[32];
    for (int i = 0; i < initial.length; i++) {
      initial[i] = 1 + Math.abs(new RandomBits(1, 1).word(i)) * 0x1p-31f;
    }
    Run a = new Run(new Sgd(0.9f), 0.01f, policy, initial);
    Run b = new Run(new Sgd(0.9f), 0.01f, policy, initial);
    for (int step = 0; step < 10; step++) {
      a.step(initial);
      b.step(initial);
    }
    assertTrue(Arrays.equals(a.w, b.w));
  }

  /** The name is that of the gradient and of the tensors in a file: two would be one. */
  @Test
  void twoParametersOfOneNameAreRefused() {
    Parameter w = new Parameter("w", Tensor.zeros(2), Tensor.zeros(2));
    var error =
        assertThrows(
            IllegalArgumentException.class,
            () -> Optimizer.of(Backend.cpu(1), new Sgd(0), LR, List.of(w, w), AmpPolicy.fp32(), 1));
    assertTrue(error.toString().contains("two parameters are called w"), error.toString());
  }

  /** All parameters are checked before the first is brought into its format. */
  @Test
  void aRefusedParameterLeavesTheOthersAsTheyWere() {
    float[] first = {1.1f, 2.3f};
    Parameter good = new Parameter("good", Tensor.of(first, 2), Tensor.zeros(2));
    Parameter bad = new Parameter("bad", Tensor.zeros(2), Tensor.zeros(2)); // Madam moves no zeros
    AmpPolicy policy = AmpPolicy.fp32().with(Role.UPDATE, Quantizer.of(Formats.LNS8));
    assertThrows(
        IllegalArgumentException.class,
        () -> Optimizer.of(Backend.cpu(1), new LnsMadam(), LR, List.of(good, bad), policy, 1));
    assertArrayEquals(new float[] {1.1f, 2.3f}, first);
    Optimizer.of(Backend.cpu(1), new LnsMadam(), LR, List.of(good), policy, 1);
    assertNotEquals(1.1f, first[0]); // which is no number of the format
  }

  @Test
  void learningRatesArePositive() {
    var error =
        assertThrows(
            IllegalArgumentException.class, () -> new Run(new Sgd(0), 0, AmpPolicy.fp32(), 1));
    assertTrue(error.toString().contains("learningRate = 0.0"), error.toString());
  }
}
