package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** When compensated sums decide, and when the wide accumulator must. */
@Tag("simd")
class VectorExactTest {

  /** Compensated summation as in the kernel; NaN if it does not decide the sum. */
  private static float compensated(float... terms) {
    double s = 0;
    double c = 0;
    double m = 0;
    for (float p : terms) {
      double t = s + p;
      double v = t - s;
      double e = (s - (t - v)) + (p - v);
      s = t;
      c += e;
      m += Math.abs(e);
    }
    return VectorExact.round(s, c, m, terms.length);
  }

  private static float sum(float... terms) {
    return Terms.sum(Accumulator.exact(), terms, Data.filled(terms.length, 1f));
  }

  @Test
  void sumsWithoutAnErrorAreDecidedEvenHalfWay() {
    assertSameBits(1f, compensated(1f, 0x1p-24f), "half-way");
    assertSameBits(0f, compensated(1f, 0x1p-20f, -1f, -0x1p-20f), "zero");
    assertSameBits(Float.POSITIVE_INFINITY, compensated(Float.MAX_VALUE, 0x1p103f), "overflow");
  }

  @Test
  void sumsAreDecidedWhereTheErrorDoesNotReachABorder() {
    assertSameBits(1f, compensated(0x1p80f, 1f, 0x1p-30f, -0x1p80f), "1 + 2^-30");
    assertSameBits(0x1.000002p0f, compensated(1f, 0x1p-24f, 0x1p-120f), "above half-way");
  }

  @Test
  void whatIsNotDecidedGoesToTheWideAccumulator() {
    float[] zero = {0x1p100f, 1f, 0x1p-24f, -1f, -0x1p-24f, -0x1p100f};
    assertTrue(Float.isNaN(compensated(zero)));
    assertSameBits(0f, sum(zero), "zero");
    float[] halfWay = {0x1p100f, 1f, 0x1p-24f, -0x1p100f};
    assertTrue(Float.isNaN(compensated(halfWay)));
    assertSameBits(1f, sum(halfWay), "half-way");
    float[] above = {0x1p100f, 1f, 0x1p-24f, Float.MIN_VALUE, -0x1p100f};
    assertTrue(Float.isNaN(compensated(above)));
    assertSameBits(0x1.000002p0f, sum(above), "above half-way");
    assertTrue(Float.isNaN(compensated(Float.POSITIVE_INFINITY, 1f)));
    assertSameBits(Float.POSITIVE_INFINITY, sum(Float.POSITIVE_INFINITY, 1f), "infinity");
  }

  /** Of ordinary sums hardly any is left undecided, else there would be no speed in it. */
  @Test
  void ordinarySumsAreDecided() {
    Data data = new Data(4);
    int undecided = 0;
    for (int i = 0; i < 1000; i++) {
      undecided += Float.isNaN(compensated(data.uniform(500))) ? 1 : 0;
    }
    assertEquals(0, undecided);
  }
}
