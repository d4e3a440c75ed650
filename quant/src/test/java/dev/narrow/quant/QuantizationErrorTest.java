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
    assertEquals(1, error.before().nans());
    assertEquals(1, error.after().nans());
    assertEquals(0.0625 / 1.0625, error.maxRelative(), 1e-8); // a tie, to even
    double noise = 552.0 * 552 + 0.0625 * 0.0625 + (double) 1e-9f * 1e-9f;
    assertEquals(noise, error.noise(), 1e-9);
  }

  @Test
  void overflowToInfinityCountsAsSaturated() {
    Tensor x = tensor(70000, 1);
    QuantizationError error = QuantizationError.measure(x, Quantizer.of(Formats.FP16).quantize(x));
    assertEquals(1, error.saturated());
    assertEquals(1, error.signal());
    assertEquals(Double.NEGATIVE_INFINITY, error.sqnrDb());
  }

  /** Half the distance to the next number, the whole of it, and of a subnormal one. */
  @Test
  void ulpsByHand() {
    Tensor tie = tensor(1.0625f); // between 1 and 1.125
    assertEquals(0.5, QuantizationError.measure(tie, e4m3(0x38)).maxUlps());
    assertEquals(0.5, QuantizationError.measure(tie, e4m3(0x39)).maxUlps());
    assertEquals(1.0, QuantizationError.measure(tensor(1.125f), e4m3(0x38)).maxUlps());
    assertEquals(0.25, QuantizationError.measure(tensor(0x1.4p-9f), e4m3(0x01)).maxUlps());
    assertEquals(0.25, QuantizationError.measure(tensor(0x1p-11f), e4m3(0x00)).maxUlps());
    QuantizationError two = QuantizationError.measure(tensor(1.0625f, 1), e4m3(0x38, 0x38));
    assertEquals(0.25, two.meanUlps());
    assertEquals(0.0625 / 1.0625 / 2, two.meanRelative(), 1e-8);
  }

  private static Tensor e4m3(int... codes) {
    byte[] bytes = new byte[codes.length];
    for (int i = 0; i < codes.length; i++) {
      bytes[i] = (byte) codes[i];
    }
    return Tensor.of(Storage.of(bytes), Shape.of(codes.length), Formats.E4M3FN, Scales.one());
  }

  @Test
  void subnormalNumbersAreCounted() {
    Tensor x = tensor(0x1p-6f, 0x1.8p-7f, 0x1p-9f, 0x1p-12f, 0);
    QuantizationError error =
        QuantizationError.measure(x, Quantizer.of(Formats.E4M3FN).quantize(x));
    assertEquals(2, error.subnormal()); // below 2^-6, and not zero
    assertEquals(1, error.flushed());
    assertEquals(1, error.before().zeros());
    assertEquals(2, error.after().zeros());
  }

  /** 3-4-5: the angle between (3, 4) and (4, 0). */
  @Test
  void cosineByHand() {
    Tensor y = Tensor.of(new float[] {4, 0}, 2);
    assertEquals(0.6, QuantizationError.measure(tensor(3, 4), y).cosine(), 1e-15);
    assertEquals(Double.NaN, QuantizationError.measure(tensor(0, 0), y).cosine());
  }

  /** What rounding brings back to the largest value is not lost to the range. */
  @Test
  void saturationBeginsHalfAnUlpBeyondTheLargestValue() {
    Tensor x = tensor(463, 464, -463, -464, 448);
    Quantizer quantizer = Quantizer.of(Formats.E4M3FN).with(Saturation.OCP_SAT);
    assertEquals(2, QuantizationError.measure(x, quantizer.quantize(x)).saturated());
    Tensor integers = tensor(127.4f, 127.5f, -128, -128.4f, -128.5f);
    QuantizationError error =
        QuantizationError.measure(integers, Quantizer.of(Formats.INT8).quantize(integers));
    assertEquals(2, error.saturated());
  }

  /** 1.5 is 13.5 steps above a zero point of 100: code 113 or 114. */
  @Test
  void zeroPointsShiftTheCodes() {
    Tensor x = tensor(1.5f, -20, 0);
    Scales scales = Scales.of(1 / 9f).withZeroPoints(100);
    Quantizer quantizer = Quantizer.of(Formats.UINT8).with(Scaling.of(ScaleRule.MIN_TO_MAX));
    QuantizationError error = QuantizationError.measure(x, quantizer.quantize(x, scales, null));
    assertEquals(1, error.saturated()); // -20 is 180 steps below zero
    assertEquals(0.5, error.maxUlps(), 1e-5);
    assertEquals(1, error.after().zeros());
  }

  @Test
  void elementsUnderAFactorOfZeroOrNanEnterNoMean() {
    Tensor x = Tensor.of(new float[] {1, 0, 5, 6, 7, 7.5f}, 3, 2);
    Scales scales = Scales.of(new Granularity.PerAxis(0), 0, Float.NaN, 1);
    byte[] codes = {0, 0, 0x38, 0x38, 0x4e, 0x4f};
    Tensor quantized = Tensor.of(Storage.of(codes), x.shape(), Formats.E4M3FN, scales);
    QuantizationError error = QuantizationError.measure(x, quantized);
    assertEquals(1, error.flushed());
    assertEquals(2, error.after().nans());
    assertEquals(0, error.saturated());
    assertEquals(0.0, error.maxUlps());
    assertEquals(0.0, error.meanUlps());
    assertEquals(1, error.noise());
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
      assertTrue(error.maxRelative() <= supremum + 0x1p-24, format.name());
      assertTrue(error.maxRelative() >= supremum - 2e-4, format.name() + error);
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
