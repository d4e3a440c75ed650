package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class CalibrationTest {
  private static final Calibration.MinError MIN_ERROR = new Calibration.MinError();
  private static final List<Calibration> ALL =
      List.of(
          new Calibration.Amax(),
          new Calibration.Percentile(90),
          MIN_ERROR,
          new Calibration.KlDivergence(64));

  private static Quantizer by(Calibration calibration, NumericFormat format, ScaleRule rule) {
    return Quantizer.of(format).with(Scaling.of(rule).with(calibration)).with(Saturation.OCP_SAT);
  }

  /** A quantizer whose scale is amax itself. */
  private static float amax(Calibration calibration, NumericFormat format, float... values) {
    return by(calibration, format, ScaleRule.AMAX).scales(Tensor.of(values, values.length)).get(0);
  }

  /** What becomes the largest value of the format. */
  private static double threshold(Calibration calibration, NumericFormat format, float[] values) {
    Quantizer quantizer = by(calibration, format, ScaleRule.AMAX_TO_MAX_FINITE);
    float scale = quantizer.scales(Tensor.of(values, values.length)).get(0);
    return (double) scale * format.maxFinite();
  }

  @Test
  void percentilesAreThoseOfNumPy() throws IOException {
    try (InputStream in = CalibrationTest.class.getResourceAsStream("percentile.txt")) {
      String text = new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
      List<String> lines = text.lines().toList();
      assertEquals(42, lines.size());
      for (String line : lines) {
        String[] words = line.split(" ", 3);
        float[] values = new float[Integer.parseInt(words[0])];
        for (int i = 0; i < values.length; i++) {
          values[i] = ((i * 7919 + 13) % 1009 - 504) * 0.37f;
        }
        float expected = Float.intBitsToFloat(Integer.parseUnsignedInt(words[2], 16));
        Calibration percentile = new Calibration.Percentile(Double.parseDouble(words[1]));
        assertEquals(expected, amax(percentile, Formats.INT8, values), line);
      }
    }
  }

  @Test
  void ofMostlyZerosThePercentileIsTheLargest() {
    assertEquals(3f, amax(new Calibration.Percentile(50), Formats.INT8, 0, 0, 0, 3, -2));
  }

  @Test
  void groupsWithoutAnythingToMeasureHaveTheScaleOfZero() {
    for (Calibration calibration : ALL) {
      Quantizer quantizer =
          by(calibration, Formats.INT8, ScaleRule.AMAX).with(new Granularity.PerBlock(-1, 2));
      float[] values = {0, -0f, Float.NaN, Float.POSITIVE_INFINITY, Float.NaN, 5, 0, 7};
      Scales scales = quantizer.scales(Tensor.of(values, 8));
      assertEquals(1f, scales.get(0), calibration + ": all zero");
      assertEquals(1f, scales.get(1), calibration + ": nothing finite");
      assertEquals(5f, scales.get(2), 0.2f, calibration + ": one finite");
    }
  }

  @Test
  void aTensorWithoutElementsHasNoScaleToFind() {
    for (Calibration calibration : ALL) {
      Quantizer quantizer =
          by(calibration, Formats.INT8, ScaleRule.AMAX).with(new Granularity.PerAxis(1));
      assertEquals(0, quantizer.scales(Tensor.zeros(3, 0)).count());
      assertEquals(3, quantizer.scales(Tensor.zeros(0, 3)).count());
    }
  }

  @Property(tries = 200)
  void elementsOfAScaleAreGatheredWhereverTheyLie(
      @ForAll("calibrations") Calibration calibration,
      @ForAll("granularities") Granularity granularity,
      @ForAll("formats") NumericFormat format,
      @ForAll long seed) {
    Shape shape = Shape.of(3, 4, 5);
    float[] values = heavyTailed(shape.size(), seed);
    Quantizer quantizer = by(calibration, format, ScaleRule.AMAX_TO_MAX_FINITE);
    Scales together = quantizer.with(granularity).scales(Tensor.of(values, 3, 4, 5));
    for (int scale = 0; scale < together.count(); scale++) {
      List<Float> group = new ArrayList<>();
      for (int i = 0; i < values.length; i++) {
        if (granularity.scale(shape, i) == scale) {
          group.add(values[i]);
        }
      }
      float[] alone = new float[group.size()];
      for (int i = 0; i < alone.length; i++) {
        alone[i] = group.get(i);
      }
      float expected = quantizer.scales(Tensor.of(alone, alone.length)).get(0);
      assertEquals(expected, together.get(scale), calibration + " " + granularity);
    }
  }

  @Property(tries = 300)
  void leastErrorIsNeverMoreThanThatOfAmax(
      @ForAll("formats") NumericFormat format, @ForAll("rules") ScaleRule rule, @ForAll long seed) {
    float[] values = heavyTailed(50, seed);
    double least = squaredError(by(MIN_ERROR, format, rule), values);
    assertTrue(least <= squaredError(by(new Calibration.Amax(), format, rule), values));
  }

  @Property(tries = 50)
  void leastErrorKnowsTwoLevelsAndNarrowScales(@ForAll long seed) {
    float[] values = heavyTailed(64, seed);
    Quantizer blocks =
        by(MIN_ERROR, Formats.E2M1, ScaleRule.AMAX).with(new Granularity.PerBlock(-1, 16));
    Projection clamped = new Projection(Rounding.NEAREST_EVEN, Saturation.OCP_SAT);
    for (Scaling scaling :
        List.of(
            Scaling.e8m0(ScaleRule.POWER_OF_TWO_FLOOR),
            Scaling.of(ScaleRule.AMAX_TO_MAX_FINITE)
                .with(Formats.E4M3FN, clamped)
                .withOuter(new Granularity.PerTensor()))) {
      double least = squaredError(blocks.with(scaling.with(MIN_ERROR)), values);
      double amax = squaredError(blocks.with(scaling), values);
      assertTrue(least <= amax, least + " of " + amax + " " + scaling);
    }
  }

  @Property(tries = 100)
  void noCandidateOfTheCoarseGridDoesBetterThanTheLeastError(
      @ForAll("formats") NumericFormat format, @ForAll long seed) {
    float[] values = heavyTailed(30, seed);
    Quantizer quantizer = by(MIN_ERROR, format, ScaleRule.AMAX_TO_MAX_FINITE);
    double least = squaredError(quantizer, values);
    float amax = amax(new Calibration.Amax(), Formats.INT8, values);
    for (int k = 8; k >= -48; k--) {
      float candidate = (float) (amax * StrictMath.pow(2, k / 8.0));
      float scale = ScaleRule.AMAX_TO_MAX_FINITE.scale(candidate, format);
      assertTrue(least <= squaredError(quantizer, Scales.of(scale), values), "k = " + k);
    }
  }

  @Test
  void clippingPaysWhereOneElementIsFarOut() {
    float[] values = new float[10_000];
    Random random = new Random(1);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    values[7] = 40;
    double clipped =
        squaredError(by(MIN_ERROR, Formats.INT4, ScaleRule.AMAX_TO_MAX_FINITE), values);
    Calibration amax = new Calibration.Amax();
    double unclipped = squaredError(by(amax, Formats.INT4, ScaleRule.AMAX_TO_MAX_FINITE), values);
    assertTrue(clipped < 0.9 * unclipped, clipped + " of " + unclipped);
  }

  @Test
  void aMaximumOnFourMayDoBetterThanOneOnSix() {
    float[] values = {4, 3, 2, 1}; // numbers of E2M1, which spaces 3, 4, 6
    Quantizer quantizer = by(MIN_ERROR, Formats.E2M1, ScaleRule.AMAX_TO_MAX_FINITE);
    assertEquals(1f, quantizer.scales(Tensor.of(values, 4)).get(0), 0.02f);
  }

  @Test
  void whatIsRepresentedExactlyKeepsAmax() {
    float[] values = {127, -5, 3};
    assertEquals(127f, amax(MIN_ERROR, Formats.INT8, 127));
    Quantizer quantizer = by(MIN_ERROR, Formats.INT8, ScaleRule.AMAX_TO_MAX_FINITE);
    assertEquals(1f, quantizer.scales(Tensor.of(values, 3)).get(0));
  }

  @Test
  void chanceDoesNotEnterTheSearch() {
    float[] values = heavyTailed(500, 3);
    for (Calibration calibration : ALL) {
      Quantizer nearest = by(calibration, Formats.INT4, ScaleRule.AMAX_TO_MAX_FINITE);
      Quantizer stochastic = nearest.with(Rounding.stochastic(8));
      Tensor tensor = Tensor.of(values, values.length);
      assertEquals(nearest.scales(tensor), stochastic.scales(tensor));
    }
  }

  @Property(tries = 40)
  void entropyIsThatOfTheDefinition(
      @ForAll("entropyFormats") NumericFormat format, @ForAll long seed) {
    float[] values = heavyTailed(400, seed);
    int bins = 256;
    double[] divergences = EntropyReference.divergences(values, bins, format);
    double least = Double.POSITIVE_INFINITY;
    for (double divergence : divergences) {
      least = Math.min(least, divergence);
    }
    double chosen = threshold(new Calibration.KlDivergence(bins), format, values);
    double width = threshold(new Calibration.Amax(), format, values) / bins;
    int threshold = Math.toIntExact(Math.round(chosen / width));
    assertEquals(threshold * width, chosen, chosen * 1e-6);
    assertEquals(least, divergences[threshold], 1e-9, "threshold " + threshold + " of " + bins);
  }

  @Test
  void entropyClipsAnOutlierOfManyElements() {
    float[] values = new float[100_000];
    Random random = new Random(1);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    values[7] = 40;
    double threshold = threshold(new Calibration.KlDivergence(2048), Formats.INT8, values);
    assertTrue(threshold > 2 && threshold < 10, "threshold " + threshold);
  }

  @Test
  void impossibleParametersAreRefused() {
    for (double percent : new double[] {0, -1, 100.5, Double.NaN}) {
      assertThrows(IllegalArgumentException.class, () -> new Calibration.Percentile(percent));
    }
    assertThrows(IllegalArgumentException.class, () -> new Calibration.KlDivergence(1));
    assertThrows(IllegalArgumentException.class, () -> new Calibration.KlDivergence(1 << 20));
  }

  private static double squaredError(Quantizer quantizer, float[] values) {
    return squaredError(quantizer, quantizer.scales(Tensor.of(values, values.length)), values);
  }

  private static double squaredError(Quantizer quantizer, Scales scales, float[] values) {
    float[] fake = values.clone();
    quantizer.fakeQuantize(Tensor.of(fake, fake.length), scales, null);
    double error = 0;
    for (int i = 0; i < fake.length; i++) {
      error += ((double) values[i] - fake[i]) * ((double) values[i] - fake[i]);
    }
    return error;
  }

  /** The cube of a normal variable: few large elements among many small ones. */
  private static float[] heavyTailed(int n, long seed) {
    Random random = new Random(seed);
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      double x = random.nextGaussian();
      values[i] = (float) (x * x * x);
    }
    return values;
  }

  @Provide
  Arbitrary<Calibration> calibrations() {
    return Arbitraries.of(ALL);
  }

  @Provide
  Arbitrary<Granularity> granularities() {
    return Arbitraries.of(
        new Granularity.PerTensor(),
        new Granularity.PerAxis(0),
        new Granularity.PerAxis(1),
        new Granularity.PerAxis(2),
        new Granularity.PerBlock(2, 2),
        new Granularity.PerBlock(1, 3),
        new Granularity.PerTile(2, 3));
  }

  @Provide
  Arbitrary<NumericFormat> formats() {
    return Arbitraries.of(
        Formats.INT4, Formats.INT8, Formats.E2M1, Formats.E4M3FN, Formats.LNS8, Formats.UINT4);
  }

  @Provide
  Arbitrary<NumericFormat> entropyFormats() {
    return Arbitraries.of(Formats.INT4, Formats.INT8, Formats.E2M1, Formats.parse("lns:b6g4"));
  }

  @Provide
  Arbitrary<ScaleRule> rules() {
    return Arbitraries.of(
        ScaleRule.AMAX_TO_MAX_FINITE, ScaleRule.AMAX_TO_POWER_OF_TWO, ScaleRule.POWER_OF_TWO_FLOOR);
  }
}
