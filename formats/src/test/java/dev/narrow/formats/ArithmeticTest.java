package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** What arithmetic on codes does where shortcuts go wrong, and what IEEE 754 and P3109 say. */
class ArithmeticTest {
  private static final Projection NEAREST = new Projection(Rounding.NEAREST_EVEN, Saturation.IEEE);

  private static Arithmetic nearest(NumericFormat format) {
    return Arithmetic.of(format, NEAREST);
  }

  private static int code(NumericFormat format, double x) {
    int code = format.encode(x, NEAREST);
    assertEquals(x, format.decodeDouble(code), format.name());
    return code;
  }

  private static double apply(NumericFormat format, Operation operation, double... operands) {
    int[] codes = new int[operands.length];
    for (int i = 0; i < codes.length; i++) {
      codes[i] = code(format, operands[i]);
    }
    return format.decodeDouble(operation.apply(nearest(format), codes));
  }

  /** The product 273 is halfway between 272 and 274; float64 loses the addend that decides. */
  @Test
  void bf16FmaIsRoundedOnce() {
    assertEquals(274, apply(Formats.BF16, Operation.FMA, 13, 21, 0x1p-60));
    assertEquals(272, apply(Formats.BF16, Operation.FMA, 13, 21, -0x1p-60));
    assertEquals(272, apply(Formats.BF16, Operation.FMA, 13, 21, 0));
    double throughDouble = Math.fma(13.0, 21.0, 0x1p-60);
    assertEquals(272, Formats.BF16.decode(Formats.BF16.encode(throughDouble, NEAREST)));
  }

  @Test
  void aPowerOfTwoLessAlmostNothing() {
    Projection down = NEAREST.with(Rounding.TOWARD_ZERO);
    Arithmetic fp32 = Arithmetic.of(Formats.FP32, down);
    int one = Float.floatToIntBits(1);
    int least = Float.floatToIntBits(Float.MIN_VALUE);
    assertEquals(one - 1, fp32.subtract(one, least));
    assertEquals(one, fp32.add(one, least));
    assertEquals(one - 1, fp32.fma(one, one, least | 0x8000_0000));
  }

  @Test
  void sumsOfZeroHaveTheSignThatIeeeSays() {
    Arithmetic up = nearest(Formats.FP16);
    Arithmetic down = Arithmetic.of(Formats.FP16, NEAREST.with(Rounding.TOWARD_NEGATIVE));
    int one = code(Formats.FP16, 1);
    int minusOne = code(Formats.FP16, -1);
    int minusZero = 0x8000;
    assertEquals(0, up.add(one, minusOne));
    assertEquals(minusZero, down.add(one, minusOne));
    assertEquals(0, up.add(0, minusZero));
    assertEquals(minusZero, down.add(0, minusZero));
    assertEquals(0, down.add(0, 0));
    assertEquals(minusZero, up.add(minusZero, minusZero));
    assertEquals(minusZero, up.fma(minusZero, one, minusZero));
    assertEquals(minusZero, down.fma(one, one, minusOne));
    assertEquals(minusZero, up.faa(minusZero, minusZero, minusZero));
    assertEquals(0, up.dot(new int[0], new int[0]));
    assertEquals(minusZero, up.multiply(minusZero, one));
    assertEquals(minusZero, up.divide(minusZero, one));
    assertEquals(minusZero, up.sqrt(minusZero));
    assertEquals(minusZero, up.remainder(minusOne, one));
    int tiny = 1;
    assertEquals(minusZero, up.multiply(tiny, tiny | 0x8000));
  }

  @Test
  void whatHasNoValueIsNan() {
    Arithmetic fp16 = nearest(Formats.FP16);
    int infinity = 0x7C00;
    int minusInfinity = 0xFC00;
    int one = code(Formats.FP16, 1);
    int nan = 0x7E00;
    assertEquals(nan, fp16.subtract(infinity, infinity));
    assertEquals(nan, fp16.multiply(0, infinity));
    assertEquals(nan, fp16.fma(0, infinity, nan));
    assertEquals(nan, fp16.divide(0, 0));
    assertEquals(nan, fp16.divide(infinity, minusInfinity));
    assertEquals(nan, fp16.sqrt(code(Formats.FP16, -1)));
    assertEquals(nan, fp16.log(minusInfinity));
    assertEquals(nan, fp16.remainder(infinity, one));
    assertEquals(nan, fp16.remainder(one, 0));
    assertEquals(one, fp16.remainder(one, infinity));
    assertEquals(infinity, fp16.faa(infinity, one, infinity));
    assertEquals(nan, fp16.faa(infinity, one, minusInfinity));
    assertEquals(nan, fp16.dot(new int[] {infinity, 0}, new int[] {one, infinity}));
  }

