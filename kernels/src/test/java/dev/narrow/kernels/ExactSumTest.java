package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import java.math.BigDecimal;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;

/** {@link Accumulator.Exact} is what BigDecimal says. */
@Tag("scalar")
@Tag("simd")
class ExactSumTest {
  private static final Accumulator EXACT = Accumulator.exact();

  /** By the definition: the special cases of IEEE 754, else the sum, rounded by the JDK. */
  private static float oracle(float[] a, float[] b) {
    boolean positive = false;
    boolean negative = false;
    for (int i = 0; i < a.length; i++) {
      float product = Math.signum(a[i]) * Math.signum(b[i]);
      boolean infinite = Float.isInfinite(a[i]) || Float.isInfinite(b[i]);
      if (Float.isNaN(a[i]) || Float.isNaN(b[i]) || (infinite && product == 0)) {
        return Float.NaN;
      }
      positive |= infinite && product > 0;
      negative |= infinite && product < 0;
    }
    if (positive || negative) {
      return positive && negative ? Float.NaN : Math.copySign(1f / 0f, positive ? 1 : -1);
    }
    BigDecimal sum = Terms.exact(a, b);
    return sum.signum() == 0 ? 0f : Math.copySign(sum.abs().floatValue(), sum.signum());
  }

  private static void assertExact(float[] a, float[] b) {
    float expected = oracle(a, b);
    assertSameBits(expected, Terms.sum(EXACT, a, b), "sum");
    assertSameBits(expected, Terms.defined(EXACT, a, b), "defined sum");
  }

  private static void shuffle(Data data, float[] a, float[] b) {
    for (int i = a.length - 1; i > 0; i--) {
      int j = data.below(i + 1);
      float x = a[i];
      float y = b[i];
      a[i] = a[j];
      b[i] = b[j];
      a[j] = x;
      b[j] = y;
    }
  }

  private static float finite(Data data) {
    float value = Float.intBitsToFloat((int) data.next());
    return Float.isFinite(value) ? value : data.below(2) == 0 ? Float.MAX_VALUE : Float.MIN_VALUE;
  }

  /** Terms over the whole range of exponents, and their negatives but for a few, in any order. */
  @Property(tries = 150)
  void cancellationOverTheWholeRangeLeavesTheRest(
      @ForAll @IntRange(min = 0, max = 100) int pairs,
      @ForAll @IntRange(min = 0, max = 6) int rest,
      @ForAll long seed) {
    Data data = new Data(seed);
    int k = 2 * pairs + rest;
    float[] a = new float[k];
    float[] b = new float[k];
    for (int i = 0; i < rest; i++) {
      a[i] = Math.scalb(data.uniform(1)[0], data.below(149) - 120);
      b[i] = Math.scalb(data.uniform(1)[0], data.below(149) - 120);
    }
    for (int i = rest; i < k; i += 2) {
      a[i] = finite(data);
      b[i] = finite(data);
      a[i + 1] = -b[i];
      b[i + 1] = a[i];
    }
    shuffle(data, a, b);
    assertExact(a, b);
  }

  @Property(tries = 150)
  void anyTermsAreAddedExactly(@ForAll @IntRange(min = 0, max = 60) int k, @ForAll long seed) {
    Data data = new Data(seed);
    float[] a = new float[k];
    float[] b = new float[k];
    for (int i = 0; i < k; i++) {
      a[i] = finite(data);
      b[i] = finite(data);
    }
    assertExact(a, b);
    float[] c = data.anyBits(k);
    assertExact(a, c);
  }

  @Example
  void thousandsOfTermsCancel() {
    Data data = new Data(3);
    int k = 4001;
    float[] a = new float[k];
    float[] b = new float[k];
    for (int i = 0; i + 1 < k; i += 2) {
      a[i] = finite(data);
      b[i] = finite(data);
      a[i + 1] = -a[i];
      b[i + 1] = b[i];
    }
    a[k - 1] = 0x1p-100f;
    b[k - 1] = 3f;
    shuffle(data, a, b);
    assertSameBits(0x3p-100f, Terms.sum(EXACT, a, b), "sum");
    assertSameBits(0x3p-100f, Terms.defined(EXACT, a, b), "defined sum");
  }

