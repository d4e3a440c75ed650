package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.formats.Codec;
import java.util.Arrays;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The error of each recipe on normally distributed numbers, against numerical integration over the
 * distributions of an element and of the largest of a block.
 */
class GaussianSqnrTest {
  private static final int COUNT = 1 << 20;
  private static final double TOLERANCE_DB = 0.05;

  /** Steps of the integrals over an element, and over the largest of a block. */
  private static final int STEPS = 2000;

  private static final int MAXIMA = 500;
  private static final double FAR = 8;

  private static final float[] NORMAL = normal();

  private static float[] normal() {
    Random random = new Random(20261123);
    float[] x = new float[COUNT];
    for (int i = 0; i < COUNT; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  private static double density(double x) {
    return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  }

  private static double measured(Quantizer quantizer, float[] x) {
    float[] y = quantizer.quantize(Tensor.of(x, x.length / 1024, 1024)).toFloats();
    double signal = 0;
    double noise = 0;
    for (int i = 0; i < x.length; i++) {
      signal += (double) x[i] * x[i];
      noise += ((double) x[i] - y[i]) * ((double) x[i] - y[i]);
    }
    return 10 * Math.log10(signal / noise);
  }

  /** The squared errors of a number and of its negative together, under one scale. */
  private static double[] errors(Quantizer quantizer, float scale, double[] x) {
    float[] y = new float[2 * x.length];
    for (int i = 0; i < x.length; i++) {
      y[2 * i] = (float) x[i] / scale;
      y[2 * i + 1] = (float) -x[i] / scale;
    }
    Codec.of(quantizer.format(), quantizer.projection()).quantize(y, 0, y.length, 1f);
    double[] errors = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      errors[i] =
          square(x[i] - (double) y[2 * i] * scale) + square(x[i] + (double) y[2 * i + 1] * scale);
    }
    return errors;
  }

  /** The middles of so many steps from 0 to an end. */
  private static double[] middles(double end, int steps) {
    double[] x = new double[steps];
    for (int i = 0; i < steps; i++) {
      x[i] = (i + 0.5) * end / steps;
    }
    return x;
  }

  /** The expected squared error of numbers up to the largest, where all have this scale. */
  private static double noise(Quantizer quantizer, float scale, double largest) {
    double[] x = middles(largest, 1 << 17);
    double[] errors = errors(quantizer, scale, x);
    double noise = 0;
    for (int i = 0; i < x.length; i++) {
      noise += errors[i] * density(x[i]) * largest / x.length;
    }
    return noise;
  }

  private static double square(double x) {
    return x * x;
  }

  /**
   * The expected squared error of an element of a block of n, whose largest magnitude m has the
   * density n (2 Phi(m) - 1)^(n - 1) 2 phi(m): one element is m, the others lie below it.
   */
  private static double blockNoise(Quantizer quantizer, int n, DoubleUnaryOperator scaleOfAmax) {
    double noise = 0;
    double mass = 0; // 2 Phi(m) - 1
    double step = FAR / MAXIMA;
    for (int k = 0; k < MAXIMA; k++) {
      double m = (k + 0.5) * step;
      double below = mass + density(m) * step; // to the middle of the step
      mass += 2 * density(m) * step;
      double weight = n * Math.pow(below, n - 1) * 2 * density(m) * step;
      if (weight < 1e-9) {
        continue;
      }
      float scale = (float) scaleOfAmax.applyAsDouble(m);
      double[] x = middles(m, STEPS);
      double[] errors = errors(quantizer, scale, x);
      double inner = 0;
      double total = 0;
      for (int i = 0; i < STEPS; i++) {
        inner += errors[i] / 2 * density(x[i]);
        total += density(x[i]);
      }
      double atMost = errors(quantizer, scale, new double[] {m})[0] / 2;
      noise += weight * ((n - 1) * inner / total + atMost) / n;
    }
    return noise;
  }

  private static void assertSqnr(double noise, double measured) {
    assertEquals(-10 * Math.log10(noise), measured, TOLERANCE_DB);
  }

  @ParameterizedTest
  @CsvSource({
    "mxfp8-e4m3, 32",
    "mxfp8-e5m2, 32",
    "mxint8, 32",
    "mxfp6-e2m3, 32",
    "mxfp6-e3m2, 32",
    "mxfp4, 32",
    "mxfp8-e4m3/round-up, 32",
    "mxfp6-e3m2/ceil, 32",
    "mxfp4/even, 32",
    "mxfp4/round-up, 32",
    "fp8-1x128, 128",
    "fp8-128x128, 16384",
    "nf4, 64",
    "lns8-row, 1024",
    "lns8-block, 32",
    "lns4-row, 1024",
    "lns4-block, 32",
    "int4-symmetric/block=32, 32",
    "int8-symmetric/axis=0, 1024"
  })
  void oneLevel(String name, int elementsOfAScale) {
    Quantizer quantizer = Recipes.parse(name);
    DoubleUnaryOperator scale = m -> quantizer.scaleRule().scale((float) m, quantizer.format());
    double noise = blockNoise(quantizer, elementsOfAScale, scale);
    assertSqnr(noise, measured(quantizer, NORMAL));
  }

  /** The scale of a block is rounded to E4M3, under that of the tensor as it is. */
  @ParameterizedTest
  @CsvSource({"nvfp4, 16", "nvfp4-one-level, 16"})
  void scalesInE4m3(String name, int n) {
    Quantizer quantizer = Recipes.parse(name);
    Scales scales = quantizer.scales(Tensor.of(NORMAL, COUNT / 1024, 1024));
    float outer = scales.outer().map(o -> o.get(0)).orElse(1f);
    Codec e4m3 = Codec.of(scales.format(), quantizer.scaling().projection());
    DoubleUnaryOperator scale =
        m -> {
          float[] s = {(float) m / 6 / outer};
          e4m3.quantize(s, 0, 1, 1f);
          return s[0] * outer;
        };
    assertSqnr(blockNoise(quantizer, n, scale), measured(quantizer, NORMAL));
  }

  @Test
  void vectorsWithIntegerScalesUnderARow() {
    Quantizer quantizer = Recipes.parse("vsq4");
    double noise = 0;
    int rows = 16;
    for (int row = 0; row < rows; row++) {
      float[] x = Arrays.copyOfRange(NORMAL, row << 16, (row + 1) << 16);
      Tensor tensor = Tensor.of(x, 1, x.length);
      float outer = quantizer.scales(tensor).outer().orElseThrow().get(0);
      DoubleUnaryOperator scale =
          m -> Math.max(1, Math.rint(m / 7 / outer)) * outer; // 4-bit unsigned integers
      noise += blockNoise(quantizer, 16, scale) / rows;
    }
    float[] x = Arrays.copyOf(NORMAL, rows << 16);
    float[] y = quantizer.quantize(Tensor.of(x, rows, 1 << 16)).toFloats();
    double error = 0;
    for (int i = 0; i < x.length; i++) {
      error += square((double) x[i] - y[i]) / x.length;
    }
    assertEquals(-10 * Math.log10(noise), -10 * Math.log10(error), TOLERANCE_DB);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "fp8",
        "lns8",
        "lns4",
        "int8-symmetric",
        "int4-symmetric",
        "bf16",
        "fp16",
        "e5m2",
        "posit8"
      })
  void oneScaleForTheTensor(String name) {
    Quantizer quantizer = Recipes.parse(name);
    float scale = quantizer.scales(Tensor.of(NORMAL, COUNT)).get(0);
    double largest = 0;
    for (float x : NORMAL) {
      largest = Math.max(largest, Math.abs(x));
    }
    assertSqnr(noise(quantizer, scale, largest), measured(quantizer, NORMAL));
  }

