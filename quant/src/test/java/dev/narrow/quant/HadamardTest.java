package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.RandomBits;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class HadamardTest {
  @Property(tries = 100)
  void theFastTransformIsTheMatrix(@ForAll @IntRange(min = 0, max = 6) int log, @ForAll long seed) {
    int size = 1 << log;
    float[] values = gaussian(2 * 3 * size, seed);
    float[] rotated = new Hadamard(size, seed).rotate(Tensor.of(values, 2, 3 * size)).toFloats();
    for (int i = 0; i < values.length; i++) {
      int block = i / size * size;
      double sum = 0;
      for (int j = 0; j < size; j++) {
        int sign = new RandomBits(seed, 1).word((block + j) % (3 * size)) & 1;
        int parity = Integer.bitCount(i % size & j) + sign; // Sylvester: (-1)^(i . j)
        sum += parity % 2 == 0 ? values[block + j] : -values[block + j];
      }
      assertEquals(sum / Math.sqrt(size), rotated[i], 1e-6 * size);
    }
  }

  @Property(tries = 100)
  void rotatingBackUndoesIt(@ForAll @IntRange(min = 0, max = 10) int log, @ForAll long seed) {
    Hadamard rotation = new Hadamard(1 << log, seed);
    float[] values = gaussian(2 << log, seed);
    Tensor tensor = Tensor.of(values, 2, 1 << log);
    assertArrayEquals(values, rotation.rotateBack(rotation.rotate(tensor)).toFloats(), 2e-6f);
    assertArrayEquals(gaussian(2 << log, seed), values, "the tensor itself has not changed");
  }

  @Property(tries = 50)
  void weightsAndActivationsRotatedAlikeGiveTheSameOutputs(@ForAll long seed) {
    Hadamard rotation = new Hadamard(16, seed);
    Tensor weight = Tensor.of(gaussian(5 * 48, seed), 5, 48);
    Tensor activations = Tensor.of(gaussian(7 * 48, seed + 1), 7, 48);
    double[] outputs = outputs(weight, activations);
    double[] rotated = outputs(rotation.rotate(weight), rotation.rotate(activations));
    assertArrayEquals(outputs, rotated, 1e-5);
  }

  @Test
  void anOutlierIsSpreadOverItsBlock() {
    float[] values = new float[64];
    values[5] = 8;
    float[] rotated = new Hadamard(64, 0).rotate(Tensor.of(values, 64)).toFloats();
    for (float x : rotated) {
      assertEquals(1f, Math.abs(x));
    }
  }

  @Test
  void bothSignsOccurAndDependOnTheSeed() {
    float[] ones = new float[256];
    Arrays.fill(ones, 1f);
    float[] signs = new Hadamard(1, 0).rotate(Tensor.of(ones, 256)).toFloats();
    int negative = 0;
    for (float sign : signs) {
      negative += sign < 0 ? 1 : 0;
    }
    assertTrue(negative > 90 && negative < 166, negative + " of 256");
    float[] others = new Hadamard(1, 1).rotate(Tensor.of(ones, 256)).toFloats();
    assertTrue(!Arrays.equals(signs, others));
  }

  @Test
  void impossibleSizesAreRefused() {
    for (int size : new int[] {0, -4, 12, 1 << 21}) {
      assertThrows(IllegalArgumentException.class, () -> new Hadamard(size, 0));
    }
    Tensor odd = Tensor.zeros(2, 40);
    var refused =
        assertThrows(IllegalArgumentException.class, () -> new Hadamard(16, 0).rotate(odd));
    assertEquals(
        "shape = [2, 40], expected an innermost extent that is a multiple of 16",
        refused.getMessage());
  }

  private static double[] outputs(Tensor weight, Tensor activations) {
    float[] w = weight.toFloats();
    float[] x = activations.toFloats();
    int n = weight.shape().dim(1);
    int out = weight.shape().dim(0);
    double[] outputs = new double[activations.shape().dim(0) * out];
    for (int i = 0; i < outputs.length; i++) {
      for (int k = 0; k < n; k++) {
        outputs[i] += (double) x[i / out * n + k] * w[i % out * n + k];
      }
    }
    return outputs;
  }

  private static float[] gaussian(int n, long seed) {
    Random random = new Random(seed);
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
