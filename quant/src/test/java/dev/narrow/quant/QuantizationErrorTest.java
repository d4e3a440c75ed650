package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Formats;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Saturation;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class QuantizationErrorTest {
  private static Tensor tensor(float... values) {
    return Tensor.of(values, values.length);
  }

  @Test
  void countsByHand() {
    Tensor x = tensor(1, 0, 1e-9f, 1000, Float.NaN, 1.0625f);
    QuantizationError error =
        QuantizationError.measure(
            x, Quantizer.of(Formats.E4M3FN).with(Saturation.OCP_SAT).quantize(x));
    assertEquals(6, error.count());
    assertEquals(1, error.saturated()); // 1000 becomes 448
    assertEquals(1, error.flushed()); // 1e-9
    assertEquals(1, error.nan());
    assertEquals(0.0625 / 1.0625, error.worstRelative()); // a tie, to even
    double noise = 552.0 * 552 + 0.0625 * 0.0625 + (double) 1e-9f * 1e-9f;
    assertEquals(noise, error.noise(), 1e-9);
  }

  @Test
  void overflowToInfinityCountsAsSaturated() {
    Tensor x = tensor(70000, 1);
    QuantizationError error = QuantizationError.measure(x, Quantizer.of(Formats.FP16).quantize(x));
    assertEquals(1, error.saturated());
    assertEquals(1, error.signal());
    assertEquals(Double.POSITIVE_INFINITY, error.sqnrDb());
  }

  @Test
  void theErrorOfPartsMergesIntoThatOfTheWhole() {
    float[] values = normal(1000);
    Quantizer quantizer = Quantizer.of(Formats.LNS8);
    QuantizationError whole =
        QuantizationError.measure(tensor(values), quantizer.quantize(tensor(values)));
    QuantizationError merged = QuantizationError.NONE;
    for (int from = 0; from < values.length; from += 250) {
      float[] part = Arrays.copyOfRange(values, from, from + 250);
      merged =
          merged.merge(QuantizationError.measure(tensor(part), quantizer.quantize(tensor(part))));
    }
    assertEquals(whole.count(), merged.count());
    assertEquals(whole.flushed(), merged.flushed());
    assertEquals(whole.worstRelative(), merged.worstRelative());
    assertEquals(whole.sqnrDb(), merged.sqnrDb(), 1e-9);
  }

  @Test
  void countsAndSumsAreMerged() {
    QuantizationError a = new QuantizationError(1, 2, 3, 4, 5, 6, 0.7);
    QuantizationError b = new QuantizationError(10, 20, 30, 40, 50, 60, 0.07);
    assertEquals(new QuantizationError(11, 22, 33, 44, 55, 66, 0.7), a.merge(b));
    assertEquals(a, a.merge(QuantizationError.NONE));
  }

  /** Each row is measured against its own scale. */
  @Test
  void saturationIsThatOfTheElementsScale() {
    Tensor x = Tensor.of(new float[] {400, 500, 4, 5}, 2, 2);
    Quantizer quantizer = Quantizer.of(Formats.E4M3FN).with(Saturation.OCP_SAT);
    Scales scales = Scales.of(new Granularity.PerAxis(0), 1, 0x1p-7f); // up to 448 and up to 3.5
    Tensor fake = x.toFp32();
    quantizer.fakeQuantize(fake, scales, null);
    assertEquals(3, QuantizationError.measure(x, fake, quantizer, scales).saturated());
  }

  @Test
  void theElementThatTheScaleIsMadeOfIsNotSaturated() {
    Tensor x = tensor(0.9007976f, 0.1f);
    QuantizationError error =
        QuantizationError.measure(
            x, Quantizer.of(Formats.E5M2).with(ScaleRule.AMAX_TO_MAX_FINITE).quantize(x));
    assertEquals(0, error.saturated());
  }

  @Test
  void nothingLostIsAnInfiniteRatio() {
    Tensor zeros = tensor(0, 0);
    QuantizationError error = QuantizationError.measure(zeros, zeros.toFp32());
    assertEquals(Double.POSITIVE_INFINITY, error.sqnrDb());
    assertEquals(Double.NaN, QuantizationError.NONE.sqnrDb());
  }

  /** The worst relative error of floats of precision p is 1 / (2^p + 1); of logs 2^(1/2g) - 1. */
  @Test
  void theWorstRelativeErrorComesCloseToItsSupremumAndNeverAbove() {
    for (NumericFormat format : List.of(Formats.E4M3FN, Formats.E5M2, Formats.LNS8)) {
      double supremum =
          switch (format) {
            case FloatFormat f -> 1 / (Math.scalb(1.0, f.precision()) + 1);
            case LogFormat f -> Math.pow(2, 0.5 / f.gamma()) - 1;
            default -> throw new AssertionError(format);
          };
      float[] binade = new float[10_000];
      for (int i = 0; i < binade.length; i++) {
        binade[i] = 1 + i * 1e-4f;
      }
      QuantizationError error =
          QuantizationError.measure(tensor(binade), Quantizer.of(format).quantize(tensor(binade)));
      // Decoded logarithms are rounded to float32, which may add 2^-24.
      assertTrue(error.worstRelative() <= supremum + 0x1p-24, format.name());
      assertTrue(error.worstRelative() >= supremum - 2e-4, format.name() + error);
    }
  }

  /**
   * On normally distributed values E4M3 has 31.5 dB with the scale rounded up per block, a figure
   * of the OCP formats measured elsewhere; a whole tensor loses a little at its small values.
   */
  @Test
  void formatsRankByTheirSqnr() {
    Tensor x = tensor(normal(20_000));
    double e4m3 = sqnr(Formats.E4M3FN, x);
    double e5m2 = sqnr(Formats.E5M2, x);
    double lns8 = sqnr(Formats.LNS8, x);
    assertEquals(31.5, e4m3, 0.3);
    assertEquals(25.5, e5m2, 0.3);
    assertTrue(lns8 > e4m3, "8 log steps an octave are finer than E4M3's linear ones on average");
    assertTrue(sqnr(Formats.FP16, x) > 70);
  }

  private static double sqnr(NumericFormat format, Tensor x) {
    Quantizer quantizer = Quantizer.of(format).with(ScaleRule.AMAX_TO_POWER_OF_TWO);
    return QuantizationError.measure(x, quantizer.quantize(x)).sqnrDb();
  }

  private static float[] normal(int n) {
    RandomBits random = new RandomBits(3, 4);
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      double sum = 0;
      for (int j = 0; j < 12; j++) { // the sum of twelve uniform numbers has variance 1
        sum += random.word(12L * i + j) * 0x1p-32;
      }
      values[i] = (float) sum;
    }
    return values;
  }

  @Test
  void shapesMustAgree() {
    assertThrows(
        IllegalArgumentException.class, () -> QuantizationError.measure(tensor(1, 2), tensor(1)));
  }
}
