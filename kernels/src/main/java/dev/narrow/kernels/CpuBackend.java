package dev.narrow.kernels;

import dev.narrow.quant.Floats;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** {@link Kernels} on tensors: checks what it is given, finds the arrays, writes copies back. */
final class CpuBackend implements Backend {
  /** Multiply-adds below which a product takes less time than sharing it out. */
  private static final long PARALLEL_FROM = 1L << 21;

  private final int threads;
  private final Kernels kernels;

  CpuBackend(int threads, Kernels kernels) {
    if (threads < 1) {
      throw new IllegalArgumentException("threads = " + threads + ", expected 1 or more");
    }
    this.threads = threads;
    this.kernels = kernels;
  }

  @Override
  public Summation summation() {
    return Summation.ORDERED;
  }

  @Override
  public String describe() {
    return "cpu, %s, %s, %d %s"
        .formatted(summation(), kernels.name(), threads, threads == 1 ? "thread" : "threads");
  }

  @Override
  public void matmul(Tensor a, Tensor b, Tensor out) {
    product(matrix(a, "a"), matrix(b, "b"), null, out, false, a, b);
  }

  @Override
  public void matmul(Tensor a, Tensor b, Tensor bias, Tensor out) {
    product(matrix(a, "a"), matrix(b, "b"), bias, out, false, a, b);
  }

  @Override
  public void matmulTransposedA(Tensor a, Tensor b, Tensor out) {
    product(matrix(a, "a").transposed(), matrix(b, "b"), null, out, false, a, b);
  }

  @Override
  public void addMatmulTransposedA(Tensor a, Tensor b, Tensor out) {
    product(matrix(a, "a").transposed(), matrix(b, "b"), null, out, true, a, b);
  }

  @Override
  public void matmulTransposedB(Tensor a, Tensor b, Tensor out) {
    product(matrix(a, "a"), matrix(b, "b").transposed(), null, out, false, a, b);
  }

  private void product(
      Matrix left,
      Matrix right,
      @Nullable Tensor bias,
      Tensor out,
      boolean accumulate,
      Tensor a,
      Tensor b) {
    if (left.columns() != right.rows()) {
      throw new IllegalArgumentException(
          "b has shape %s, which gives %d terms to a sum, expected %d for a of shape %s"
              .formatted(b.shape(), right.rows(), left.columns(), a.shape()));
    }
    expectShape(out, "out", left.rows(), right.columns());
    expectWritable(out, "out");
    expectApart(a, "a", out, "out");
    expectApart(b, "b", out, "out");
    float[] biasArray = null;
    int biasOffset = 0;
    if (bias != null) {
      expectShape(bias, "bias", right.columns());
      expectApart(bias, "bias", out, "out");
      Floats floats = Floats.of(bias, "bias");
      biasArray = floats.array();
      biasOffset = floats.offset();
    }
    Floats target = Floats.of(out, "out");
    long work = (long) left.rows() * left.columns() * right.columns();
    ParallelMatmul.matmul(
        kernels,
        work < PARALLEL_FROM ? 1 : threads,
        left,
        right,
        matrix(out, target),
        biasArray,
        biasOffset,
        accumulate);
    target.writeBack(out);
  }

  @Override
  public void relu(Tensor x, Tensor y) {
    map(x, y, kernels::relu);
  }

  @Override
  public void exp(Tensor x, Tensor y) {
    map(x, y, kernels::exp);
  }

  @Override
  public void exp2(Tensor x, Tensor y) {
    map(x, y, kernels::exp2);
  }

  @Override
  public void log(Tensor x, Tensor y) {
    map(x, y, kernels::log);
  }

  @Override
  public void tanh(Tensor x, Tensor y) {
    map(x, y, kernels::tanh);
  }

  @Override
  public void erf(Tensor x, Tensor y) {
    map(x, y, kernels::erf);
  }

  @Override
  public void reciprocalSqrt(Tensor x, Tensor y) {
    map(x, y, kernels::reciprocalSqrt);
  }

  @Override
  public void sigmoid(Tensor x, Tensor y) {
    map(x, y, kernels::sigmoid);
  }

  @Override
  public void gelu(Tensor x, Tensor y) {
    map(x, y, kernels::gelu);
  }

  @Override
  public void geluTanh(Tensor x, Tensor y) {
    map(x, y, kernels::geluTanh);
  }

  @Override
  public void geluBackward(Tensor x, Tensor dy, Tensor dx) {
    backward(x, "x", dy, dx, kernels::geluGradient);
  }

  @Override
  public void geluTanhBackward(Tensor x, Tensor dy, Tensor dx) {
    backward(x, "x", dy, dx, kernels::geluTanhGradient);
  }

  @Override
  public void scale(float factor, Tensor x, Tensor y) {
    map(
        x,
        y,
        (from, fromOffset, to, toOffset, n) ->
            kernels.scale(factor, from, fromOffset, to, toOffset, n));
  }

  @Override
  public void addScaled(float factor, Tensor x, Tensor y) {
    map(
        x,
        y,
        (from, fromOffset, to, toOffset, n) ->
            kernels.addScaled(factor, from, fromOffset, to, toOffset, n));
  }

  @FunctionalInterface
  private interface Map {
    void apply(float[] x, int xOffset, float[] y, int yOffset, int n);
  }

  private static void map(Tensor x, Tensor y, Map map) {
    Floats from = Floats.of(x, "x");
    Floats to = Floats.of(y, "y");
    expectShape(y, "y", x.shape());
    expectWritable(y, "y");
    expectSameOrApart(x, "x", y, "y");
    map.apply(from.array(), from.offset(), to.array(), to.offset(), x.shape().size());
    to.writeBack(y);
  }

