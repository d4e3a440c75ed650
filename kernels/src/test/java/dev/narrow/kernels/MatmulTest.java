package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;
import org.jspecify.annotations.Nullable;

@Tag("scalar")
@Tag("simd")
class MatmulTest {
  private static final Kernels KERNELS = KernelProvider.kernels();
  private static final Kernels SCALAR = ScalarKernels.INSTANCE;

  private static void multiply(Matrix a, Matrix b, Matrix c) {
    multiply(a, b, c, Epilogue.NONE);
  }

  private static void multiply(Matrix a, Matrix b, Matrix c, Epilogue epilogue) {
    KERNELS.matmul(Operand.of(a), Operand.of(b), c, epilogue);
  }

  /** Adds a bias and the old c. */
  private static Epilogue addition(float... bias) {
    return new Epilogue(1f, 1f, bias, 0, Activation.NONE);
  }

  /** A product to be computed, its operands anywhere in larger arrays. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Case(
      Matrix a, Matrix b, Matrix c, float @Nullable [] bias, int biasOffset, boolean accumulate) {

    static Case of(Data data, int m, int n, int k, int specialPeriod) {
      Matrix a = operand(data, m, k, specialPeriod);
      Matrix b = operand(data, k, n, specialPeriod);
      int stride = n + data.below(5);
      int offset = data.below(7);
      Matrix c = Matrix.rowMajor(data.uniform(offset + m * stride), offset, m, n, stride);
      int biasOffset = data.below(5);
      float @Nullable [] bias =
          data.below(2) == 0 ? null : data.mostlyUniform(biasOffset + n, specialPeriod);
      return new Case(a, b, c, bias, biasOffset, data.below(2) == 0);
    }

    private static Matrix operand(Data data, int rows, int columns, int specialPeriod) {
      boolean transposed = data.below(2) == 0;
      int outer = transposed ? columns : rows;
      int inner = transposed ? rows : columns;
      int stride = inner + data.below(5);
      int offset = data.below(7);
      float[] array = data.mostlyUniform(offset + outer * stride, specialPeriod);
      Matrix plain = Matrix.rowMajor(array, offset, outer, inner, stride);
      return transposed ? plain.transposed() : plain;
    }

    /** The whole array of c afterwards, so that a write outside of c is seen too. */
    float[] run(Kernels kernels, int threads) {
      Matrix fresh =
          new Matrix(c.array().clone(), c.offset(), c.rows(), c.columns(), c.rowStride(), 1);
      Epilogue epilogue = new Epilogue(1f, accumulate ? 1f : 0f, bias, biasOffset, Activation.NONE);
      new Cpu(threads, kernels).multiplyShared(Operand.of(a), Operand.of(b), fresh, epilogue);
      return fresh.array();
    }
  }

  @Property(tries = 400)
  void kernelsGiveTheBitsOfTheScalarDefinition(
      @ForAll @IntRange(min = 1, max = 70) int m,
      @ForAll @IntRange(min = 1, max = 70) int n,
      @ForAll @IntRange(min = 0, max = 70) int k,
      @ForAll long seed) {
    Case product = Case.of(new Data(seed), m, n, k, Integer.MAX_VALUE);
    assertSameBits(product.run(SCALAR, 1), product.run(KERNELS, 1), "c");
  }

  /** Zeros of padding times an infinity beside it must not become NaN in the result. */
  @Property(tries = 200)
  void specialValuesStayInTheirRowsAndColumns(
      @ForAll @IntRange(min = 1, max = 70) int m,
      @ForAll @IntRange(min = 1, max = 70) int n,
      @ForAll @IntRange(min = 1, max = 70) int k,
      @ForAll @IntRange(min = 2, max = 500) int period,
      @ForAll long seed) {
    Case product = Case.of(new Data(seed), m, n, k, period);
    assertSameBits(product.run(SCALAR, 1), product.run(KERNELS, 1), "c");
  }

  @Property(tries = 100)
  void threadsDoNotChangeTheBits(
      @ForAll @IntRange(min = 1, max = 130) int m,
      @ForAll @IntRange(min = 1, max = 130) int n,
      @ForAll @IntRange(min = 0, max = 40) int k,
      @ForAll long seed) {
    Case product = Case.of(new Data(seed), m, n, k, 50);
    float[] one = product.run(KERNELS, 1);
    for (int threads : new int[] {2, 3, 8}) {
      assertSameBits(one, product.run(KERNELS, threads), "c by " + threads + " threads");
    }
  }

  /** Larger than the blocks of rows, of columns and of k, and not a multiple of any. */
  @Example
  void anAccumulatorContinuesAcrossBlocks() {
    Data data = new Data(7);
    for (int i = 0; i < 4; i++) {
      Case product = Case.of(data, 131, 301, 523, 1 << 16);
      float[] expected = product.run(SCALAR, 1);
      for (int threads : new int[] {1, 2, 3, 8}) {
        assertSameBits(expected, product.run(KERNELS, threads), "c by " + threads + " threads");
      }
    }
  }

  /**
   * k rounded additions of products: |c - ab| is at most gamma(k) |a||b|, gamma(k) = ku / (1 - ku),
   * u = 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms, section 3.5). The products
   * are exact in double, and its own error is 2^-29 of the bound.
   */
  @Property(tries = 100)
  void errorIsWithinGammaK(
      @ForAll @IntRange(min = 1, max = 40) int m,
      @ForAll @IntRange(min = 1, max = 40) int n,
      @ForAll @IntRange(min = 0, max = 600) int k,
      @ForAll long seed) {
    Data data = new Data(seed);
    float[] a = data.uniform(m * k);
    float[] b = data.uniform(k * n);
    float[] c = new float[m * n];
    multiply(
        Matrix.rowMajor(a, 0, m, k, k),
        Matrix.rowMajor(b, 0, k, n, n),
        Matrix.rowMajor(c, 0, m, n, n));
    double gamma = k * 0x1p-24 / (1 - k * 0x1p-24);
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        double exact = 0;
        double magnitude = 0;
        for (int p = 0; p < k; p++) {
          double term = (double) a[i * k + p] * b[p * n + j];
          exact += term;
          magnitude += Math.abs(term);
        }
        double error = Math.abs(c[i * n + j] - exact);
        assertTrue(error <= gamma * magnitude * (1 + 0x1p-20), "error " + error);
      }
    }
  }

  /** (a b)ᵀ = bᵀ aᵀ, to the bit. */
  @Property(tries = 50)
  void theTransposeOfAProductIsTheProductOfTransposes(
      @ForAll @IntRange(min = 1, max = 70) int m,
      @ForAll @IntRange(min = 1, max = 70) int n,
      @ForAll @IntRange(min = 0, max = 70) int k,
      @ForAll long seed) {
    Data data = new Data(seed);
    Matrix a = Matrix.rowMajor(data.uniform(m * k), 0, m, k, k);
    Matrix b = Matrix.rowMajor(data.uniform(k * n), 0, k, n, n);
    Matrix ab = Matrix.rowMajor(new float[m * n], 0, m, n, n);
    Matrix ba = Matrix.rowMajor(new float[m * n], 0, n, m, m);
    multiply(a, b, ab);
    multiply(b.transposed(), a.transposed(), ba);
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        assertSameBits(ab.array()[i * n + j], ba.array()[j * m + i], i + ", " + j);
      }
    }
  }

  /** The sum of nothing is +0, and the epilogue is still applied. */
  @Example
  void anEmptySumIsZero() {
    Matrix a = Matrix.rowMajor(new float[0], 0, 2, 0, 0);
    Matrix b = Matrix.rowMajor(new float[0], 0, 0, 2, 2);
    Matrix c = Matrix.rowMajor(new float[] {-0f, 1f, 2f, 3f}, 0, 2, 2, 2);
    multiply(a, b, c, addition(10f, 20f));
    assertSameBits(new float[] {10f, 21f, 12f, 23f}, c.array(), "c");
    multiply(a, b, c);
    assertSameBits(new float[4], c.array(), "c");
  }

  /** k ascending in one accumulator: in any other order the sum would not be 1. */
  @Example
  void termsAreAddedInOrder() {
    float[] a = {0x1p60f, -0x1p60f, 1f};
    float[] c = new float[1];
    multiply(
        Matrix.rowMajor(a, 0, 1, 3, 3),
        Matrix.rowMajor(new float[] {1f, 1f, 1f}, 0, 3, 1, 1),
        Matrix.rowMajor(c, 0, 1, 1, 1));
    assertEquals(1f, c[0]);
  }

  /** Bias first, then the old c, each rounded: 2^24 + 1 + 1 would be 2^24 + 2 if rounded once. */
  @Example
  void theEpilogueRoundsAfterEachAddition() {
    Matrix a = Matrix.rowMajor(new float[] {0x1p24f}, 0, 1, 1, 1);
    Matrix b = Matrix.rowMajor(new float[] {1f}, 0, 1, 1, 1);
    Matrix c = Matrix.rowMajor(new float[] {1f}, 0, 1, 1, 1);
    multiply(a, b, c, addition(1f));
    assertEquals(0x1p24f, c.array()[0]);
  }
}
