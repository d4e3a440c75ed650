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
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    try (Values to = Values.write(y, "y");
        Values from = Values.readToPass(x)) {
      cpu().kernels().relu(from.array(), from.offset(), to.array(), to.offset(), to.size());
      to.store();
    }
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
  default void tanh(Tensor x, Tensor y) {
    map(x, y, cpu().kernels()::tanh);
  }

  @Override
  default void erf(Tensor x, Tensor y) {
    map(x, y, cpu().kernels()::erf);
  }

  @Override
  default void reciprocalSqrt(Tensor x, Tensor y) {
    map(x, y, cpu().kernels()::reciprocalSqrt);
  }

  @Override
  default void sigmoid(Tensor x, Tensor y) {
    map(x, y, cpu().kernels()::sigmoid);
  }

  @Override
  default void gelu(Tensor x, Tensor y) {
    map(x, y, cpu().kernels()::gelu);
  }

  @Override
  default void geluTanh(Tensor x, Tensor y) {
    map(x, y, cpu().kernels()::geluTanh);
  }

  @Override
  default void geluBackward(Tensor x, Tensor dy, Tensor dx) {
    backward(x, "x", dy, dx, cpu().kernels()::geluGradient);
  }

  @Override
  default void geluTanhBackward(Tensor x, Tensor dy, Tensor dx) {
    backward(x, "x", dy, dx, cpu().kernels()::geluTanhGradient);
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
    backward(y, "y", dy, dx, cpu().kernels()::reluGradient);
  }

  /** A kernel of a gradient on n consecutive elements. */
  @FunctionalInterface
  interface Gradient {
    /** Reads the points and dy, writes dx. */
    void apply(float[] at, int atOffset, float[] dy, int dyOffset, float[] dx, int dxOffset, int n);
  }

  private static void backward(Tensor at, String name, Tensor dy, Tensor dx, Gradient gradient) {
    expectShape(dy, "dy", at.shape());
    expectShape(dx, "dx", at.shape());
    expectSameOrApart(at, name, dx, "dx");
    expectSameOrApart(dy, "dy", dx, "dx");
    try (Values below = Values.write(dx, "dx");
        Values points = Values.read(at);
        Values above = Values.readToPass(dy)) { // reluGradient passes them
      gradient.apply(
          points.array(),
          points.offset(),
          above.array(),
          above.offset(),
          below.array(),
          below.offset(),
          points.size());
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
