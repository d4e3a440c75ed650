package dev.narrow.kernels;

import static dev.narrow.kernels.Arguments.expectApart;
import static dev.narrow.kernels.Arguments.expectAxes;
import static dev.narrow.kernels.Arguments.expectShape;

import dev.narrow.quant.Tensor;

/** {@link Reductions} on the processor. */
interface CpuReductions extends Reductions {
  /** What computes. */
  Cpu cpu();

  @Override
  default float sum(Tensor x) {
    try (Values values = Values.read(x)) {
      return cpu().kernels().sum(values.array(), values.offset(), values.size());
    }
  }

  @Override
  default float sumOfSquares(Tensor x) {
    try (Values values = Values.read(x)) {
      return cpu().kernels().sumOfSquares(values.array(), values.offset(), values.size());
    }
  }

  @Override
  default void sumRows(Tensor x, Tensor y) {
    expectAxes(x, "x", 2);
    expectShape(y, "y", x.shape().dim(1));
    expectApart(x, "x", y, "y");
    try (Values to = Values.write(y, "y");
        Values from = Values.read(x)) {
      cpu().kernels().sumRows(from.rows(), to.array(), to.offset());
      to.store();
    }
  }

  @Override
  default Scan scan(Tensor x) {
    try (Values values = Values.read(x)) {
      return cpu().kernels().scan(values.array(), values.offset(), values.size());
    }
  }
}