  @Test
  void theSignOfAnInfinityIsThatOfTheZeroIfThereIsOne() {
    Arithmetic fp16 = nearest(Formats.FP16);
    int one = code(Formats.FP16, 1);
    assertEquals(0x7C00, fp16.divide(one, 0));
    assertEquals(0xFC00, fp16.divide(one, 0x8000));
    assertEquals(0xFC00, fp16.reciprocal(0x8000));
    assertEquals(0xFC00, fp16.reciprocalSqrt(0x8000));
    assertEquals(0xFC00, fp16.log(0));
    for (FloatFormat format : List.of(Formats.BINARY8P3SE, Formats.E4M3FNUZ)) {
      Arithmetic arithmetic = nearest(format);
      int x = format.encode(1.0, NEAREST);
      assertTrue(format.isNan(arithmetic.divide(x, 0)), format.name());
      assertTrue(format.isNan(arithmetic.reciprocal(0)), format.name());
      assertTrue(format.isNan(arithmetic.reciprocalSqrt(0)), format.name());
      assertEquals(
          format.encode(Double.NEGATIVE_INFINITY, NEAREST), arithmetic.log2(0), format.name());
    }
    assertEquals(0x80, nearest(Formats.LNS8).divide(0x40, 0));
  }

  /** Divide, Recip, RSqrt and Log as in IEEE P3109. */
  @Test
  void polesWithoutSignedZerosAreAsInP3109() {
    Projection projection = new Projection(Rounding.NEAREST_EVEN, Saturation.P3109_NONE);
    for (FloatFormat format : List.of(Formats.BINARY8P4SE, Formats.BINARY4P2SF)) {
      Arithmetic arithmetic = Arithmetic.of(format, projection);
      int nan = format.encode(Double.NaN, projection);
      int one = format.encode(1.0, projection);
      assertEquals(nan, arithmetic.divide(one, 0));
      assertEquals(nan, arithmetic.reciprocal(0));
      assertEquals(nan, arithmetic.reciprocalSqrt(0));
      assertEquals(format.encode(Double.NEGATIVE_INFINITY, projection), arithmetic.log(0));
      assertEquals(0, arithmetic.divide(0, one));
    }
    Arithmetic extended = Arithmetic.of(Formats.BINARY8P4SE, projection);
    assertEquals(0, extended.reciprocal(0x7F));
    assertEquals(0, extended.reciprocal(0xFF));
    assertEquals(0x80, extended.divide(0x7F, 0));
  }

  @Test
  void functionsOfTheirSpecialPoints() {
    Arithmetic fp16 = nearest(Formats.FP16);
    int one = code(Formats.FP16, 1);
    int infinity = 0x7C00;
    int minusInfinity = 0xFC00;
    assertEquals(one, fp16.exp(0x8000));
    assertEquals(0, fp16.exp2(minusInfinity));
    assertEquals(infinity, fp16.exp(infinity));
    assertEquals(0, fp16.log(one));
    assertEquals(0, Arithmetic.of(Formats.FP16, NEAREST.with(Rounding.TOWARD_NEGATIVE)).log2(one));
    assertEquals(infinity, fp16.log2(infinity));
    assertEquals(0x8000, fp16.tanh(0x8000));
    assertEquals(one | 0x8000, fp16.tanh(minusInfinity));
    assertEquals(code(Formats.FP16, 0.5), fp16.sigmoid(0));
    assertEquals(one, fp16.sigmoid(infinity));
    assertEquals(0, fp16.sigmoid(minusInfinity));
    assertEquals(0, fp16.reciprocalSqrt(infinity));
  }

  @Test
  void subnormalOperandsCountAsZerosIfTheyAreFlushed() {
    Projection flushing = NEAREST.with(Saturation.IEEE.withFlushToZero(true, false));
    Arithmetic arithmetic = Arithmetic.of(Formats.FP16, flushing);
    int subnormal = 0x0200;
    int normal = 0x0400;
    assertEquals(normal, arithmetic.add(normal, subnormal));
    assertEquals(subnormal, arithmetic.subtract(normal | subnormal, normal)); // the result may be
    assertEquals(0x8000, arithmetic.convert(subnormal | 0x8000));
    assertEquals(0xFC00, arithmetic.divide(normal, subnormal | 0x8000));
    assertEquals(Arithmetic.Comparison.EQUAL, arithmetic.compare(subnormal, 0x8000));
  }

