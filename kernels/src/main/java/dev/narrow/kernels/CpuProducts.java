package dev.narrow.kernels;

import static dev.narrow.kernels.Arguments.expectApart;
import static dev.narrow.kernels.Arguments.expectAxes;
import static dev.narrow.kernels.Arguments.expectShape;

import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/** {@link Products} on the processor. */
interface CpuProducts extends Products {
  /** What computes. */
  Cpu cpu();

  @Override
  default void matmul(Tensor a, Tensor b, Tensor out) {
    product(a, false, b, false, null, out, false);
  }

  @Override
  default void matmul(Tensor a, Tensor b, Tensor bias, Tensor out) {
    product(a, false, b, false, bias, out, false);
  }

  @Override
  default void matmulTransposedA(Tensor a, Tensor b, Tensor out) {
    product(a, true, b, false, null, out, false);
  }

  @Override
  default void addMatmulTransposedA(Tensor a, Tensor b, Tensor out) {
    product(a, true, b, false, null, out, true);
  }

  @Override
  default void matmulTransposedB(Tensor a, Tensor b, Tensor out) {
    product(a, false, b, true, null, out, false);
  }

  private void product(
      Tensor a,
      boolean transposeA,
      Tensor b,
      boolean transposeB,
      @Nullable Tensor bias,
      Tensor out,
      boolean accumulate) {
    expectAxes(a, "a", 2);
    expectAxes(b, "b", 2);
    int terms = a.shape().dim(transposeA ? 0 : 1);
    if (terms != b.shape().dim(transposeB ? 1 : 0)) {
      throw new IllegalArgumentException(
          "b has shape %s, which gives %d terms to a sum, expected %d for a of shape %s"
              .formatted(b.shape(), b.shape().dim(transposeB ? 1 : 0), terms, a.shape()));
    }
    int columns = b.shape().dim(transposeB ? 0 : 1);
    expectShape(out, "out", a.shape().dim(transposeA ? 1 : 0), columns);
    expectApart(a, "a", out, "out");
    expectApart(b, "b", out, "out");
    if (bias != null) {
      expectShape(bias, "bias", columns);
      expectApart(bias, "bias", out, "out");
    }
    try (Values c = accumulate ? Values.update(out, "out") : Values.write(out, "out");
        Values left = Values.read(a);
        Values right = Values.read(b)) {
      Matrix x = transposeA ? left.rows().transposed() : left.rows();
      Matrix y = transposeB ? right.rows().transposed() : right.rows();
      if (bias == null) {
        cpu().multiply(x, y, c.rows(), accumulate);
      } else {
        try (Values row = Values.read(bias)) {
          cpu().multiply(x, y, c.rows(), row.array(), row.offset(), accumulate);
        }
      }
      c.store();
    }
  }
}
