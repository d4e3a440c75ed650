package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.util.Random;
import java.util.function.Supplier;

/** Operands of products, on the host, and their copies on a device. */
final class ProductCases {
  private ProductCases() {}

  /** How the elements of a matrix lie in memory. */
  enum Layout {
    /** Rows, one behind the other. */
    ROWS,
    /** Columns, one behind the other. */
    COLUMNS,
    /** Rows that are not whole: something lies between them, and before the first. */
    APART,
    /** Neither rows nor columns have neighbours for neighbours. */
    SCATTERED
  }

  /** The operands of a product. */
  record Case(Matmul how, Matrices a, Matrices b, Matrices out) {
    /** The same with all memory on a device. */
    Case on(CudaDevice device) {
      return new Case(
          how.bias().map(bias -> how.bias(device.upload(bias))).orElse(how),
          a.in(device.upload(a.tensor())),
          b.in(device.upload(b.tensor())),
          out.in(device.upload(out.tensor())));
    }

    /** The same with an output of its own. */
    Case copy() {
      float[] values = out.tensor().toFloats();
      Tensor same =
          out.tensor().isFp32()
              ? Tensor.of(values, out.tensor().shape().dims())
              : Quantizer.of(out.tensor().format())
                  .quantize(Tensor.of(values, out.tensor().shape().dims()));
      return new Case(how, a, b, out.in(same));
    }

    void free(CudaDevice device) {
      how.bias().ifPresent(device::free);
      device.free(a.tensor());
      device.free(b.tensor());
      device.free(out.tensor());
    }

    @Override
    public String toString() {
      return "%s = %s x %s, %s".formatted(out, a, b, how);
    }
  }

  /** Matrices of numbers of a format. */
  static Matrices matrices(
      NumericFormat format,
      Layout layout,
      int count,
      int rows,
      int columns,
      Supplier<Float> number) {
    int rowStride =
        switch (layout) {
          case ROWS -> columns;
          case COLUMNS -> 1;
          case APART -> columns + 3;
          case SCATTERED -> 2 * columns + 1;
        };
    int columnStride =
        switch (layout) {
          case ROWS, APART -> 1;
          case COLUMNS -> rows;
          case SCATTERED -> 2;
        };
    int offset = layout == Layout.APART ? 5 : 0;
    int step =
        rows == 0 || columns == 0 ? 0 : (rows - 1) * rowStride + (columns - 1) * columnStride + 1;
    float[] values = new float[offset + count * step];
    for (int i = 0; i < values.length; i++) {
      values[i] = number.get();
    }
    Tensor tensor = Tensor.of(values, values.length);
    return new Matrices(
        format.equals(Formats.FP32) ? tensor : Quantizer.of(format).quantize(tensor),
        offset,
        count,
        step,
        rows,
        columns,
        rowStride,
        columnStride);
  }

  /** Numbers of many magnitudes, among them zeros. */
  static Supplier<Float> spread(Random random) {
    return () ->
        random.nextInt(8) == 0
            ? (random.nextBoolean() ? 0f : -0f)
            : (float) (random.nextGaussian() * Math.scalb(1.0, random.nextInt(12) - 8));
  }

  /** The same, and all that is out of the ordinary. */
  static Supplier<Float> adversarial(Random random) {
    float[] odd = {
      Float.NaN,
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      Float.MAX_VALUE,
      -Float.MAX_VALUE,
      Float.MIN_VALUE,
      -Float.MIN_VALUE,
      Float.MIN_NORMAL,
      1e20f,
      -1e-20f
    };
    Supplier<Float> plain = spread(random);
    return () -> random.nextInt(40) == 0 ? odd[random.nextInt(odd.length)] : plain.get();
  }

  /**
   * |C - C*| <= bound times the sum of magnitudes, for each element.
   *
   * @param actual the result, as its tensor has it
   */
  static void assertNear(Case host, double bound, float[] actual) {
    float[] a = host.a().tensor().toFloats();
    float[] b = host.b().tensor().toFloats();
    Matrices out = host.out();
    for (int m = 0; m < out.count(); m++) {
      for (int i = 0; i < out.rows(); i++) {
        for (int j = 0; j < out.columns(); j++) {
          double sum = 0;
          double magnitudes = 0;
          for (int k = 0; k < host.a().columns(); k++) {
            double term = (double) a[at(host.a(), m, i, k)] * b[at(host.b(), m, k, j)];
            sum += term;
            magnitudes += Math.abs(term);
          }
          double error = Math.abs(actual[at(out, m, i, j)] - sum);
          assertTrue(
              error <= bound * magnitudes,
              host + " at " + i + ", " + j + ": " + error + " > " + bound * magnitudes);
        }
      }
    }
  }

  private static int at(Matrices matrices, int m, int i, int j) {
    return matrices.offset()
        + (matrices.count() == 1 ? 0 : m * matrices.step())
        + i * matrices.rowStride()
        + j * matrices.columnStride();
  }
}
