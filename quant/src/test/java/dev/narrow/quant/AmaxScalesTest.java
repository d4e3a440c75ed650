package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Scales from largest magnitudes that somebody else has found, and moments from sums. */
class AmaxScalesTest {
  private static final Tensor VALUES = values();

  private static Tensor values() {
    Random random = new Random(5);
    float[] x = new float[6 * 256];
    for (int i = 0; i < x.length; i++) {
      int block = i / 16;
      x[i] = (float) random.nextGaussian() * Math.scalb(1f, block % 40 - 20);
      x[i] = block % 7 == 3 ? 0 : random.nextInt(50) == 0 ? Float.POSITIVE_INFINITY : x[i];
    }
    return Tensor.of(x, 6, 256);
  }

  static List<String> recipes() {
    return Recipes.names();
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void scalesFollowFromAmax(String name) {
    Quantizer quantizer = Recipes.parse(name);
    float[] amax = quantizer.granularity().amax(VALUES);
    if (quantizer.scalesFollowFromAmax()) {
      assertEquals(quantizer.scales(VALUES), quantizer.scales(VALUES.shape(), amax));
    } else {
      assertThrows(
          IllegalArgumentException.class, () -> quantizer.scales(VALUES.shape(), amax), name);
    }
  }

  @Test
  void otherThingsThanAmaxMayDecide() {
    assertTrue(Recipes.parse("nvfp4").scalesFollowFromAmax());
    assertFalse(Recipes.parse("int8-asymmetric").scalesFollowFromAmax());
    assertFalse(Recipes.parse("e4m3fn/mse").scalesFollowFromAmax());
    Quantizer mx = Recipes.parse("mxfp8");
    assertFalse(mx.with(mx.scaling().with(Scaling.NonFinite.NAN_SCALE)).scalesFollowFromAmax());
  }

  @Test
  void unscaledIsOne() {
    Quantizer quantizer = Quantizer.of(Formats.FP16);
    assertEquals(Scales.one(), quantizer.scales(Shape.of(3), new float[] {7}));
  }

  private static void assertRefuses(String message, float... amax) {
    Quantizer quantizer = Recipes.parse("lns8-row");
    Throwable thrown =
        assertThrows(IllegalArgumentException.class, () -> quantizer.scales(Shape.of(2, 3), amax));
    assertTrue(String.valueOf(thrown.getMessage()).contains(message), thrown::toString);
  }

  @Test
  void refusesWhatIsNoAmax() {
    assertRefuses("amax has 3 values, expected 2 for shape [2, 3]", 1, 2, 3);
    assertRefuses("amax[1] = NaN", 1, Float.NaN);
    assertRefuses("amax[0] = -1.0", -1, 1);
    assertRefuses("amax[0] = Infinity", Float.POSITIVE_INFINITY, 1);
  }

  @Test
  void amaxIsTheLargestFiniteMagnitude() {
    Tensor x = Tensor.of(new float[] {1, -3, Float.NaN, 0, Float.NEGATIVE_INFINITY, 0}, 2, 3);
    assertArrayEquals(new float[] {3, 0}, new Granularity.PerAxis(0).amax(x));
    assertArrayEquals(new float[] {3}, new Granularity.PerTensor().amax(x));
  }

  /** The definition of the threshold gives the scale of the rule. */
  @Test
  void thresholdsDecideBetweenPowersOfTwo() {
    for (NumericFormat format : List.of(Formats.E4M3FN, Formats.E5M2, Formats.E2M1, Formats.INT8)) {
      for (ScaleRule rule : ScaleRule.values()) {
        if (!rule.isPowerOfTwo()) {
          assertThrows(IllegalArgumentException.class, () -> rule.threshold(format));
          continue;
        }
        for (float amax = 1; amax < 4; amax += 0x1p-7f) {
          long fraction = Double.doubleToRawLongBits(amax) & ((1L << 52) - 1);
          int exponent = Math.getExponent(amax) - Math.getExponent(format.maxFinite());
          exponent += fraction >= rule.threshold(format) ? 1 : 0;
          assertEquals(Math.scalb(1f, exponent), rule.scale(amax, format));
        }
      }
    }
  }

  @Test
  void momentsAreThoseOfTheReport() {
    Tensor codes = Recipes.parse("mxfp8").quantize(VALUES);
    QuantizationError report = QuantizationError.measure(VALUES, codes);
    ErrorMoments moments = report.moments();
    assertEquals(report.sqnrDb(), moments.sqnrDb());
    assertEquals(report.cosine(), moments.cosine());
    assertEquals(report.signal(), moments.signal());
    assertEquals(report.noise(), moments.noise());
    assertEquals(VALUES.shape().size(), moments.count());
    assertTrue(moments.finiteBefore() < moments.count());
    assertEquals(report.lost(), moments.lost());
  }

  @Test
  void chunksAddUpExactly() {
    double[] chunks = {1e300, 1, 1, 0, 1, 2, -1, 0.5, -1e300, 4, 0, 0.25};
    ErrorMoments moments = ErrorMoments.ofChunks(2 * 4096 + 1, 8193, 0, chunks);
    assertEquals(new ErrorMoments(8193, 8193, 0, 1, 7, 0, 0.75), moments);
    Throwable thrown =
        assertThrows(
            IllegalArgumentException.class, () -> ErrorMoments.ofChunks(4096, 0, 0, chunks));
    assertTrue(
        String.valueOf(thrown.getMessage()).contains("expected 4 for 4096"), thrown::toString);
  }

  @Test
  void ratiosOfNothing() {
    ErrorMoments nothing = ErrorMoments.ofChunks(0, 0, 0, new double[0]);
    assertEquals(Double.NaN, nothing.sqnrDb());
    assertEquals(Double.NaN, nothing.cosine());
    ErrorMoments lost = new ErrorMoments(2, 2, 1, 1, 1, 1, 0);
    assertEquals(Double.NEGATIVE_INFINITY, lost.sqnrDb());
    assertEquals(Double.POSITIVE_INFINITY, new ErrorMoments(1, 1, 0, 1, 1, 1, 0).sqnrDb());
  }

  /** An infinity under a factor of zero has no quotient: its code is that of the canonical NaN. */
  @Test
  void infinityUnderZeroIsTheCanonicalNan() {
    Quantizer quantizer = Recipes.parse("e4m3fn");
    Tensor x = Tensor.of(new float[] {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 1}, 3);
    Tensor codes = quantizer.quantize(x, Scales.of(0f), null);
    int nan = Formats.E4M3FN.encode(Float.NaN, quantizer.projection());
    byte[] expected = {(byte) nan, (byte) nan, 0};
    assertArrayEquals(expected, codes.storage().segment().toArray(ValueLayout.JAVA_BYTE));
  }
}
