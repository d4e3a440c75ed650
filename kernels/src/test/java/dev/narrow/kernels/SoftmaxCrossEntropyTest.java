package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;

@Tag("scalar")
@Tag("simd")
class SoftmaxCrossEntropyTest {
  private static final Kernels KERNELS = KernelProvider.kernels();

  private static float[] logits(Data data, int n) {
    float[] x = data.uniform(n);
    for (int i = 0; i < n; i++) {
      x[i] *= 8f;
    }
    return x;
  }

  private static int[] labels(Data data, int rows, int columns) {
    int[] labels = new int[rows];
    for (int i = 0; i < rows; i++) {
      labels[i] = data.below(columns);
    }
    return labels;
  }

  private static double loss(double[] x, int[] labels, int columns) {
    double total = 0;
    for (int i = 0; i < labels.length; i++) {
      double sum = 0;
      for (int j = 0; j < columns; j++) {
        sum += StrictMath.exp(x[i * columns + j]);
      }
      total += StrictMath.log(sum) - x[i * columns + labels[i]];
    }
    return total / labels.length;
  }

  @Property(tries = 200)
  void vectorsGiveTheBitsOfTheScalarDefinition(
      @ForAll @IntRange(min = 1, max = 40) int rows,
      @ForAll @IntRange(min = 1, max = 70) int columns,
      @ForAll boolean special,
      @ForAll long seed) {
    Data data = new Data(seed);
    float[] x = special ? data.mostlyUniform(rows * columns, 300) : logits(data, rows * columns);
    int[] labels = labels(data, rows, columns);
    float[] expected = new float[x.length];
    float[] actual = new float[x.length];
    Matrix logits = Matrix.rowMajor(x, 0, rows, columns, columns);
    float loss =
        SoftmaxCrossEntropy.run(
            ScalarKernels.INSTANCE,
            logits,
            labels,
            1024f,
            Matrix.rowMajor(expected, 0, rows, columns, columns));
    assertSameBits(
        loss,
        SoftmaxCrossEntropy.run(
            KERNELS, logits, labels, 1024f, Matrix.rowMajor(actual, 0, rows, columns, columns)),
        "loss");
    assertSameBits(expected, actual, "gradient");
  }

  /**
   * Loss against the definition in double, gradient against central differences of that. The loss
   * of a row is off by a few units of 2^-24 times the largest of 1 and the logits' spread of 16.
   */
  @Property(tries = 60)
  void lossAndGradientAreThoseOfTheDefinition(
      @ForAll @IntRange(min = 1, max = 5) int rows,
      @ForAll @IntRange(min = 1, max = 40) int columns,
      @ForAll long seed) {
    Data data = new Data(seed);
    float[] x = logits(data, rows * columns);
    int[] labels = labels(data, rows, columns);
    float[] gradient = new float[x.length];
    float loss =
        SoftmaxCrossEntropy.run(
            KERNELS,
            Matrix.rowMajor(x, 0, rows, columns, columns),
            labels,
            1f,
            Matrix.rowMajor(gradient, 0, rows, columns, columns));
    double[] at = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      at[i] = x[i];
    }
    assertEquals(loss(at, labels, columns), loss, 16 * 0x1p-22);
    double h = 0x1p-17;
    for (int i = 0; i < x.length; i++) {
      at[i] = x[i] + h;
      double above = loss(at, labels, columns);
      at[i] = x[i] - h;
      double below = loss(at, labels, columns);
      at[i] = x[i];
      assertEquals((above - below) / (2 * h), gradient[i], 0x1p-20, "gradient " + i);
    }
  }

  /** A row of p sums to 1, so a row of the gradient sums to 0, up to the rounding of each p. */
  @Property(tries = 200)
  void theGradientOfARowSumsToZero(
      @ForAll @IntRange(min = 1, max = 300) int columns, @ForAll long seed) {
    Data data = new Data(seed);
    float[] x = logits(data, columns);
    float[] gradient = new float[columns];
    SoftmaxCrossEntropy.run(
        KERNELS,
        Matrix.rowMajor(x, 0, 1, columns, columns),
        labels(data, 1, columns),
        1f,
        Matrix.rowMajor(gradient, 0, 1, columns, columns));
    double sum = 0;
    for (float value : gradient) {
      sum += value;
    }
    // The sum in sixteen lanes is off by gamma(columns/16 + 5), each quotient by 2^-24.
    assertTrue(Math.abs(sum) <= (columns / 16 + 7) * 0x1p-24, "sum " + sum);
  }

  /**
   * Powers of two pass through: a loss scale changes the exponent of the gradient, nothing else.
   */
  @Property(tries = 100)
  void aLossScaleMultipliesTheGradient(
      @ForAll @IntRange(min = 1, max = 40) int columns, @ForAll long seed) {
    Data data = new Data(seed);
    Matrix x = Matrix.rowMajor(logits(data, columns), 0, 1, columns, columns);
    int[] labels = labels(data, 1, columns);
    Matrix plain = Matrix.rowMajor(new float[columns], 0, 1, columns, columns);
    Matrix scaled = Matrix.rowMajor(new float[columns], 0, 1, columns, columns);
    float loss = SoftmaxCrossEntropy.run(KERNELS, x, labels, 1f, plain);
    assertSameBits(loss, SoftmaxCrossEntropy.run(KERNELS, x, labels, 0x1p15f, scaled), "loss");
    for (int j = 0; j < columns; j++) {
      assertSameBits(plain.array()[j] * 0x1p15f, scaled.array()[j], "gradient " + j);
    }
  }

  @Example
  void largeLogitsDoNotOverflow() {
    float[] x = {3e38f, -3e38f, 3e38f};
    float[] gradient = new float[3];
    Matrix dx = Matrix.rowMajor(gradient, 0, 1, 3, 3);
    float loss =
        SoftmaxCrossEntropy.run(KERNELS, Matrix.rowMajor(x, 0, 1, 3, 3), new int[] {0}, 1f, dx);
    assertEquals((float) Math.log(2), loss, 0x1p-23f);
    assertSameBits(new float[] {-0.5f, 0f, 0.5f}, gradient, "gradient");
  }
}
