package dev.narrow.kernels;

import static dev.narrow.kernels.Arguments.expectApart;
import static dev.narrow.kernels.Arguments.expectSameOrApart;
import static dev.narrow.kernels.Arguments.expectShape;

import dev.narrow.formats.RandomBits;
import dev.narrow.quant.Tensor;

/** {@link TensorArithmetic} on the processor. */
interface CpuArithmetic extends TensorArithmetic {
  /** What computes. */
  Cpu cpu();

  /** A kernel on n consecutive elements. */
  @FunctionalInterface
  interface Combine {
    /** Reads x and y, writes z. */
    void apply(float[] x, int xOffset, float[] y, int yOffset, float[] z, int zOffset, int n);
  }

  private static void combine(Tensor x, Tensor y, Tensor z, Combine kernel) {
    expectShape(y, "y", x.shape());
    expectShape(z, "z", x.shape());
    expectSameOrApart(x, "x", z, "z");
    expectSameOrApart(y, "y", z, "z");
    try (Values to = Values.write(z, "z");
        Values left = Values.read(x);
        Values right = Values.read(y)) {
      kernel.apply(
          left.array(),
          left.offset(),
          right.array(),
          right.offset(),
          to.array(),
          to.offset(),
          to.size());
      to.store();
    }
  }

  @Override
  default void add(Tensor x, Tensor y, Tensor z) {
    combine(x, y, z, cpu().kernels()::add);
  }

  @Override
  default void subtract(Tensor x, Tensor y, Tensor z) {
    combine(x, y, z, cpu().kernels()::subtract);
  }

  @Override
  default void multiply(Tensor x, Tensor y, Tensor z) {
    combine(x, y, z, cpu().kernels()::multiply);
  }

  @Override
  default void divide(Tensor x, Tensor y, Tensor z) {
    combine(x, y, z, cpu().kernels()::divide);
  }

  @Override
  default void multiplyRow(Tensor x, Tensor row, Tensor y) {
    Arguments.expectAnAxis(x, "x");
    int columns = x.shape().dim(x.shape().axis(-1));
    expectShape(row, "row", columns);
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    expectApart(row, "row", y, "y");
    try (Values to = Values.write(y, "y");
        Values from = Values.read(x);
        Values factor = Values.read(row)) {
      for (int i = 0; i + columns <= from.size() && columns > 0; i += columns) {
        cpu()
            .kernels()
            .multiply(
                from.array(),
                from.offset() + i,
                factor.array(),
                factor.offset(),
                to.array(),
                to.offset() + i,
                columns);
      }
      to.store();
    }
  }

  @Override
  default void clamp(float low, float high, Tensor x, Tensor y) {
    Arguments.expectLimits(low, high);
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    try (Values to = Values.write(y, "y");
        Values from = Values.readToPass(x)) {
      cpu()
          .kernels()
          .clamp(low, high, from.array(), from.offset(), to.array(), to.offset(), to.size());
      to.store();
    }
  }

  @Override
  default void dropout(float probability, RandomBits bits, Tensor x, Tensor y) {
    Arguments.expectProbability(probability);
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    try (Values to = Values.write(y, "y");
        Values from = Values.read(x)) {
      cpu()
          .share(
              to.size(),
              Dropout.CHUNK,
              32,
              (first, last) ->
                  Dropout.run(cpu().kernels(), probability, bits, from, to, first, last));
      to.store();
    }
  }
}
