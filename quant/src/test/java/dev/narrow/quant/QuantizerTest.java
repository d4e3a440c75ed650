package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import org.junit.jupiter.api.Test;

class QuantizerTest {
  /** Those that amax decides, in every format. */
  private static final List<ScaleRule> AMAX_RULES =
      Stream.of(ScaleRule.values())
          .filter(r -> r != ScaleRule.MIN_TO_MAX && r != ScaleRule.POWER_OF_TWO_EVEN)
          .toList();

  private static final List<NumericFormat> NARROW =
      Formats.all().stream().filter(f -> f.width() <= 16).toList();

  @Test
  void aPowerOfTwoScaleBringsAmaxJustIntoRange() {
    assertEquals(1f, ScaleRule.AMAX_TO_POWER_OF_TWO.scale(448, Formats.E4M3FN));
    assertEquals(2f, ScaleRule.AMAX_TO_POWER_OF_TWO.scale(448.1f, Formats.E4M3FN));
    assertEquals(0x1p-9f, ScaleRule.AMAX_TO_POWER_OF_TWO.scale(0.5f, Formats.E4M3FN));
    assertEquals(1f, ScaleRule.AMAX_TO_POWER_OF_TWO.scale(0, Formats.E4M3FN));
  }

  @Test
  void scalesStayNormalNumbersOrTheLeastOfE8m0() {
    for (ScaleRule rule : AMAX_RULES) {
      float scale = rule.scale(Float.MIN_VALUE, Formats.E5M2);
      assertTrue(scale >= Float.MIN_NORMAL || scale == 0x1p-127f, rule + ": " + scale);
    }
  }

  @Property
  void thePowerOfTwoScaleIsTheSmallestWithoutClipping(
      @ForAll("formats") NumericFormat format, @ForAll("magnitudes") float amax) {
    float scale = ScaleRule.AMAX_TO_POWER_OF_TWO.scale(amax, format);
    assertEquals(0x1p0, scale / Math.scalb(1.0, Math.getExponent((double) scale)), "power of two");
    assertTrue(amax <= (double) format.maxFinite() * scale);
    boolean smallest = amax > (double) format.maxFinite() * scale / 2;
    assertTrue(smallest || scale == 0x1p-127f, "the least of E8M0");
  }

  @Test
  void eachRowHasItsOwnScale() {
    Tensor values = Tensor.of(new float[] {448, 1, 0.5f, 0.25f}, 2, 2);
    Quantizer quantizer =
        Quantizer.of(Formats.E4M3FN)
            .with(new Granularity.PerAxis(0))
            .with(ScaleRule.AMAX_TO_MAX_FINITE);
    Tensor quantized = quantizer.quantize(values);
    assertEquals(1f, quantized.scales().get(0));
    assertEquals(0.5f / 448, quantized.scales().get(1));
    assertEquals(quantizer, quantized.quantizer().orElseThrow());
    assertArrayEquals(new float[] {448, 1, 0.5f, 0.25f}, quantized.toFloats(), 1e-7f);
  }

  @Test
  void columnsShareAScaleAcrossRows() {
    Tensor values = Tensor.of(new float[] {1, 100, 2, 300}, 2, 2);
    Quantizer quantizer =
        Quantizer.of(Formats.E5M2)
            .with(new Granularity.PerAxis(1))
            .with(ScaleRule.AMAX_TO_MAX_FINITE);
    Scales scales = quantizer.scales(values);
    assertEquals(2f / 57344, scales.get(0));
    assertEquals(300f / 57344, scales.get(1));
  }

  @Test
  void infinitiesAndNanDoNotDecideTheScale() {
    Tensor values = Tensor.of(new float[] {Float.NEGATIVE_INFINITY, Float.NaN, 3}, 3);
    Quantizer quantizer = Quantizer.of(Formats.LNS8).with(ScaleRule.AMAX_TO_POWER_OF_TWO);
    assertEquals(
        quantizer.scales(Tensor.of(new float[] {3}, 1)).get(0), quantizer.scales(values).get(0));
    quantizer.fakeQuantize(values);
    float[] after = values.toFloats();
    assertTrue(
        Float.isNaN(after[0]) && Float.isNaN(after[1]) && after[2] > 2.8f, "LNS8 has no infinity");
  }

