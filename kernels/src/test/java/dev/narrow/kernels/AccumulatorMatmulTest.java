package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;

import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import dev.narrow.kernels.Accumulator.Fixed;
import dev.narrow.kernels.Accumulator.Fixed.Overflow;
import dev.narrow.kernels.Accumulator.Rounded;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;

@Tag("scalar")
@Tag("simd")
class AccumulatorMatmulTest {
  private static final Accumulator FP16 = Accumulator.rounded(Formats.FP16);
  private static final Accumulator BF16 = Accumulator.rounded(Formats.BF16);

  static final List<Accumulator> ACCUMULATORS =
      List.of(
          Accumulator.fp32(),
          Accumulator.fp64(),
          FP16,
          BF16,
          rounded(Formats.FP16, Saturation.OCP_SAT),
          Accumulator.rounded(Formats.E4M3FN),
          rounded(Formats.E4M3FN, Saturation.OCP_SAT),
          rounded(Formats.E5M2, Saturation.ML_DTYPES_SAT),
          Accumulator.rounded(Formats.E4M3FNUZ),
          Accumulator.rounded(Formats.E2M1),
          Accumulator.rounded(Formats.TF32),
          Accumulator.rounded(Formats.parse("float:e8m13")),
          Accumulator.rounded(Formats.LNS8),
          Accumulator.rounded(Formats.POSIT16),
          Accumulator.rounded(Formats.INT8),
          new Rounded(Formats.FP16, Formats.FP16.defaultProjection().with(Rounding.TOWARD_ZERO)),
          Accumulator.chunked(7, FP16, FP16),
          Accumulator.chunked(16, BF16, Accumulator.fp32()),
          Accumulator.chunked(5, Accumulator.fp32(), Accumulator.exact()),
          new Fixed(24, 12, Rounding.NEAREST_EVEN, Overflow.SATURATE),
          new Fixed(10, 6, Rounding.TOWARD_ZERO, Overflow.SATURATE),
          new Fixed(12, 8, Rounding.TOWARD_ZERO, Overflow.WRAP),
          new Fixed(64, 40, Rounding.NEAREST_EVEN, Overflow.WRAP),
          new Fixed(64, 40, Rounding.TO_ODD, Overflow.SATURATE),
          Accumulator.exact());

  private static Accumulator rounded(FloatFormat format, Saturation saturation) {
    return new Rounded(format, format.defaultProjection().with(saturation));
  }

  @Provide
  Arbitrary<Accumulator> accumulators() {
    return Arbitraries.of(ACCUMULATORS);
  }

  /** Formats of operands: their decoded values are what the fast paths tell apart. */
  @Provide
  Arbitrary<NumericFormat> operands() {
    return Arbitraries.of(
        Formats.FP32, Formats.FP16, Formats.BF16, Formats.E4M3FN, Formats.LNS8, Formats.INT8);
  }

  /** Values of a format: small ones, or any, special ones among them. */
  private static float[] values(Data data, NumericFormat format, int n, boolean any) {
    float[] values = any ? data.anyBits(n) : data.uniform(n);
    for (int i = 0; i < n; i++) {
      int code =
          any && format.width() < 32
              ? data.below(1 << format.width())
              : format.encode(
                  values[i] * (format.equals(Formats.INT8) ? 10 : 1), format.defaultProjection());
      values[i] = format.decode(code);
    }
    return values;
  }

  private static Matrix matrix(float[] values, int rows, int columns, boolean transposed) {
    return transposed
        ? Matrix.rowMajor(values, 0, columns, rows, rows).transposed()
        : Matrix.rowMajor(values, 0, rows, columns, columns);
  }

  private static void assertSameAsDefinition(
      Accumulator accumulator, Matrix a, Matrix b, Data data) {
    int stride = b.columns() + data.below(4);
    float[] expected = data.uniform(3 + a.rows() * stride);
    float[] actual = expected.clone();
    new ScalarAccumulatorMatmul(accumulator)
        .multiply(a, b, Matrix.rowMajor(expected, 3, a.rows(), b.columns(), stride));
    KernelProvider.kernels()
        .matmulIn(accumulator)
        .multiply(a, b, Matrix.rowMajor(actual, 3, a.rows(), b.columns(), stride));
    assertSameBits(expected, actual, accumulator.name());
  }

  @Property(tries = 200)
  void kernelsGiveTheBitsOfTheDefinition(
      @ForAll("accumulators") Accumulator accumulator,
      @ForAll("operands") NumericFormat left,
      @ForAll("operands") NumericFormat right,
      @ForAll @IntRange(min = 1, max = 40) int n,
      @ForAll @IntRange(min = 0, max = 40) int k,
      @ForAll boolean any,
      @ForAll long seed) {
    Data data = new Data(seed);
    int m = 1 + data.below(3);
    Matrix a = matrix(values(data, left, m * k, any), m, k, data.below(2) == 0);
    Matrix b = matrix(values(data, right, k * n, any), k, n, data.below(2) == 0);
    assertSameAsDefinition(accumulator, a, b, data);
  }