  /** With a zero point the range is the whole one: the step is (max - min) / 255. */
  @ParameterizedTest
  @CsvSource({"int8-asymmetric, 255", "int4-asymmetric, 15"})
  void zeroPoints(String name, int steps) {
    float least = 0;
    float most = 0;
    for (float x : NORMAL) {
      least = Math.min(least, x);
      most = Math.max(most, x);
    }
    double step = ((double) most - least) / steps;
    double noise = 0;
    int cells = 1 << 20;
    double width = (most - (double) least) / cells;
    double point = Math.rint(-least / step);
    for (int i = 0; i < cells; i++) {
      double x = least + (i + 0.5) * width;
      double code = Math.clamp(Math.rint(x / step) + point, 0, steps);
      noise += square(x - (code - point) * step) * density(x) * width;
    }
    assertSqnr(noise, measured(Recipes.parse(name), NORMAL));
  }

  /** Figures of others for blocks of 32, in dB: the rules of OCP MX and of cuBLAS. */
  @ParameterizedTest
  @CsvSource({
    "mxfp8-e4m3, 30.65, 31.52",
    "mxfp6-e3m2, 25.36, 25.54",
    "mxfp6-e2m3, 30.94, 30.96",
    "mxfp4, 18.79, 18.76"
  })
  void theKnownFiguresComeOut(String name, double floor, double roundUp) {
    assertEquals(floor, measured(Recipes.parse(name), NORMAL), TOLERANCE_DB);
    assertEquals(roundUp, measured(Recipes.parse(name + "/round-up"), NORMAL), TOLERANCE_DB);
  }
}