  @Override
  public void reluBackward(Tensor y, Tensor dy, Tensor dx) {
    backward(y, "y", dy, dx, kernels::reluGradient);
  }

  @FunctionalInterface
  private interface Gradient {
    void apply(float[] at, int atOffset, float[] dy, int dyOffset, float[] dx, int dxOffset, int n);
  }

  private static void backward(Tensor at, String name, Tensor dy, Tensor dx, Gradient gradient) {
    Floats points = Floats.of(at, name);
    Floats above = Floats.of(dy, "dy");
    Floats below = Floats.of(dx, "dx");
    expectShape(dy, "dy", at.shape());
    expectShape(dx, "dx", at.shape());
    expectWritable(dx, "dx");
    expectSameOrApart(at, name, dx, "dx");
    expectSameOrApart(dy, "dy", dx, "dx");
    gradient.apply(
        points.array(),
        points.offset(),
        above.array(),
        above.offset(),
        below.array(),
        below.offset(),
        at.shape().size());
    below.writeBack(dx);
  }

  @Override
  public void addRow(Tensor x, Tensor row, Tensor y) {
    Matrix from = matrix(x, "x");
    Floats addend = Floats.of(row, "row");
    Floats to = Floats.of(y, "y");
    expectShape(row, "row", from.columns());
    expectShape(y, "y", x.shape());
    expectWritable(y, "y");
    expectSameOrApart(x, "x", y, "y");
    expectApart(row, "row", y, "y");
    for (int i = 0; i < from.rows(); i++) {
      kernels.add(
          from.array(),
          from.offset() + i * from.rowStride(),
          addend.array(),
          addend.offset(),
          to.array(),
          to.offset() + i * from.columns(),
          from.columns());
    }
    to.writeBack(y);
  }

  @Override
  public float sum(Tensor x) {
    Floats values = Floats.of(x, "x");
    return kernels.sum(values.array(), values.offset(), x.shape().size());
  }

  @Override
  public float sumOfSquares(Tensor x) {
    Floats values = Floats.of(x, "x");
    return kernels.sumOfSquares(values.array(), values.offset(), x.shape().size());
  }

  @Override
  public void sumRows(Tensor x, Tensor y) {
    Matrix from = matrix(x, "x");
    Floats to = Floats.of(y, "y");
    expectShape(y, "y", from.columns());
    expectWritable(y, "y");
    expectApart(x, "x", y, "y");
    kernels.sumRows(from, to.array(), to.offset());
    to.writeBack(y);
  }

  @Override
  public Scan scan(Tensor x) {
    Floats values = Floats.of(x, "x");
    return kernels.scan(values.array(), values.offset(), x.shape().size());
  }

  @Override
  public float softmaxCrossEntropy(Tensor logits, int[] labels, float seed, Tensor gradient) {
    Matrix x = matrix(logits, "logits");
    Floats target = Floats.of(gradient, "gradient");
    if (logits.shape().size() == 0) {
      throw new IllegalArgumentException(
          "logits has shape " + logits.shape() + ", expected at least one row and one class");
    }
    if (labels.length != x.rows()) {
      throw new IllegalArgumentException(
          "labels has " + labels.length + " elements, expected " + x.rows() + ", one for each row");
    }
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] < 0 || labels[i] >= x.columns()) {
        throw new IllegalArgumentException(
            "labels[" + i + "] = " + labels[i] + ", expected 0 to " + (x.columns() - 1));
      }
    }
    expectShape(gradient, "gradient", logits.shape());
    expectWritable(gradient, "gradient");
    expectSameOrApart(logits, "logits", gradient, "gradient");
    float loss = SoftmaxCrossEntropy.run(kernels, x, labels, seed, matrix(gradient, target));
    target.writeBack(gradient);
    return loss;
  }

  private static Matrix matrix(Tensor tensor, String name) {
    Floats floats = Floats.of(tensor, name);
    if (tensor.shape().rank() != 2) {
      throw new IllegalArgumentException(
          name + " has shape " + tensor.shape() + ", expected two axes");
    }
    return matrix(tensor, floats);
  }

  private static Matrix matrix(Tensor tensor, Floats floats) {
    int columns = tensor.shape().dim(1);
    return Matrix.rowMajor(
        floats.array(), floats.offset(), tensor.shape().dim(0), columns, columns);
  }

  private static void expectShape(Tensor tensor, String name, int... dims) {
    expectShape(tensor, name, Shape.of(dims));
  }

  private static void expectShape(Tensor tensor, String name, Shape shape) {
    if (!tensor.shape().equals(shape)) {
      throw new IllegalArgumentException(
          name + " has shape " + tensor.shape() + ", expected " + shape);
    }
  }

  private static void expectWritable(Tensor tensor, String name) {
    if (tensor.storage().segment().isReadOnly()) {
      throw new IllegalArgumentException(name + " is read-only, expected memory to write to");
    }
  }

  private static void expectApart(Tensor input, String inputName, Tensor output, String name) {
    if (input.storage().segment().asOverlappingSlice(output.storage().segment()).isPresent()) {
      throw new IllegalArgumentException(
          name + " shares memory with " + inputName + ", expected memory of its own");
    }
  }

  private static void expectSameOrApart(
      Tensor input, String inputName, Tensor output, String name) {
    MemorySegment in = input.storage().segment();
    MemorySegment out = output.storage().segment();
    boolean same =
        in.heapBase().equals(out.heapBase())
            && in.address() == out.address()
            && in.byteSize() == out.byteSize();
    if (!same) {
      expectApart(input, inputName, output, name);
    }
  }
}
