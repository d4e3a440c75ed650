package dev.narrow.kernels;

import static dev.narrow.kernels.Arguments.expectApart;
import static dev.narrow.kernels.Arguments.expectSameOrApart;
import static dev.narrow.kernels.Arguments.expectShape;

import dev.narrow.quant.Tensor;

/** {@link Elementwise} on the processor. */
interface CpuElementwise extends Elementwise {
  /** What computes. */
  Cpu cpu();

  /** A kernel on n consecutive elements. */
  @FunctionalInterface
  interface Map {
    /** Reads x, writes y. */
    void apply(float[] x, int xOffset, float[] y, int yOffset, int n);
  }

  private static void map(Tensor x, Tensor y, Map map) {
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    try (Values to = Values.write(y, "y");
        Values from = Values.read(x)) {
      map.apply(from.array(), from.offset(), to.array(), to.offset(), from.size());
      to.store();
    }
  }

  @Override
  default void relu(Tensor x, Tensor y) {
    map(x, y, cpu().kernels()::relu);
  }

  @Override
  default void exp(Tensor x, Tensor y) {
    map(x, y, cpu().kernels()::exp);
  }

  @Override
  default void exp2(Tensor x, Tensor y) {
    map(x, y, cpu().kernels()::exp2);
  }

  @Override
  default void log(Tensor x, Tensor y) {
    map(x, y, cpu().kernels()::log);
  }

  @Override
  default void scale(float factor, Tensor x, Tensor y) {
    map(x, y, (from, i, to, j, n) -> cpu().kernels().scale(factor, from, i, to, j, n));
  }

  @Override
  default void addScaled(float factor, Tensor x, Tensor y) {
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    try (Values to = Values.update(y, "y");
        Values from = Values.read(x)) {
      cpu()
          .kernels()
          .addScaled(factor, from.array(), from.offset(), to.array(), to.offset(), from.size());
      to.store();
    }
  }

  @Override
  default void reluBackward(Tensor y, Tensor dy, Tensor dx) {
    expectShape(dy, "dy", y.shape());
    expectShape(dx, "dx", y.shape());
    expectSameOrApart(y, "y", dx, "dx");
    expectSameOrApart(dy, "dy", dx, "dx");
    try (Values below = Values.write(dx, "dx");
        Values outputs = Values.read(y);
        Values above = Values.read(dy)) {
      cpu()
          .kernels()
          .reluGradient(
              outputs.array(),
              outputs.offset(),
              above.array(),
              above.offset(),
              below.array(),
              below.offset(),
              outputs.size());
      below.store();
    }
  }

  @Override
  default void addRow(Tensor x, Tensor row, Tensor y) {
    Arguments.expectAxes(x, "x", 2);
    int columns = x.shape().dim(1);
    expectShape(row, "row", columns);
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    expectApart(row, "row", y, "y");
    try (Values to = Values.write(y, "y");
        Values from = Values.read(x);
        Values addend = Values.read(row)) {
      for (int i = 0; i < x.shape().dim(0); i++) {
        cpu()
            .kernels()
            .add(
                from.array(),
                from.offset() + i * columns,
                addend.array(),
                addend.offset(),
                to.array(),
                to.offset() + i * columns,
                columns);
      }
      to.store();
    }
  }
}
