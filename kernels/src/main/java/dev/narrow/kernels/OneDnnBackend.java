package dev.narrow.kernels;

import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/** The processor, with products by oneDNN where it is there and takes the operands. */
record OneDnnBackend(Cpu cpu, OneDnn.Attempt attempt) implements CpuOperations {

  /** oneDNN has its own accumulators: with any but fp32 nothing is delegated. */
  @Override
  public Backend with(Accumulator accumulator) {
    return accumulator instanceof Accumulator.Fp32 ? this : CpuOperations.super.with(accumulator);
  }

  @Override
  public Summation summation() {
    return attempt.library() == null ? Summation.ORDERED : Summation.FAST;
  }

  @Override
  public String describe() {
    OneDnn library = attempt.library();
    String java = cpu.describe();
    return library == null
        ? java + "; no oneDNN: " + attempt.detail()
        : "oneDNN %s, %s (delegated: products of fp32 and of bf16); else %s"
            .formatted(library.build(), summation(), java);
  }

  @Override
  public void matmul(Matmul how, Matrices a, Matrices b, Matrices out) {
    OneDnn library = attempt.library();
    if (library == null || !library.takes(a, b, out) || how.alpha() == 0) {
      CpuOperations.super.matmul(how, a, b, out);
      return;
    }
    Arguments.expectProduct(how, a, b, out);
    Arguments.expectWritable(out.tensor(), "out");
    library.multiply(how.alpha(), a, b, how.beta(), out, cpu.threads());
    Tensor bias = how.bias().orElse(null);
    if (bias != null || how.activation() != Activation.NONE) {
      finish(bias, how.activation(), out);
    }
  }

  private void finish(@Nullable Tensor bias, Activation activation, Matrices out) {
    try (Values row = bias == null ? null : Values.read(bias);
        Values values = Values.update(out.tensor(), "out")) {
      float[] array = values.array();
      for (int m = 0; m < out.count(); m++) {
        for (int i = 0; i < out.rows(); i++) {
          int at = values.offset() + out.offset() + m * out.step() + i * out.rowStride();
          if (row != null) {
            cpu.kernels().add(array, at, row.array(), row.offset(), array, at, out.columns());
          }
          switch (activation) {
            case NONE -> {}
            case RELU -> cpu.kernels().relu(array, at, array, at, out.columns());
            case GELU -> cpu.kernels().gelu(array, at, array, at, out.columns());
          }
        }
      }
      values.store();
    }
  }
}
