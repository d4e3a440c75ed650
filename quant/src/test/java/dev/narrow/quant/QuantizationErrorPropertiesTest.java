package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.Saturation;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;

/** Laws of the error report, over formats and granularities of all kinds. */
@Tag("scalar")
@Tag("simd")
class QuantizationErrorPropertiesTest {
  @Provide
  Arbitrary<Quantizer> quantizers() {
    Granularity rows = new Granularity.PerAxis(0);
    Granularity columns = new Granularity.PerAxis(1);
    Granularity blocks = new Granularity.PerBlock(-1, 16);
    return Arbitraries.of(
        Quantizer.of(Formats.FP32),
        Quantizer.of(Formats.BF16).with(rows).with(ScaleRule.AMAX),
        Quantizer.of(Formats.FP16),
        Quantizer.of(Formats.TF32).with(new Granularity.PerBlock(0, 3)).with(ScaleRule.AMAX),
        Quantizer.of(Formats.E4M3FN).with(ScaleRule.AMAX_TO_MAX_FINITE),
        Quantizer.of(Formats.E5M2).with(columns).with(ScaleRule.AMAX_TO_POWER_OF_TWO),
        Quantizer.of(Formats.E5M2FNUZ).with(new Granularity.PerTile(3, 7)).with(ScaleRule.AMAX),
        Quantizer.of(Formats.E4M3FN)
            .with(new Granularity.PerBlock(-1, 32))
            .with(Scaling.e8m0(ScaleRule.POWER_OF_TWO_FLOOR)),
        Quantizer.of(Formats.E2M1)
            .with(Saturation.OCP_SAT)
            .with(blocks)
            .with(ScaleRule.AMAX_TO_MAX_FINITE),
        Quantizer.of(Formats.LNS8).with(blocks).with(ScaleRule.AMAX_TO_POWER_OF_TWO),
        Quantizer.of(Formats.LNS8_MADAM).with(rows).with(ScaleRule.AMAX_TO_MAX_FINITE),
        Quantizer.of(Formats.POSIT8).with(rows).with(ScaleRule.AMAX),
        Quantizer.of(Formats.POSIT16),
        Quantizer.of(Formats.NF4).with(blocks).with(ScaleRule.AMAX),
        Quantizer.of(Formats.INT8).with(rows).with(ScaleRule.AMAX_TO_MAX_FINITE),
        Quantizer.of(Formats.INT4).with(blocks).with(Scaling.of(ScaleRule.MIN_TO_MAX)),
        Quantizer.of(Formats.UINT8).with(Scaling.of(ScaleRule.MIN_TO_MAX)),
        Quantizer.of(Formats.UINT8).with(ScaleRule.AMAX_TO_MAX_FINITE),
        Quantizer.of(Formats.BINARY8P1UF),
        Quantizer.of(Formats.E8M0));
  }

  /** Normal numbers among which there may be zeros, very small, very large ones and specials. */
  private static Tensor tensor(long seed, int rows, int columns) {
    Random random = new Random(seed);
    boolean wild = random.nextBoolean();
    float[] x = new float[rows * columns];
    for (int i = 0; i < x.length; i++) {
      x[i] =
          switch (wild ? random.nextInt(12) : 9) {
            case 0 -> 0f;
            case 1 -> Float.intBitsToFloat(random.nextInt());
            case 2 -> (float) (random.nextGaussian() * 1e-6);
            case 3 -> (float) (random.nextGaussian() * 1e4);
            default -> (float) random.nextGaussian();
          };
    }
    return Tensor.of(x, rows, columns);
  }

