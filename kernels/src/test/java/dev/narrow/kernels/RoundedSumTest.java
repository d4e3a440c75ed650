package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;

import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Formats;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;

/** {@link Accumulator.Rounded}, step by step, by a search among all values of the format. */
@Tag("scalar")
@Tag("simd")
class RoundedSumTest {

  /** Rounds to nearest even among the values of a format, which goes on beyond its largest. */
  static final class Values {
    final float[] magnitudes; // by code
    final float overflow;

    Values(FloatFormat format) {
      int largest = format.encode(format.maxFinite(), format.defaultProjection());
      magnitudes = new float[largest + 1];
      for (int code = 0; code <= largest; code++) {
        magnitudes[code] = format.decode(code);
      }
      overflow = format.decode(largest + 1); // infinity, or NaN where there is none
    }

    float round(BigDecimal x) {
      return Math.copySign(magnitude(x.abs()), x.signum() < 0 ? -1f : 1f);
    }

    private float magnitude(BigDecimal x) {
      int low = 0;
      int high = magnitudes.length; // of the two neighbours one is beyond the largest
      while (high - low > 1) {
        int middle = (low + high) / 2;
        if (new BigDecimal(magnitudes[middle]).compareTo(x) <= 0) {
          low = middle;
        } else {
          high = middle;
        }
      }
      BigDecimal below = new BigDecimal(magnitudes[low]);
      boolean last = high == magnitudes.length;
      BigDecimal above =
          last
              ? below.add(below.subtract(new BigDecimal(magnitudes[low - 1])))
              : new BigDecimal(magnitudes[high]);
      int side = x.subtract(below).compareTo(above.subtract(x));
      boolean up = side > 0 || (side == 0 && low % 2 != 0);
      return !up ? magnitudes[low] : last ? overflow : magnitudes[high];
    }
  }

  record Case(FloatFormat format, Values values) {}

  private static final List<Case> CASES =
      List.of(
              Formats.FP16,
              Formats.BF16,
              Formats.E4M3FN,
              Formats.E5M2,
              (FloatFormat) Formats.parse("float:e5m8"),
              (FloatFormat) Formats.parse("float:e3m12"))
          .stream()
          .map(format -> new Case(format, new Values(format)))
          .toList();

  @Provide
  Arbitrary<Case> cases() {
    return Arbitraries.of(CASES);
  }

  private static boolean isNegativeZero(float x) {
    return Float.floatToRawIntBits(x) == Integer.MIN_VALUE;
  }

  /** The sum and all sums on the way to it, each a sum of its own. */
  private static void assertSteps(Case which, float[] a, float[] b) {
    Accumulator accumulator = Accumulator.rounded(which.format);
    float sum = 0;
    for (int k = 0; k < a.length && Float.isFinite(sum); k++) {
      BigDecimal product = new BigDecimal(a[k]).multiply(new BigDecimal(b[k]));
      BigDecimal exact = new BigDecimal(sum).add(product);
      boolean negativeZeros = isNegativeZero(sum) && isNegativeZero(a[k] * b[k]);
      sum = exact.signum() != 0 ? which.values.round(exact) : negativeZeros ? -0f : 0f;
      float[] left = Arrays.copyOf(a, k + 1);
      float[] right = Arrays.copyOf(b, k + 1);
      float expected = ScalarKernels.canonical(sum);
      assertSameBits(expected, Terms.sum(accumulator, left, right), which.format.name());
      assertSameBits(expected, Terms.defined(accumulator, left, right), which.format.name());
    }
  }

  /** Operands of all bits, products of any size beside the sums: around every border at times. */
  @Property(tries = 300)
  void everyStepRoundsTheExactSumOnce(
      @ForAll("cases") Case which,
      @ForAll @IntRange(min = 1, max = 20) int k,
      @ForAll @IntRange(min = -30, max = 20) int exponent,
      @ForAll @IntRange(min = 0, max = 24) int zeros,
      @ForAll long seed) {
    Data data = new Data(seed);
    float[] a = data.uniform(k);
    float[] b = data.uniform(k);
    for (int i = 0; i < k; i++) {
      int mask = -1 << Math.min(23, zeros); // few bits make ties
      a[i] = Float.intBitsToFloat(Float.floatToRawIntBits(a[i]) & mask);
      b[i] = Float.intBitsToFloat(Float.floatToRawIntBits(b[i]) & mask);
      a[i] = Math.scalb(a[i], exponent - data.below(12));
    }
    assertSteps(which, a, b);
  }

  /** Values of the format itself: all exponents, subnormal sums and overflows. */
  @Property(tries = 300)
  void valuesOfTheFormatAreAddedToIt(
      @ForAll("cases") Case which, @ForAll @IntRange(min = 1, max = 12) int k, @ForAll long seed) {
    Data data = new Data(seed);
    float[] a = new float[k];
    float[] b = new float[k];
    float[] magnitudes = which.values.magnitudes;
    for (int i = 0; i < k; i++) {
      float value = magnitudes[data.below(magnitudes.length)];
      a[i] = data.below(2) == 0 ? value : -value;
      b[i] = data.below(3) == 0 ? magnitudes[data.below(magnitudes.length)] : 1f;
    }
    assertSteps(which, a, b);
  }

  /**
   * Half-way but for a part of the product below float32 and float64: 13 × 21 + 2^-60 is above the
   * middle of 272 and 274 by that alone.
   */
  @Example
  void aSecondRoundingWouldBeSeen() {
    Accumulator bf16 = Accumulator.rounded(Formats.BF16);
    float[] tiny = {0x1p-30f, 13f};
    float[] other = {0x1p-30f, 21f};
    assertSameBits(274f, Terms.sum(bf16, tiny, other), "13 × 21 + 2^-60");
    assertSameBits(274f, Terms.defined(bf16, tiny, other), "13 × 21 + 2^-60");
    float[] below = {-0x1p-30f, 13f};
    assertSameBits(272f, Terms.sum(bf16, below, other), "13 × 21 - 2^-60");
    float[] wide = {0x1.000002p0f, 13f}; // float32 cannot hold the products of such operands
    assertSameBits(
        Terms.defined(bf16, wide, new float[] {0x1.fffffep-61f, 21f}),
        Terms.sum(bf16, wide, new float[] {0x1.fffffep-61f, 21f}),
        "wide operands");
    assertSameBits(274f, Terms.sum(bf16, wide, new float[] {0x1.fffffep-61f, 21f}), "wide");
  }

  /** A negative product too small for the format is its negative zero, if it has one. */
  @Example
  void underflowKeepsItsSign() {
    float[] a = {-0x1p-60f};
    float[] b = {0x1p-60f};
    assertSameBits(-0f, Terms.sum(Accumulator.rounded(Formats.FP16), a, b), "fp16");
    assertSameBits(0f, Terms.sum(Accumulator.rounded(Formats.E4M3FNUZ), a, b), "e4m3fnuz");
  }

  /** Rounding each step to fp32 is the fused multiply-add. */
  @Property(tries = 100)
  void roundedToFp32IsFp32(@ForAll @IntRange(min = 0, max = 50) int k, @ForAll long seed) {
    Data data = new Data(seed);
    for (float[] a : List.of(data.uniform(k), data.anyBits(k))) {
      float[] b = data.uniform(k);
      assertSameBits(
          Terms.defined(Accumulator.fp32(), a, b),
          Terms.sum(Accumulator.rounded(Formats.FP32), a, b),
          "sum");
    }
  }
}