  @Property
  void fakeQuantizationIsWhatTheCodesStandFor(
      @ForAll("formats") NumericFormat format,
      @ForAll("rules") ScaleRule rule,
      @ForAll("values") float[] values) {
    Quantizer quantizer =
        Quantizer.of(format).with(rule).with(Saturation.OCP_SAT).with(new Granularity.PerAxis(0));
    float[] fake = values.clone();
    quantizer.fakeQuantize(Tensor.of(fake, 3, values.length / 3));
    float[] decoded = quantizer.quantize(Tensor.of(values, 3, values.length / 3)).toFloats();
    for (int i = 0; i < values.length; i++) {
      boolean hasZero = format.decode(format.encode(0f, format.defaultProjection())) == 0;
      if (values[i] != 0 || hasZero) { // without a code for it, a zero is kept
        assertEquals(decoded[i], fake[i]);
      }
    }
  }

  @Property
  void quantizingTwiceChangesNothing(
      @ForAll("formats") NumericFormat format, @ForAll("values") float[] values) {
    Quantizer quantizer =
        Quantizer.of(format).with(ScaleRule.AMAX_TO_POWER_OF_TWO).with(Saturation.OCP_SAT);
    Tensor tensor = Tensor.of(values, values.length);
    Scales scales = quantizer.fakeQuantize(tensor);
    float[] once = values.clone();
    quantizer.fakeQuantize(tensor, scales, null);
    assertArrayEquals(once, values);
  }