  @Property(tries = 400)
  void theReportIsWhatTheDefinitionsSay(
      @ForAll long seed,
      @ForAll("quantizers") Quantizer quantizer,
      @ForAll @IntRange(min = 1, max = 9) int rows,
      @ForAll @IntRange(min = 1, max = 40) int columns) {
    Tensor x = tensor(seed, rows, columns);
    Tensor quantized = quantizer.quantize(x);
    QuantizationError error = QuantizationError.measure(x, quantized);
    ErrorOracle expected = new ErrorOracle(x, quantized);
    assertEquals((long) rows * columns, error.count());
    assertEquals(expected.saturated, error.saturated());
    assertEquals(expected.flushed, error.flushed());
    assertEquals(expected.subnormal, error.subnormal());
    assertHistogram(expected.before, error.before());
    assertHistogram(expected.after, error.after());
    assertClose(expected.signal.doubleValue(), error.signal(), 1e-14);
    assertClose(expected.noise.doubleValue(), error.noise(), 1e-14);
    double norms =
        Math.sqrt(expected.signal.doubleValue()) * Math.sqrt(expected.energy.doubleValue());
    assertEquals(expected.product.doubleValue() / norms, error.cosine(), 1e-13);
    assertClose(expected.maxRelative, error.maxRelative(), 3e-7);
    assertClose(expected.sumRelative / expected.relatives, error.meanRelative(), 3e-7);
    assertClose(expected.maxUlps, error.maxUlps(), 1e-5);
    assertClose(expected.sumUlps / expected.ulps, error.meanUlps(), 1e-5);
  }

  private static void assertClose(double expected, double actual, double relative) {
    double most = Math.clamp(expected, -Float.MAX_VALUE, Float.MAX_VALUE);
    if (Double.compare(most, actual) != 0) {
      assertEquals(expected, actual, relative * Math.max(1e-30, Math.abs(expected)));
    }
  }

  private static void assertHistogram(Map<String, Long> expected, ExponentHistogram actual) {
    assertEquals(expected.getOrDefault("zero", 0L), actual.zeros());
    assertEquals(expected.getOrDefault("infinite", 0L), actual.infinities());
    assertEquals(expected.getOrDefault("NaN", 0L), actual.nans());
    assertEquals(expected.getOrDefault("below", 0L), actual.count(ExponentHistogram.MIN_OCTAVE));
    for (int octave = Float.MIN_EXPONENT; octave <= Float.MAX_EXPONENT; octave++) {
      assertEquals(expected.getOrDefault(Integer.toString(octave), 0L), actual.count(octave));
    }
  }

  /** Rows of 4096 elements are chunks: the report of the whole is the parts', bit for bit. */
  @Property(tries = 60)
  void mergedPartsAreTheWhole(
      @ForAll long seed,
      @ForAll("quantizers") Quantizer quantizer,
      @ForAll @IntRange(min = 1, max = 4) int blocks,
      @ForAll @IntRange(min = 0, max = 5) int rest) {
    int rows = 3 * blocks + rest % 3;
    Tensor x = tensor(seed, rows, 4096);
    Tensor quantized = quantizer.quantize(x);
    QuantizationError merged = QuantizationError.NONE;
    for (int from = 0; from < rows; from += 3) { // from the last to the first
      int last = (rows - 1) / 3 * 3 - from;
      int to = Math.min(last + 3, rows);
      QuantizationError part =
          QuantizationError.measure(x.slice(last, to), quantized.slice(last, to));
      merged = part.merge(merged);
    }
    assertEquals(QuantizationError.measure(x, quantized), merged);
    assertEquals(QuantizationError.measure(x, quantized).hashCode(), merged.hashCode());
  }

