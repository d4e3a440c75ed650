package dev.narrow.amp;

import static dev.narrow.amp.Gradients.view;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;
import java.util.function.Consumer;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ClipTest {
  private static void inStep(Gradients gradients, Consumer<Gradients> body) {
    boolean[] ran = {false};
    GradScaler.of(LossScaling.checkOnly())
        .step(
            gradients,
            () -> {
              body.accept(gradients);
              ran[0] = true;
            });
    assertTrue(ran[0]);
  }

  @Test
  void theNormIsThatOfAllGradientsTogether() {
    float[] a = {3};
    float[] b = {0, -4};
    inStep(
        Gradients.of(view("a", a), view("b", b)),
        gradients -> {
          assertEquals(5, Clip.norm(gradients, 10));
          assertArrayEquals(new float[] {3}, a);
          assertEquals(5, Clip.norm(gradients, 2.5f));
          assertArrayEquals(new float[] {1.5f}, a);
          assertArrayEquals(new float[] {0, -2}, b);
        });
  }

  @Test
  void valuesAreBroughtWithinTheLimitOnBothSides() {
    float[] g = {-100, -1, 0.5f, 7};
    inStep(Gradients.of(view("g", g)), gradients -> Clip.value(gradients, 1));
    assertArrayEquals(new float[] {-1, -1, 0.5f, 1}, g);
  }

  /** Squares of such values are beyond float32, above and below. */
  @ParameterizedTest
  @ValueSource(floats = {3e38f, 1e25f, 1e-18f, 1e-25f, 1e-40f})
  void normsAreRightWhereSquaresAreOutOfRange(float value) {
    float[] g = {value * 0.6f, value * 0.8f};
    double expected = Math.hypot(g[0], g[1]);
    inStep(
        Gradients.of(view("g", g)),
        gradients -> {
          assertEquals(
              expected, Clip.norm(gradients, value / 2), expected * 1e-6 + Float.MIN_VALUE);
          assertEquals(value / 2, Math.hypot(g[0], g[1]), value * 1e-6 + 4 * Float.MIN_VALUE);
        });
  }

  /** The squares are exact in decimal, and so is their sum. */
  @Property(tries = 200)
  void theNormIsTheRootOfTheExactSum(
      @ForAll @Size(min = 1, max = 100)
          List<@IntRange(min = -0x1000000, max = 0x1000000) Integer> significands,
      @ForAll @IntRange(min = -160, max = 60) int exponent,
      @ForAll @IntRange(min = -20, max = 20) int limitExponent) {
    float[] g = new float[significands.size()];
    BigDecimal sum = BigDecimal.ZERO;
    for (int i = 0; i < g.length; i++) {
      g[i] = Math.scalb((float) significands.get(i), exponent + i % 5 * 3);
      sum = sum.add(new BigDecimal(g[i]).pow(2));
    }
    double expected = sum.sqrt(MathContext.DECIMAL64).doubleValue();
    float limit = Math.scalb(1f, limitExponent);
    inStep(
        Gradients.of(view("g", g)),
        gradients -> {
          assertEquals(expected, Clip.norm(gradients, limit), expected * 1e-5 + Float.MIN_VALUE);
          double after = Math.min(expected, limit);
          assertEquals(
              after, Clip.norm(gradients, Float.MAX_VALUE), after * 1e-5 + Float.MIN_VALUE);
        });
  }

  @Test
  void gradientsIn16BitsAreClippedWhereTheyAreUnscaled() {
    Tensor codes = Quantizer.of(Formats.FP16).quantize(Tensor.of(new float[] {30, 40}, 2));
    Gradients gradients = Gradients.of(view("g", codes));
    inStep(gradients, g -> assertEquals(50, Clip.norm(g, 5)));
    assertArrayEquals(new float[] {3, 4}, gradients.unscaled("g").toFloats(), 1e-6f);
  }

  @Test
  void limitsThatMakeNoSenseAreRefused() {
    inStep(
        Gradients.of(view("g", new float[] {1})),
        gradients -> {
          for (float limit : new float[] {0, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
            assertThrows(IllegalArgumentException.class, () -> Clip.norm(gradients, limit));
            assertThrows(IllegalArgumentException.class, () -> Clip.value(gradients, limit));
          }
        });
  }
}