  /** Sums that lie half-way, or beside it by less than any of the terms before. */
  @Example
  void tiesAreDecidedByTheLastBit() {
    float[] ones = Data.filled(5, 1f);
    assertExact(new float[] {1f, 0x1p-24f, 0f, 0f, 0f}, ones);
    assertExact(new float[] {0x1.000002p0f, 0x1p-24f, 0f, 0f, 0f}, ones);
    for (float last : new float[] {Float.MIN_VALUE, -Float.MIN_VALUE, 0f}) {
      float[] small = {1f, 1f, 1f, Float.MIN_VALUE, 1f};
      assertExact(new float[] {1f, 0x1p-24f, 0f, last, 0f}, small);
      assertExact(new float[] {0x1p100f, 1f, 0x1p-24f, last, -0x1p100f}, small);
      assertExact(new float[] {-0x1p100f, -1f, -0x1p-24f, last, 0x1p100f}, small);
    }
  }

  @Example
  void theEndsOfTheRangeRoundAsFloat32() {
    float max = Float.MAX_VALUE;
    float half = 0x1p103f; // half an ulp of the largest number
    float[] ones = Data.filled(3, 1f);
    assertExact(new float[] {max, half, 0f}, ones);
    assertExact(new float[] {max, half, -Float.MIN_VALUE}, ones);
    assertExact(new float[] {-max, -half, Float.MIN_VALUE}, ones);
    assertExact(new float[] {max, max, -max}, ones);
    assertExact(new float[] {max, max, -max}, new float[] {max, max, max});
    float tiny = Float.MIN_VALUE;
    assertExact(new float[] {tiny, 0f, 0f}, new float[] {0.5f, 1f, 1f});
    assertExact(new float[] {tiny, tiny, 0f}, new float[] {0.5f, tiny, 1f});
    assertExact(new float[] {-tiny, 0f, 0f}, new float[] {tiny, 1f, 1f});
    assertExact(new float[] {-0f, 0f, -0f}, ones);
  }

  @Provide
  Arbitrary<NumericFormat> formats() {
    return Arbitraries.of(Formats.all().stream().filter(f -> f.width() <= 16).toList());
  }

  /** Any codes of any format of up to 16 bits, NaN and infinities where there are some. */
  @Property(tries = 300)
  void everyFormatIsSummedUpExactly(
      @ForAll("formats") NumericFormat left,
      @ForAll("formats") NumericFormat right,
      @ForAll @IntRange(min = 1, max = 50) int k,
      @ForAll boolean finite,
      @ForAll long seed) {
    Data data = new Data(seed);
    float[] a = codes(left, k, finite, data);
    float[] b = codes(right, k, finite, data);
    assertExact(a, b);
  }

  private static float[] codes(NumericFormat format, int k, boolean finite, Data data) {
    float[] values = new float[k];
    for (int i = 0; i < k; i++) {
      float value = format.decode(data.below(1 << format.width()));
      values[i] = finite && !Float.isFinite(value) ? format.maxFinite() : value;
    }
    return values;
  }

  /** No order of the terms changes a bit, and no format that has the sums changes them. */
  @Property(tries = 100)
  void orderDoesNotMatter(@ForAll @IntRange(min = 1, max = 60) int k, @ForAll long seed) {
    Data data = new Data(seed);
    float[] a = data.anyBits(k);
    float[] b = data.anyBits(k);
    float expected = Terms.sum(EXACT, a, b);
    shuffle(data, a, b);
    assertSameBits(expected, Terms.sum(EXACT, a, b), "sum");
  }

  /** (a + b) c = a c + b c where all three are float32 numbers. */
  @Property(tries = 50)
  void integersDistribute(@ForAll @IntRange(min = 1, max = 60) int k, @ForAll long seed) {
    Data data = new Data(seed);
    float[] a = new float[k];
    float[] b = new float[k];
    float[] c = new float[k];
    float[] sum = new float[k];
    for (int i = 0; i < k; i++) {
      a[i] = data.below(200) - 100;
      b[i] = data.below(200) - 100;
      c[i] = data.below(200) - 100;
      sum[i] = a[i] + b[i];
    }
    float apart = Terms.sum(EXACT, a, c) + Terms.sum(EXACT, b, c);
    assertSameBits(apart, Terms.sum(EXACT, sum, c), "sum");
  }
}
