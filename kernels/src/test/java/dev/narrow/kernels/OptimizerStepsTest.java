package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.util.List;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.function.Executable;

@Tag("scalar")
@Tag("simd")
class OptimizerStepsTest {
  private static final Backend BACKEND = Backend.cpu(1);
  private static final Kernels KERNELS = KernelProvider.kernels();
  private static final Kernels SCALAR = ScalarKernels.INSTANCE;

  /** A kernel on arrays of n + 5 elements, all of which are compared afterwards. */
  private interface Run {
    void of(Kernels kernels, float[] a, float[] b, float[] c, float[] d);
  }

  private static void assertSame(String what, Data data, int n, Run kernel) {
    float[][] expected = new float[4][];
    float[][] actual = new float[4][];
    for (int i = 0; i < 4; i++) {
      expected[i] = data.anyBits(n + 5);
      actual[i] = expected[i].clone();
    }
    kernel.of(SCALAR, expected[0], expected[1], expected[2], expected[3]);
    kernel.of(KERNELS, actual[0], actual[1], actual[2], actual[3]);
    for (int i = 0; i < 4; i++) {
      assertSameBits(expected[i], actual[i], what + ", array " + i);
    }
  }

  @Property(tries = 300)
  void kernelsGiveTheBitsOfTheScalarDefinition(
      @ForAll @IntRange(min = 0, max = 70) int n, @ForAll long seed) {
    Data data = new Data(seed);
    float[] f = data.anyBits(6);
    float bound = Math.abs(data.uniform(1)[0]) * 10;
    boolean flag = data.below(2) == 0;
    assertSame("unscale", data, n, (k, a, b, c, d) -> d[0] = k.unscale(f[0], a, 3, n));
    assertSame(
        "sgd", data, n, (k, a, b, c, d) -> k.sgd(f[0], f[1], f[2], flag, a, 1, b, 2, c, 3, n));
    var adam = new AdamWStep(f[0], f[1], f[2], f[3], f[4], f[5]);
    assertSame("adamW", data, n, (k, a, b, c, d) -> k.adamW(adam, a, 1, b, 2, c, 3, d, 4, n));
    assertSame(
        "normalizeByRoot",
        data,
        n,
        (k, a, b, c, d) -> k.normalizeByRoot(0.25, bound, a, 1, b, 2, c, 3, n));
    assertSame(
        "moveLogarithm", data, n, (k, a, b, c, d) -> k.moveLogarithm(f[0], flag, a, 1, b, 2, n));
    assertSame(
        "multiplyWithin", data, n, (k, a, b, c, d) -> k.multiplyWithin(bound, a, 1, b, 2, n));
    assertSame(
        "moveExponent",
        data,
        n,
        (k, a, b, c, d) -> k.moveExponent(f[0], f[1], 255, a, 1, b, 2, c, 3, n));
    assertSame("withSign", data, n, (k, a, b, c, d) -> k.withSign(f[0], a, 1, b, 2, n));
  }

  /** A rule's step on gradient, two moments and parameter. */
  private interface Rule {
    void step(Backend backend, long step, Tensor g, Tensor a, Tensor b, Tensor w);
  }

  private static final List<Rule> RULES =
      List.of(
          (be, step, g, a, b, w) -> be.sgd(0.1f, 0.9f, 0.01f, false, g, a, w),
          (be, step, g, a, b, w) -> be.sgd(0.1f, 0.9f, 0.01f, true, g, a, w),
          (be, step, g, a, b, w) -> be.adamW(1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f, step, g, a, b, w),
          (be, step, g, a, b, w) -> be.madam(0.01f, 10, 2, step, g, a, w),
          (be, step, g, a, b, w) -> be.lnsMadam(0x1p-7f, 10, 2, step, g, a, w),
          (be, step, g, a, b, w) -> be.integerMadam(4, 0.001f, 4096, 10, 2, step, g, a, b, w));

  /** Enough elements that threads share them, in blocks that do not divide them. */
  @Example
  void threadsChangeNoBit() {
    int n = 300_001;
    for (int rule = 0; rule < RULES.size(); rule++) {
      float[] w = new Data(1).uniform(n);
      float[] v = w.clone();
      Tensor[] one = {Tensor.zeros(n), Tensor.zeros(n)};
      Tensor[] three = {Tensor.zeros(n), Tensor.zeros(n)};
      for (int step = 1; step <= 2; step++) {
        Tensor g = Tensor.of(new Data(step).uniform(n), n);
        RULES.get(rule).step(BACKEND, step, g, one[0], one[1], Tensor.of(w, n));
        RULES.get(rule).step(Backend.cpu(3), step, g, three[0], three[1], Tensor.of(v, n));
      }
      assertSameBits(w, v, "rule " + rule);
      assertSameBits(one[0].toFloats(), three[0].toFloats(), "first moment of rule " + rule);
    }
  }

