package dev.narrow.amp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;

/** B-bit Madam: arXiv 2006.14560, section on integer exponents. */
class IntegerMadamTest {
  private static final int N = 5_000;
  private static final float PRECISION = 1e-2f;
  private static final IntegerMadam RULE = new IntegerMadam(8, PRECISION);

  private final float[] w = new float[N];
  private final float[] initial = new float[N];
  private final Tensor gradient = Tensor.zeros(N);
  private final Parameter parameter = new Parameter("w", Tensor.of(w, N), gradient);

  private Optimizer optimizer(AmpPolicy policy) {
    RandomBits random = new RandomBits(1, 1);
    for (int i = 0; i < N; i++) {
      initial[i] = random.word(i) * 0x1p-31f;
      w[i] = initial[i];
    }
    return Optimizer.of(Backend.cpu(1), RULE, 0.02f, List.of(parameter), policy, 7);
  }

  private double bound() {
    double sum = 0;
    for (float x : initial) {
      sum += (double) x * x;
    }
    return 3 * Math.sqrt(sum / N);
  }

  private static double exponent(double bound, float value) {
    return Math.log(bound / Math.abs((double) value)) / PRECISION;
  }

  /** The signs stay, and the exponents are spread evenly from 0 to 2^B - 2. */
  @Test
  void magnitudesStartLogUniform() {
    optimizer(AmpPolicy.fp32());
    double bound = bound();
    double sum = 0;
    double least = 255;
    double most = 0;
    for (int i = 0; i < N; i++) {
      double k = exponent(bound, w[i]);
      assertEquals(Math.rint(k), k, 1e-3);
      assertEquals(Math.signum(initial[i]), Math.signum(w[i]));
      sum += k;
      least = Math.min(least, Math.rint(k));
      most = Math.max(most, Math.rint(k));
    }
    assertEquals(0, least);
    assertEquals(254, most);
    double deviation = 255 / Math.sqrt(12.0 * N);
    assertEquals(127, sum / N, 5 * deviation);
  }

  /** The first g* is the sign of g, so that k moves by round(0.02 / 0.01) = 2, within its range. */
  @Test
  void exponentsMoveByWholeSteps() {
    Optimizer optimizer = optimizer(AmpPolicy.fp32());
    double bound = bound();
    float[] before = w.clone();
    for (int i = 0; i < N; i++) {
      gradient.storage().segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, i % 3 - 1);
    }
    optimizer.step();
    for (int i = 0; i < N; i++) {
      double k = Math.rint(exponent(bound, before[i]));
      double moved = Math.clamp(k + 2 * (i % 3 - 1) * Math.signum(before[i]), 0, 255);
      assertEquals(
          Math.signum(before[i]) * bound * Math.exp(-PRECISION * moved), w[i], 1e-5 * bound);
    }
  }

  /** 8 bits of exponent take a byte; the root of the second moment is another thing. */
  @Test
  void theExponentIsKeptInItsBits() {
    AmpPolicy policy = AmpPolicy.fp32().with(Role.OPTIMIZER_STATE, Optimizer.eightBitState());
    Optimizer optimizer = optimizer(policy);
    long scales = 4L * (1 + Math.ceilDiv(N, 256));
    assertEquals(2L * N + scales, optimizer.memory().state());
    float[] start = w.clone();
    optimizer.step(); // of zero gradients
    for (int i = 0; i < N; i++) {
      assertEquals(start[i], w[i]);
    }
  }

  @Test
  void anotherFormatForTheUpdateIsRefused() {
    var error =
        assertThrows(
            IllegalArgumentException.class,
            () -> optimizer(AmpPolicy.fp32().with(Role.UPDATE, Quantizer.of(Formats.BF16))));
    assertTrue(error.toString().contains("keeps integer exponents"), error.toString());
  }
}