  /** Every size up to 40, each time as columns and as terms. */
  @Example
  void noSizeIsSpecial() {
    Data data = new Data(11);
    for (Accumulator accumulator : ACCUMULATORS) {
      for (int size = 1; size <= 40; size++) {
        Matrix a = matrix(data.uniform(2 * size), 2, size, false);
        Matrix b = matrix(data.uniform(size * size), size, size, size % 2 == 0);
        assertSameAsDefinition(accumulator, a, b, data);
      }
    }
  }

  /** More columns than a panel, more rows and chunks than are summed up at a time. */
  @Example
  void blocksEndAnywhere() {
    Data data = new Data(12);
    for (Accumulator accumulator : List.of(FP16, Accumulator.exact(), Accumulator.fp64())) {
      Matrix a = matrix(data.uniform(2 * 70), 2, 70, true);
      Matrix b = matrix(data.uniform(70 * 301), 70, 301, false);
      assertSameAsDefinition(accumulator, a, b, data);
    }
    Matrix a = matrix(data.uniform(67 * 30), 67, 30, false);
    Matrix b = matrix(data.uniform(30 * 67), 30, 67, false);
    assertSameAsDefinition(
        Accumulator.chunked(4, Accumulator.fp32(), Accumulator.fp64()), a, b, data);
  }

  /** Threads share products by rows and columns. */
  @Property(tries = 60)
  void partsOfAProductHaveItsBits(
      @ForAll("accumulators") Accumulator accumulator,
      @ForAll("operands") NumericFormat format,
      @ForAll @IntRange(min = 2, max = 40) int n,
      @ForAll long seed) {
    Data data = new Data(seed);
    AccumulatorMatmul matmul = KernelProvider.kernels().matmulIn(accumulator);
    int k = data.below(30);
    Matrix a = matrix(values(data, format, 4 * k, false), 4, k, false);
    Matrix b = matrix(values(data, format, k * n, false), k, n, false);
    float[] whole = new float[4 * n];
    matmul.multiply(a, b, Matrix.rowMajor(whole, 0, 4, n, n));
    float[] parts = new float[4 * n];
    Matrix c = Matrix.rowMajor(parts, 0, 4, n, n);
    int column = 1 + data.below(n - 1);
    matmul.multiply(a.rowRange(0, 3), b, c.rowRange(0, 3));
    Matrix last = c.rowRange(3, 4);
    Matrix row = a.rowRange(3, 4);
    matmul.multiply(row, b.columnRange(0, column), last.columnRange(0, column));
    matmul.multiply(row, b.columnRange(column, n), last.columnRange(column, n));
    assertSameBits(whole, parts, accumulator.name());
  }

  /** (a b)ᵀ = bᵀ aᵀ, to the bit: products commute, and sums keep their order. */
  @Property(tries = 60)
  void theTransposeOfAProductIsTheProductOfTransposes(
      @ForAll("accumulators") Accumulator accumulator,
      @ForAll("operands") NumericFormat format,
      @ForAll @IntRange(min = 1, max = 20) int n,
      @ForAll boolean any,
      @ForAll long seed) {
    Data data = new Data(seed);
    AccumulatorMatmul matmul = KernelProvider.kernels().matmulIn(accumulator);
    int m = 1 + data.below(5);
    int k = data.below(20);
    Matrix a = matrix(values(data, format, m * k, any), m, k, false);
    Matrix b = matrix(values(data, format, k * n, any), k, n, false);
    float[] ab = new float[m * n];
    float[] ba = new float[m * n];
    matmul.multiply(a, b, Matrix.rowMajor(ab, 0, m, n, n));
    matmul.multiply(b.transposed(), a.transposed(), Matrix.rowMajor(ba, 0, n, m, m));
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        assertSameBits(ab[i * n + j], ba[j * m + i], accumulator + ": " + i + ", " + j);
      }
    }
  }

  @Example
  void anEmptySumIsZero() {
    for (Accumulator accumulator : ACCUMULATORS) {
      float[] c = Data.filled(4, 42f);
      KernelProvider.kernels()
          .matmulIn(accumulator)
          .multiply(
              Matrix.rowMajor(new float[0], 0, 2, 0, 0),
              Matrix.rowMajor(new float[0], 0, 0, 2, 2),
              Matrix.rowMajor(c, 0, 2, 2, 2));
      assertSameBits(new float[4], c, accumulator.name());
    }
  }
}
