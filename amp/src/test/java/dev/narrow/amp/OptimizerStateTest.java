package dev.narrow.amp;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** Moments in fp32, in 16 bits, and in 8 with a scale for each block. */
class OptimizerStateTest {
  private static final Quantizer EIGHT_BITS = Optimizer.eightBitState();

  /** AdamW on one parameter. */
  private static final class Run {
    final Parameter parameter;
    final Optimizer optimizer;

    Run(AdamW rule, float lr, AmpPolicy policy, int n) {
      parameter = new Parameter("w", Tensor.zeros(n), Tensor.zeros(n));
      optimizer = Optimizer.of(Backend.cpu(1), rule, lr, List.of(parameter), policy, 1);
    }

    void step(float... gradient) {
      parameter.gradient().storage().segment().copyFrom(MemorySegment.ofArray(gradient));
      optimizer.step();
    }

    float[] w() {
      return parameter.value().toFloats();
    }

    float[] moment(int m) {
      Kept kept = optimizer.slots().getFirst().moments.get(m);
      return kept.tensor().toFloats();
    }
  }

  private static AmpPolicy state(Quantizer quantizer) {
    return AmpPolicy.fp32().with(Role.OPTIMIZER_STATE, quantizer);
  }

  private static double sqnr(float[] exact, float[] rounded) {
    double signal = 0;
    double noise = 0;
    for (int i = 0; i < exact.length; i++) {
      double error = (double) rounded[i] - exact[i];
      signal += (double) exact[i] * exact[i];
      noise += error * error;
    }
    return 10 * Math.log10(signal / noise);
  }

  /** Gradients of all sizes: normal numbers times powers of two from 2^-10 to 1. */
  private static float[] gradient(int n, long seed) {
    RandomBits random = new RandomBits(seed, 3);
    float[] g = new float[n];
    for (int i = 0; i < n; i++) {
      float sum = 0; // of twelve uniform numbers
      for (int j = 0; j < 12; j++) {
        sum += random.word(12L * i + j) * 0x1p-32f;
      }
      g[i] = Math.scalb(sum, -(i % 11));
    }
    return g;
  }

  /** One rounding of each moment to 8 bits: 3 bits of the fraction are worth 28 dB or more. */
  @Test
  void eightBitsHoldAMoment() {
    int n = 4096;
    Run full = new Run(new AdamW(0), 1e-3f, AmpPolicy.fp32(), n);
    Run narrow = new Run(new AdamW(0), 1e-3f, state(EIGHT_BITS.with(Rounding.NEAREST_EVEN)), n);
    full.step(gradient(n, 1));
    narrow.step(gradient(n, 1));
    for (int m = 0; m < 2; m++) {
      double sqnr = sqnr(full.moment(m), narrow.moment(m));
      assertTrue(sqnr > 28, "moment " + m + ": " + sqnr + " dB");
    }
  }

  /**
   * Least squares with noisy labels and features of sizes from 1 down to 2^-10, so that moments
   * spread over 20 octaves. What AdamW still loses after 1200 steps is as with an fp32 state, if
   * the 8 bits are rounded stochastically; rounded to nearest, moments that move too little stay
   * where they are, and the loss is nearly twice as large (measured: fp32 1.01e-3, stochastic
   * 0.99e-3, nearest 1.93e-3).
   */
  @Test
  void eightBitsTrainAsFp32Does() {
    double full = loss(AmpPolicy.fp32());
    assertEquals(full, loss(state(EIGHT_BITS)), 0.1 * full);
    assertTrue(loss(state(EIGHT_BITS.with(Rounding.NEAREST_EVEN))) > 1.5 * full);
  }

  /** The mean loss of the last 300 of 1500 steps, the noise of the labels not counted. */
  private static double loss(AmpPolicy policy) {
    int n = 44;
    int samples = 64;
    Run run = new Run(new AdamW(0), 0.01f, policy, n);
    float[] truth = gradient(n, 50);
    float[][] data = new float[512][];
    for (int s = 0; s < data.length; s++) {
      data[s] = gradient(n, 100 + s);
    }
    RandomBits noise = new RandomBits(9, 9);
    double last = 0;
    for (int step = 0; step < 1500; step++) {
      float[] w = run.w();
      float[] g = new float[n];
      double loss = 0;
      for (int s = 0; s < samples; s++) {
        float[] x = data[(step * 7 + s) % data.length];
        double error = 0;
        for (int i = 0; i < n; i++) {
          error += x[i] * ((double) w[i] - truth[i]);
        }
        loss += error * error / samples;
        error += noise.word(step * 64L + s) * 0x1p-32; // of the labels
        for (int i = 0; i < n; i++) {
          g[i] += (float) (2 * error * x[i] / samples);
        }
      }
      run.step(g);
      last = step < 1200 ? 0 : last + loss / 300;
    }
    return last;
  }