  @Test
  void comparisonsAndExtremesFollowIeee() {
    Arithmetic fp16 = nearest(Formats.FP16);
    int nan = 0x7E00;
    int one = code(Formats.FP16, 1);
    int minusOne = code(Formats.FP16, -1);
    int two = code(Formats.FP16, 2);
    int infinity = 0x7C00;
    int minusInfinity = 0xFC00;
    assertEquals(Arithmetic.Comparison.LESS, fp16.compare(minusInfinity, minusOne));
    assertEquals(Arithmetic.Comparison.GREATER, fp16.compare(one, 0x8000));
    assertEquals(Arithmetic.Comparison.EQUAL, fp16.compare(0, 0x8000));
    assertEquals(Arithmetic.Comparison.UNORDERED, fp16.compare(nan, nan));
    assertEquals(0x8000, fp16.minimum(0, 0x8000));
    assertEquals(0, fp16.maximum(0x8000, 0));
    assertEquals(nan, fp16.minimum(one, nan));
    assertEquals(one, fp16.minimumNumber(one, nan));
    assertEquals(nan, fp16.maximumNumber(nan, nan));
    assertEquals(minusOne, fp16.minimumMagnitude(minusOne, two));
    assertEquals(minusOne, fp16.minimumMagnitude(one, minusOne));
    assertEquals(one, fp16.maximumMagnitude(one, minusOne));
    assertEquals(minusInfinity, fp16.maximumMagnitudeNumber(nan, minusInfinity));
    assertEquals(one, fp16.minimumMagnitudeNumber(nan, one));
    assertEquals(one, fp16.minimumFinite(one, minusInfinity));
    assertEquals(minusInfinity, fp16.minimumFinite(infinity, minusInfinity));
    assertEquals(infinity, fp16.maximumFinite(infinity, nan));
    assertEquals(one, fp16.clamp(two, minusOne, one));
    assertEquals(minusOne, fp16.clamp(minusInfinity, minusOne, one));
    assertEquals(nan, fp16.clamp(0, one, minusOne));
    assertEquals(nan, fp16.clamp(0, minusOne, nan));
  }

  @Test
  void aRemainderIsExactHoweverLargeTheQuotient() {
    for (double[] xy : new double[][] {{5, 3}, {-7, 2}, {3, 2}, {1, 2}, {0x1.fcp127, 3}}) {
      double expected = Math.IEEEremainder(xy[0], xy[1]);
      assertEquals(expected, apply(Formats.BF16, Operation.REMAINDER, xy));
    }
    assertEquals(1, apply(Formats.LNS8, Operation.REMAINDER, 1, 2)); // 1/2 becomes 0
  }

  /** The widest products fill 64 bits, and the farthest exponents lie 2^17 from zero. */
  @Test
  void theWidestFormatsHaveNoSeams() {
    NumericFormat uint32 = Formats.parse("ufixed:b32f0");
    Arithmetic wide = Arithmetic.of(uint32, Formats.FP32, NEAREST.with(Rounding.TOWARD_ZERO));
    float below = Math.nextDown(0x1p64f);
    assertEquals(below, Formats.FP32.decode(wide.multiply(-1, -1)));
    assertEquals(below, Formats.FP32.decode(wide.fma(-1, -1, -1)));
    assertEquals(
        0x1p64f, Formats.FP32.decode(wide.dot(new int[] {-1, -1, 1}, new int[] {-1, 2, 1})));
    assertEquals(0x1p-32f, Formats.FP32.decode(wide.divide(1, -1)));
    assertEquals(0, wide.remainder(-1, 3));

    FloatFormat far = new FloatFormat("far", 24, 8, 1 << 15, true, true, true, 127, true, true);
    Arithmetic farAway = nearest(far);
    int least = 1;
    int largest = 0x7FFF7F;
    assertEquals(largest, farAway.add(largest, least));
    assertEquals(largest, farAway.faa(largest, least, least));
    assertEquals(least, farAway.faa(largest, least, largest | 0x80_0000));
    assertEquals(0, farAway.remainder(largest, least));
    assertEquals(0x7FFF80, farAway.multiply(largest, largest));

    LogFormat steep = LogFormat.of(16, 1, LogFormat.Zero.RESERVED);
    Arithmetic logarithmic = nearest(steep);
    assertEquals(0x7FFF, logarithmic.add(0x7FFF, 1));
    assertEquals(1, logarithmic.faa(0x7FFF, 1, 0xFFFF));
    assertEquals(0x8000, logarithmic.fma(0x7FFF, 0x7FFF, 1)); // NaN stands for infinity
  }