  @Property
  void scalingTheInputByAPowerOfTwoScalesTheOutput(
      @ForAll("formats") NumericFormat format, @ForAll("values") float[] values) {
    Quantizer quantizer = Quantizer.of(format).with(ScaleRule.AMAX_TO_POWER_OF_TWO);
    float[] larger = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      larger[i] = values[i] * 1024;
    }
    quantizer.fakeQuantize(Tensor.of(values, values.length));
    quantizer.fakeQuantize(Tensor.of(larger, larger.length));
    for (int i = 0; i < values.length; i++) {
      assertEquals(values[i] * 1024, larger[i]);
    }
  }

  @Test
  void memoryOffTheHeapIsQuantizedLikeAnArray() {
    float[] values = {0.1f, -7, 1e-3f, 500};
    try (Arena arena = Arena.ofConfined()) {
      var memory = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
      Quantizer quantizer = Quantizer.of(Formats.E4M3FN).with(ScaleRule.AMAX_TO_MAX_FINITE);
      quantizer.fakeQuantize(Tensor.of(memory, 4));
      quantizer.fakeQuantize(Tensor.of(values, 4));
      assertArrayEquals(values, memory.toArray(ValueLayout.JAVA_FLOAT));
    }
  }

  @Test
  void stochasticRoundingDependsOnSeedAndStreamAlone() {
    Quantizer quantizer = Quantizer.of(Formats.E4M3FN).with(Rounding.stochastic(8));
    float[] a = noise();
    float[] b = noise();
    float[] other = noise();
    quantizer.fakeQuantize(Tensor.of(a, a.length), new RandomBits(1, 2));
    quantizer.fakeQuantize(Tensor.of(b, b.length), new RandomBits(1, 2));
    quantizer.fakeQuantize(Tensor.of(other, other.length), new RandomBits(1, 3));
    assertArrayEquals(a, b);
    assertNotEquals(Arrays.toString(a), Arrays.toString(other));
    assertThrows(
        IllegalArgumentException.class, () -> quantizer.fakeQuantize(Tensor.of(a, a.length)));
  }

  /** Element i takes word i, whatever shares its scale and whether codes or values are made. */
  @Test
  void theRandomWordOfAnElementIsThatOfItsIndex() {
    Quantizer whole = Quantizer.of(Formats.E4M3FN).with(Rounding.stochastic(8));
    RandomBits random = new RandomBits(5, 6);
    float[] expected = noise();
    for (int i = 0; i < expected.length; i++) {
      int code = Formats.E4M3FN.encode(expected[i], whole.projection(), random.word(i));
      expected[i] = Formats.E4M3FN.decode(code);
    }
    float[] fake = noise();
    whole.fakeQuantize(Tensor.of(fake, 10, 10), random);
    assertArrayEquals(expected, fake);
    float[] rows = noise();
    whole.with(new Granularity.PerAxis(0)).fakeQuantize(Tensor.of(rows, 10, 10), random);
    assertArrayEquals(expected, rows);
    assertArrayEquals(expected, whole.quantize(Tensor.of(noise(), 10, 10), random).toFloats());
  }

  /** The middle axis of three: element (i, j, k) takes scale j. */
  @Test
  void theMiddleAxisOfThreeHasScales() {
    float[] values = new float[2 * 3 * 4];
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.scalb(1f, i / 4 % 3) * (i % 4 + 1);
    }
    Quantizer quantizer =
        Quantizer.of(Formats.E5M2)
            .with(new Granularity.PerAxis(1))
            .with(ScaleRule.AMAX_TO_POWER_OF_TWO);
    Tensor quantized = quantizer.quantize(Tensor.of(values, 2, 3, 4));
    assertEquals(2 * quantized.scales().get(0), quantized.scales().get(1));
    assertEquals(4 * quantized.scales().get(0), quantized.scales().get(2));
    assertArrayEquals(values, quantized.toFloats());
  }

  /** Rounded away from zero, a quotient above the largest value would become NaN. */
  @Property
  void amaxBecomesTheLargestCode(
      @ForAll("formats") NumericFormat format, @ForAll("magnitudes") float amax) {
    Assume.that(format.maxFinite() < 1e30f); // else the scale is not normal
    for (Rounding rounding :
        List.of(Rounding.NEAREST_EVEN, Rounding.TOWARD_POSITIVE, Rounding.TO_ODD)) {
      float[] values = {amax};
      Quantizer quantizer = Quantizer.of(format).with(ScaleRule.AMAX_TO_MAX_FINITE).with(rounding);
      float scale = quantizer.fakeQuantize(Tensor.of(values, 1)).get(0);
      float quotient = amax / scale;
      assertTrue(
          quotient <= format.maxFinite()
              && quotient >= Math.nextDown(Math.nextDown(format.maxFinite())));
      assertTrue(Float.isFinite(values[0]), format + " " + rounding);
    }
  }

  @Test
  void theLargestFloatsStayFinite() {
    for (NumericFormat format : List.of(Formats.E4M3FN, Formats.E5M2, Formats.LNS8)) {
      float[] values = {Float.MAX_VALUE, -Float.MAX_VALUE, 1};
      Quantizer.of(format)
          .with(ScaleRule.AMAX_TO_POWER_OF_TWO)
          .with(Saturation.OCP_SAT)
          .fakeQuantize(Tensor.of(values, 3));
      assertTrue(Float.isFinite(values[0]) && Float.isFinite(values[1]), format.name());
    }
  }

  private static float[] noise() {
    float[] values = new float[100];
    for (int i = 0; i < values.length; i++) {
      values[i] = 1 + new RandomBits(9, 9).word(i) * 0x1p-33f;
    }
    return values;
  }

  @Provide
  Arbitrary<NumericFormat> formats() {
    return Arbitraries.of(NARROW);
  }

  @Provide
  Arbitrary<ScaleRule> rules() {
    return Arbitraries.of(AMAX_RULES);
  }

  @Provide
  Arbitrary<Float> magnitudes() {
    return Arbitraries.integers()
        .between(Float.floatToIntBits(0x1p-60f), Float.floatToIntBits(0x1p60f))
        .map(Float::intBitsToFloat);
  }

  @Provide
  Arbitrary<float[]> values() {
    return Arbitraries.integers()
        .between(1, 9)
        .flatMap(n ->
            Arbitraries.frequencyOf(
                    Tuple.of(1, Arbitraries.of(0f, 1f, -1f, 0x1p-20f)),
                    Tuple.of(9, Arbitraries.floats().between(-300, 300)))
                .array(float[].class)
                .ofSize(3 * n));
  }
}