  /**
   * Li et al., arXiv 2309.01507: a second moment that rounds to zero beside a large one would
   * divide by epsilon. Here a gradient of 1 shares its block with some of 1e-7, whose squares are
   * 46 octaves smaller; their steps may be too small, but none is longer than Adam's.
   */
  @Test
  void aSecondMomentBesideALargeOneDoesNotBecomeZero() {
    Run run = new Run(new AdamW(0), 1e-3f, state(EIGHT_BITS), 256);
    float[] gradient = new float[256];
    for (int i = 0; i < 256; i++) {
      gradient[i] = i == 0 ? 1 : i % 2 == 0 ? 1e-7f : 0;
    }
    for (int step = 0; step < 20; step++) {
      float[] before = run.w();
      run.step(gradient);
      float[] after = run.w();
      for (int i = 0; i < 256; i++) {
        assertTrue(Math.abs(after[i] - before[i]) <= 1.1e-3, "w[" + i + "] in step " + step);
      }
    }
    float[] second = run.moment(1);
    assertTrue(second[2] > 0);
    assertEquals(0, second[1]); // which never had a gradient
    assertEquals(0, run.w()[1]);
  }

  /**
   * A second moment decays by a thousandth in a step, less than half a step of bf16: rounded to
   * nearest it stays for ever, rounded stochastically it decays.
   */
  @Test
  void aSecondMomentDecaysOnlyIfRoundedStochastically() {
    int n = 1024;
    float[] gradient = new float[n];
    Quantizer bf16 = Quantizer.of(Formats.BF16);
    double[] means = new double[4];
    List<AmpPolicy> policies =
        List.of(
            AmpPolicy.fp32(),
            state(bf16),
            state(bf16.with(Rounding.stochastic(16))),
            state(EIGHT_BITS));
    for (int p = 0; p < 4; p++) {
      Run run = new Run(new AdamW(0), 1e-3f, policies.get(p), n);
      Arrays.fill(gradient, 1);
      run.step(gradient);
      Arrays.fill(gradient, 1e-3f);
      gradient[0] = 1; // keeps the scale of its block
      gradient[256] = 1;
      gradient[512] = 1;
      gradient[768] = 1;
      for (int step = 0; step < 500; step++) {
        run.step(gradient);
      }
      for (float v : run.moment(1)) {
        means[p] += v < 0.01 ? v / n : 0;
      }
    }
    assertEquals(1e-3 * Math.pow(0.999, 500), means[0], 1e-5);
    assertTrue(means[1] > 0.99e-3, "bf16, nearest: " + means[1]);
    assertEquals(means[0], means[2], 0.02 * means[0]);
    assertEquals(means[0], means[3], 0.05 * means[0]);
  }

  /** An epsilon is refused if and only if it is zero in the format, and the least one is told. */
  @Property(tries = 200)
  void anEpsilonThatRoundsToZeroIsRefused(@ForAll boolean half, @ForAll long seed) {
    var format = half ? Formats.FP16 : Formats.E5M2;
    float epsilon = Math.scalb(1 + (seed & 0xffff) * 0x1p-16f, -10 - Math.floorMod(seed >> 16, 30));
    float rounded = format.decode(format.encode(epsilon, format.defaultProjection()));
    AdamW rule = new AdamW(0.9f, 0.999f, epsilon, 0);
    AmpPolicy policy = state(Quantizer.of(format));
    if (rounded > 0) {
      new Run(rule, 1e-3f, policy, 1);
    } else {
      var e = assertThrows(IllegalArgumentException.class, () -> new Run(rule, 1e-3f, policy, 1));
      float least = Math.nextUp(format.minPositive() / 2);
      assertEquals(
          "epsilon = "
              + epsilon
              + " rounds to zero in "
              + format.name()
              + ", the format of the optimizer's state: expected "
              + least
              + " or more",
          e.getMessage());
      new Run(new AdamW(0.9f, 0.999f, least, 0), 1e-3f, policy, 1);
    }
  }

  /** DL4J#9972: the usual epsilon is zero in fp16, and 0 / 0 was the first step. */
  @Test
  void theUsualEpsilonIsRefusedInFp16AndTakenWhereScalesFollowTheData() {
    AmpPolicy fp16 = state(Quantizer.of(Formats.FP16));
    var e =
        assertThrows(IllegalArgumentException.class, () -> new Run(new AdamW(0), 1e-3f, fp16, 1));
    assertTrue(e.toString().contains("epsilon = 1.0E-8"), e.toString());
    Run taken = new Run(new AdamW(0), 1e-3f, state(EIGHT_BITS), 1);
    taken.step(0);
    assertArrayEquals(new float[1], taken.w());
    new Run(new AdamW(0), 1e-3f, state(Quantizer.of(Formats.BF16)), 1);
  }

  @Test
  void aStateWithoutZeroIsRefused() {
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> new Run(new AdamW(0), 1, state(Recipes.parse("lns8-madam")), 4));
    assertTrue(e.toString().contains("lns8-madam has no zero"), e.toString());
  }
}