  /** Cut anywhere: counts, maxima and histograms are the same, sums up to rounding. */
  @Property(tries = 60)
  void partsOfAnySizeAgreeInAllButTheLastBitsOfSums(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 200) int cut) {
    Tensor x = tensor(seed, 201, 33);
    Tensor quantized = Quantizer.of(Formats.E4M3FN).with(new Granularity.PerAxis(0)).quantize(x);
    QuantizationError whole = QuantizationError.measure(x, quantized);
    QuantizationError merged =
        QuantizationError.measure(x.slice(0, cut), quantized.slice(0, cut))
            .merge(QuantizationError.measure(x.slice(cut, 201), quantized.slice(cut, 201)));
    assertEquals(whole.before(), merged.before());
    assertEquals(whole.after(), merged.after());
    assertEquals(whole.saturated(), merged.saturated());
    assertEquals(whole.flushed(), merged.flushed());
    assertEquals(whole.subnormal(), merged.subnormal());
    assertEquals(whole.maxRelative(), merged.maxRelative());
    assertEquals(whole.maxUlps(), merged.maxUlps());
    assertClose(whole.noise(), merged.noise(), 0x1p-45);
    assertClose(whole.meanUlps(), merged.meanUlps(), 0x1p-45);
  }

  @Property(tries = 200)
  void fakeQuantizationIsMeasuredLikeCodes(
      @ForAll long seed, @ForAll("quantizers") Quantizer quantizer) {
    Tensor x = tensor(seed, 5, 33);
    Tensor quantized = quantizer.quantize(x);
    Tensor fake = quantized.toFp32();
    QuantizationError expected = QuantizationError.measure(x, quantized);
    QuantizationError actual = QuantizationError.measure(x, fake, quantizer, quantized.scales());
    assertEquals(expected.before(), actual.before());
    assertEquals(expected.after(), actual.after());
    assertEquals(expected.sqnrDb(), actual.sqnrDb());
    assertEquals(expected.saturated(), actual.saturated());
    assertEquals(expected.flushed(), actual.flushed());
    assertEquals(expected.meanRelative(), actual.meanRelative());
  }

  /** Powers of two change nothing but the octaves. */
  @Property(tries = 100)
  void aPowerOfTwoLeavesRatiosAlone(
      @ForAll long seed, @ForAll @IntRange(min = -20, max = 20) int power) {
    Quantizer quantizer = Quantizer.of(Formats.E4M3FN).with(ScaleRule.AMAX_TO_POWER_OF_TWO);
    float[] values = new float[500];
    float[] scaled = new float[500];
    Random random = new Random(seed);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
      scaled[i] = Math.scalb(values[i], power);
    }
    Tensor x = Tensor.of(values, 500);
    Tensor y = Tensor.of(scaled, 500);
    QuantizationError one = QuantizationError.measure(x, quantizer.quantize(x));
    QuantizationError other = QuantizationError.measure(y, quantizer.quantize(y));
    assertEquals(one.sqnrDb(), other.sqnrDb(), 1e-12);
    assertEquals(one.cosine(), other.cosine(), 1e-15);
    assertEquals(one.maxRelative(), other.maxRelative());
    assertEquals(one.meanRelative(), other.meanRelative());
    assertEquals(one.maxUlps(), other.maxUlps());
    assertEquals(one.meanUlps(), other.meanUlps());
    assertEquals(one.divergence(), other.divergence(), 1e-12);
    assertEquals(one.subnormal(), other.subnormal());
  }

  @Property(tries = 100)
  void theRatioIsInfiniteIfAndOnlyIfNothingChanged(@ForAll long seed) {
    Tensor x = tensor(seed, 4, 25);
    Tensor same = Quantizer.of(Formats.FP32).quantize(x);
    assertEquals(Double.POSITIVE_INFINITY, QuantizationError.measure(x, same).sqnrDb());
    float[] other = x.toFloats();
    for (int i = 0; i < other.length; i++) {
      if (Float.isFinite(other[i])) {
        other[i] = Float.intBitsToFloat(Float.floatToRawIntBits(other[i]) ^ 1);
        double sqnr = QuantizationError.measure(x, Tensor.of(other, 4, 25)).sqnrDb();
        assertTrue(sqnr < Double.POSITIVE_INFINITY);
        return;
      }
    }
  }

  /** Rounding to nearest is off by half an ulp at most, wherever it does not saturate. */
  @Property(tries = 100)
  void nearestIsWithinHalfAnUlp(@ForAll long seed) {
    Tensor x = tensor(seed, 7, 33);
    for (var format : List.of(Formats.E4M3FN, Formats.E2M1, Formats.FP16, Formats.INT8)) {
      Quantizer quantizer = Quantizer.of(format).with(new Granularity.PerBlock(-1, 16));
      Quantizer scaled = quantizer.with(ScaleRule.AMAX_TO_MAX_FINITE);
      assertTrue(QuantizationError.measure(x, quantizer.quantize(x)).maxUlps() <= 0.5);
      assertTrue(QuantizationError.measure(x, scaled.quantize(x)).maxUlps() <= 0.5);
    }
  }

  @Example
  void reportsTravelBetweenProcesses() throws IOException, ClassNotFoundException {
    Tensor x = tensor(1, 10, 10);
    QuantizationError error =
        QuantizationError.measure(x, Quantizer.of(Formats.E4M3FN).quantize(x));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(error);
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      assertEquals(error, in.readObject());
    }
  }
}
