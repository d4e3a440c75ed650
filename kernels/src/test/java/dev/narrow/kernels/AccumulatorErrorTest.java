package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Formats;
import dev.narrow.formats.Rounding;
import dev.narrow.kernels.Accumulator.Fixed;
import dev.narrow.kernels.Accumulator.Fixed.Overflow;
import java.util.List;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;

/**
 * Errors of sums by their textbook bounds. The terms lie in [-1, 1], so that nothing overflows; a
 * step below the smallest normal number has an error of at most half the smallest subnormal one.
 */
@Tag("scalar")
@Tag("simd")
class AccumulatorErrorTest {
  private static final Accumulator FP16 = Accumulator.rounded(Formats.FP16);

  private static void assertWithin(double bound, Accumulator accumulator, float[] a, float[] b) {
    double error = Terms.error(Terms.sum(accumulator, a, b), a, b);
    assertTrue(
        error <= bound, () -> accumulator + ": error " + error + " of " + a.length + ": " + bound);
  }

  @Property(tries = 100)
  void aSumOfRoundedStepsIsWithinGamma(
      @ForAll @IntRange(min = 1, max = 200) int k, @ForAll long seed) {
    Data data = new Data(seed);
    float[] a = data.uniform(k);
    float[] b = data.uniform(k);
    double magnitude = Terms.magnitude(a, b);
    assertWithin(Terms.gamma(k, 0x1p-24) * magnitude, Accumulator.fp32(), a, b);
    double last = (1 + 0x1p-20) * 0x1p-24 * Terms.exact(a, b).abs().doubleValue() + 0x1p-150;
    assertWithin(Terms.gamma(k, 0x1p-53) * magnitude + last, Accumulator.fp64(), a, b);
    assertWithin(last, Accumulator.exact(), a, b);
    for (FloatFormat format : List.of(Formats.FP16, Formats.BF16, Formats.TF32)) {
      double u = Math.scalb(1.0, -format.precision());
      double tiny = k * (double) format.minPositive() / 2;
      assertWithin(Terms.gamma(k, u) * magnitude + 2 * tiny, Accumulator.rounded(format), a, b);
    }
  }

  /** Wang et al., section 2.3: chunk + k / chunk roundings lie between a term and the result. */
  @Property(tries = 100)
  void chunksShortenTheWayOfATermToTheResult(
      @ForAll @IntRange(min = 1, max = 1000) int k,
      @ForAll @IntRange(min = 1, max = 100) int chunk,
      @ForAll long seed) {
    Data data = new Data(seed);
    float[] a = data.uniform(k);
    float[] b = data.uniform(k);
    int steps = Math.min(chunk, k) + Math.ceilDiv(k, chunk);
    double tiny = (k + Math.ceilDiv(k, chunk)) * 0x1p-25;
    double bound = Terms.gamma(steps, 0x1p-11) * Terms.magnitude(a, b) + 8 * tiny;
    assertWithin(bound, Accumulator.chunked(chunk, FP16, FP16), a, b);
  }

  @Property(tries = 100)
  void fixedPointLosesAtMostAUnitATerm(
      @ForAll @IntRange(min = 1, max = 1000) int k,
      @ForAll @IntRange(min = 0, max = 40) int fractionBits,
      @ForAll long seed) {
    Data data = new Data(seed);
    float[] a = data.uniform(k);
    float[] b = data.uniform(k);
    double unit = Math.scalb(1.0, -fractionBits);
    double last = 0x1p-24 * (k + 1);
    int bits = fractionBits + 11; // |sum| is at most 1000
    for (Overflow overflow : Overflow.values()) {
      assertWithin(
          k * unit / 2 + last,
          new Fixed(bits, fractionBits, Rounding.NEAREST_EVEN, overflow),
          a,
          b);
      assertWithin(
          k * unit + last, new Fixed(bits, fractionBits, Rounding.TOWARD_ZERO, overflow), a, b);
    }
  }

  /** Powers of two pass through every rounding where nothing under- or overflows. */
  @Property(tries = 100)
  void floatingSumsScaleWithPowersOfTwo(
      @ForAll @IntRange(min = 1, max = 200) int k,
      @ForAll @IntRange(min = -3, max = 3) int exponent,
      @ForAll long seed) {
    Data data = new Data(seed);
    float[] a = data.uniform(k);
    float[] b = data.uniform(k);
    float[] scaled = new float[k];
    for (int i = 0; i < k; i++) {
      a[i] = 0.5f + Math.abs(a[i]) / 2; // sums grow from 1/4 on
      b[i] = 0.5f + Math.abs(b[i]) / 2;
      scaled[i] = Math.scalb(a[i], exponent);
    }
    for (Accumulator accumulator :
        List.of(
            Accumulator.fp32(),
            Accumulator.fp64(),
            Accumulator.exact(),
            FP16,
            Accumulator.rounded(Formats.BF16),
            Accumulator.chunked(16, FP16, FP16))) {
      float expected = Math.scalb(Terms.sum(accumulator, a, b), exponent);
      assertSameBits(expected, Terms.sum(accumulator, scaled, b), accumulator.name());
    }
  }

  private static double relativeError(Accumulator accumulator, int k) {
    Data data = new Data(2018);
    float[] a = data.uniform(k);
    float[] b = data.uniform(k);
    for (int i = 0; i < k; i++) { // a mean other than zero, as after a ReLU
      a[i] = Math.abs(a[i]);
      b[i] = Math.abs(b[i]);
    }
    return Terms.error(Terms.sum(accumulator, a, b), a, b) / Terms.magnitude(a, b);
  }

  /**
   * What Wang et al. show in figure 3: in fp16 the error of a sum grows with its length, up to
   * where terms are swamped and lost, while that of chunks and of fp32 stays small.
   */
  @Example
  void theErrorOfFp16GrowsWithTheLengthThatOfFp32DoesNot() {
    Accumulator chunks = Accumulator.chunked(64, FP16, FP16);
    double previous = 0;
    for (int k : new int[] {64, 1024, 4096, 16384}) {
      double error = relativeError(FP16, k);
      assertTrue(error > 1.5 * previous, k + ": " + error + " after " + previous);
      previous = error;
      assertTrue(relativeError(chunks, k) < 0x1p-7, "chunks " + k);
      assertTrue(relativeError(Accumulator.fp32(), k) < 0x1p-18, "fp32 " + k);
    }
    assertTrue(previous > 0.25, "swamped: " + previous);
  }
}