  @Example
  void nesterovLooksAhead() {
    float[] w = {1};
    float[] v = {0.5f};
    BACKEND.sgd(0.25f, 0.5f, 0, true, one(2), Tensor.of(v, 1), Tensor.of(w, 1));
    assertEquals(2.25f, v[0]);
    assertEquals(1 - 0.25f * (2 + 0.5f * 2.25f), w[0]);
  }

  private static Tensor one(float value) {
    return Tensor.of(new float[] {value}, 1);
  }

  /** The definition in double precision: k is an integer, and the magnitude is a function of it. */
  @Property(tries = 50)
  void integerMadamFollowsItsDefinition(@ForAll long seed) {
    Data data = new Data(seed);
    int n = 37;
    float[] w = data.uniform(n);
    float[] k = new float[n];
    double[] v = new double[n];
    int[] expected = new int[n];
    for (int i = 0; i < n; i++) {
      expected[i] = data.below(255);
      k[i] = expected[i];
    }
    float[] before = w.clone();
    Tensor root = Tensor.zeros(n);
    for (int step = 1; step <= 4; step++) {
      float[] g = data.uniform(n);
      BACKEND.integerMadam(
          3.3f,
          0.01f,
          256,
          10,
          1.5f,
          step,
          Tensor.of(g, n),
          root,
          Tensor.of(k, n),
          Tensor.of(w, n));
      for (int i = 0; i < n; i++) {
        v[i] = 0.999 * v[i] + (1 - 0.999) * g[i] * g[i];
        double normalized = g[i] == 0 ? 0 : g[i] / Math.sqrt(v[i] / (1 - Math.pow(0.999, step)));
        double move = 3.3 * Math.clamp(normalized, -10, 10);
        int up = (int) (Math.rint(move) * Math.signum(before[i]));
        boolean tie = Math.abs(Math.abs(move - Math.floor(move)) - 0.5) < 1e-4;
        assertTrue(tie || k[i] == Math.clamp(expected[i] + (long) up, 0, 255), "k[" + i + "]");
        expected[i] = (int) k[i];
        double magnitude = 1.5 * Math.exp(-0.01 * expected[i]);
        assertEquals(Math.copySign(magnitude, before[i]), w[i], 1e-6 * magnitude);
      }
    }
  }

  /** Moments and parameters that are codes are decoded, moved and encoded again. */
  @Example
  void whatIsKeptMayBeInAnotherFormat() {
    Quantizer bf16 = Quantizer.of(Formats.BF16);
    Tensor w = bf16.quantize(one(1));
    Tensor v = bf16.quantize(one(0));
    BACKEND.sgd(1, 0.5f, 0, false, one(0x1p-9f), v, w);
    assertEquals(0x1p-9f, v.toFloats()[0]);
    assertEquals(1f, w.toFloats()[0], "an update below half a unit in the last place is lost");
  }

  @Property(tries = 200)
  void unscalingFindsTheFirstThatIsNotFinite(
      @ForAll @IntRange(min = 1, max = 200) int n, @ForAll long seed) {
    Data data = new Data(seed);
    float[] x = data.uniform(n);
    float[] expected = new float[n];
    int first = -1;
    for (int i = 0; i < n; i++) {
      if (data.below(100) == 0) {
        x[i] = data.below(2) == 0 ? Float.NaN : Float.MAX_VALUE;
      }
      expected[i] = x[i] * 2;
      if (first < 0 && !Float.isFinite(expected[i])) {
        first = i;
      }
    }
    assertEquals(first, BACKEND.unscale(2, Tensor.of(x, n)));
    assertSameBits(expected, x, "the multiple");
  }

  @Example
  void whatDoesNotFitIsRefusedBeforeAnythingIsWritten() {
    Tensor two = Tensor.of(new float[] {1, 2}, 2);
    Tensor v = Tensor.zeros(2);
    Tensor w = Tensor.of(new float[] {1, 2}, 2);
    refused("velocity has shape [1]", () -> BACKEND.sgd(1, 0, 0, false, two, one(0), w));
    refused("parameter shares memory", () -> BACKEND.sgd(1, 0, 0, false, two, v, two));
    refused("step = 0", () -> BACKEND.madam(1, 10, 1, 0, two, v, w));
    refused("levels = 1", () -> BACKEND.integerMadam(1, 1, 1, 1, 1, 1, two, v, Tensor.zeros(2), w));
    assertSameBits(new float[] {1, 2}, w.toFloats(), "parameter");
    assertSameBits(new float[] {0, 0}, v.toFloats(), "velocity");
  }

  private static void refused(String message, Executable call) {
    var error = assertThrows(IllegalArgumentException.class, call);
    assertTrue(error.toString().contains(message), error.toString());
  }
}