  @Test
  void stochasticRoundingAsksForAWord() {
    Projection projection = NEAREST.with(Rounding.stochastic(4));
    Arithmetic arithmetic = Arithmetic.of(Formats.E4M3FN, projection);
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> arithmetic.add(0, 0));
    assertTrue(String.valueOf(e.getMessage()).contains("withRandomWord"), e.getMessage());
    int one = code(Formats.E4M3FN, 1);
    int sixteenth = code(Formats.E4M3FN, 0.0625);
    assertEquals(one, arithmetic.withRandomWord(0).add(one, sixteenth));
    assertEquals(one + 1, arithmetic.withRandomWord(0x8000_0000).add(one, sixteenth));
    assertEquals(Arithmetic.Comparison.LESS, arithmetic.compare(sixteenth, one));
  }

  /** Products and roots of powers are powers; the middle of a step is a border, or a code. */
  @Test
  void logarithmicProductsAndRootsAreExact() {
    Arithmetic lns8 = nearest(Formats.LNS8);
    assertEquals(0x47, lns8.multiply(0x43, 0x44));
    assertEquals(0xBF, lns8.divide(0x43, 0xC4));
    assertEquals(0x41, lns8.sqrt(0x42));
    assertEquals(0x42, lns8.sqrt(0x43)); // 2^(3/16): of 0x41 and 0x42 the even one
    assertEquals(0x42, lns8.sqrt(0x45));
    assertEquals(0x3E, lns8.reciprocalSqrt(0x43));
    assertEquals(0x40, lns8.exp2(0x20)); // 2^(2^-4) is halfway between 1 and 2^(1/8)
    Projection awayFromZero = NEAREST.with(Rounding.NEAREST_AWAY);
    assertEquals(0x41, Arithmetic.of(Formats.LNS8, awayFromZero).exp2(0x20));
    // the geometric mean of two values lies below their middle
    Arithmetic linear = Arithmetic.of(Formats.LNS8, NEAREST.with(Rounding.NEAREST_EVEN.linear()));
    assertEquals(0x41, linear.sqrt(0x43));
    assertEquals(0x42, linear.sqrt(0x45));
  }

  /**
   * 1 + 2^(-1/8) is twice the middle between 2^(-1/8) and 1, and so the middle one step below 2.
   */
  @Test
  void aLogarithmicSumMayBeATie() {
    Arithmetic linear = Arithmetic.of(Formats.LNS8, NEAREST.with(Rounding.NEAREST_EVEN.linear()));
    Arithmetic away = Arithmetic.of(Formats.LNS8, NEAREST.with(Rounding.NEAREST_AWAY.linear()));
    assertEquals(0x48, linear.add(0x40, 0x3F));
    assertEquals(0x48, away.add(0x40, 0x3F));
    assertEquals(0x48, linear.add(0x41, 0x40)); // between 0x48 and 0x49
    assertEquals(0x49, away.add(0x41, 0x40));
    assertEquals(0x48, nearest(Formats.LNS8).add(0x40, 0x40)); // 1 + 1 = 2
    assertEquals(0x40, nearest(Formats.LNS8).subtract(0x48, 0x40));
    assertEquals(0, nearest(Formats.LNS8).subtract(0x48, 0x48));
  }

  @Test
  void operationsAreKnownByName() {
    for (Operation operation : Operation.values()) {
      assertEquals(operation, Operation.parse(operation.toString()));
    }
    assertEquals(Operation.RECIPROCAL_SQRT, Operation.parse(" Reciprocal-SQRT "));
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Operation.parse("substract"));
    assertTrue(String.valueOf(e.getMessage()).contains("subtract"), e.getMessage());
    Arithmetic fp16 = nearest(Formats.FP16);
    assertThrows(IllegalArgumentException.class, () -> Operation.ADD.apply(fp16, 1));
    assertThrows(IllegalArgumentException.class, () -> fp16.dot(new int[] {1}, new int[] {1, 2}));
  }

  /** sqrt(9 * 2^-81) is 3 * 2^-41 * 2^(1/2): the very border between zero and the smallest. */
  @Test
  void rootsThatAreBordersOfLogarithmicFormatsAreDecided() {
    NumericFormat logarithmic = Formats.parse("lns:b8g2");
    Projection projection =
        new Projection(
            Rounding.stochastic(8).linear(), logarithmic.defaultProjection().saturation());
    int x = Formats.BF16.encode(9 * 0x1p-81, Formats.BF16.defaultProjection());
    Arithmetic arithmetic = Arithmetic.of(Formats.BF16, logarithmic, projection);
    for (int r = 0; r < 256; r++) {
      double root = 3 * Math.sqrt(2) * 0x1p-41;
      double smallest = logarithmic.decodeDouble(1);
      double fraction = root / smallest * 256; // rounded to even at halves, where the border is
      int code = arithmetic.withRandomWord(r << 24).sqrt(x);
      if (Math.abs(fraction + r - 255.5) > 0.01) {
        assertEquals(fraction + r > 255.5 ? 1 : 0, code);
      }
    }
  }
}
