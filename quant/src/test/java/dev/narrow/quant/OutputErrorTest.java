package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class OutputErrorTest {
  @Property(tries = 50)
  void normsAreThoseOfTheProducts(
      @ForAll @IntRange(min = 1, max = 9) int out,
      @ForAll @IntRange(min = 1, max = 40) int in,
      @ForAll @IntRange(min = 1, max = 150) int samples,
      @ForAll long seed) {
    Random random = new Random(seed);
    Tensor weight = gaussian(random, out, in);
    Tensor activations = gaussian(random, samples, in);
    Tensor quantized =
        Quantizer.of(Formats.INT4).with(ScaleRule.AMAX_TO_MAX_FINITE).quantize(weight);
    float[] w = weight.toFloats();
    float[] after = quantized.toFloats();
    float[] x = activations.toFloats();
    double error = 0;
    double reference = 0;
    for (int s = 0; s < samples; s++) {
      for (int o = 0; o < out; o++) {
        double before = 0;
        double difference = 0;
        for (int i = 0; i < in; i++) {
          before += (double) x[s * in + i] * w[o * in + i];
          difference += (double) x[s * in + i] * ((double) w[o * in + i] - after[o * in + i]);
        }
        reference += before * before;
        error += difference * difference;
      }
    }
    OutputError measured = OutputError.measure(weight, quantized, activations);
    assertEquals(Math.sqrt(error), measured.error(), 1e-12 * Math.sqrt(error));
    assertEquals(Math.sqrt(reference), measured.reference(), 1e-12 * Math.sqrt(reference));
    assertEquals(Math.sqrt(error / reference), measured.relative(), 1e-11);
  }

  @Test
  void nothingChangedIsNoError() {
    Tensor weight = gaussian(new Random(1), 3, 4);
    OutputError same = OutputError.measure(weight, weight, gaussian(new Random(2), 5, 4));
    assertEquals(0, same.error());
    assertEquals(0, same.relative());
    assertTrue(Double.isNaN(OutputError.measure(weight, weight, Tensor.zeros(5, 4)).relative()));
  }

  @Test
  void shapesThatDoNotFitAreRefused() {
    Tensor weight = Tensor.zeros(3, 4);
    Tensor activations = Tensor.zeros(5, 4);
    assertThrows(
        IllegalArgumentException.class,
        () -> OutputError.measure(weight, Tensor.zeros(4, 3), activations));
    var refused =
        assertThrows(
            IllegalArgumentException.class,
            () -> OutputError.measure(weight, weight, Tensor.zeros(5, 3)));
    assertEquals(
        "activations = fp32[5, 3], expected [samples, 4] with 1 sample or more"
            + " for weight = fp32[3, 4]",
        refused.getMessage());
  }

  private static Tensor gaussian(Random random, int rows, int columns) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensor.of(values, rows, columns);
  }
}
