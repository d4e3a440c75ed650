package dev.narrow.kernels;

import static dev.narrow.kernels.Arguments.expectSameOrApart;
import static dev.narrow.kernels.Arguments.expectShape;

import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/** {@link Normalizations} on the processor. */
interface CpuNormalizations extends Normalizations {
  /** What computes. */
  Cpu cpu();

  @Override
  default void layerNorm(
      Tensor x,
      Tensor weight,
      @Nullable Tensor bias,
      float epsilon,
      Tensor y,
      Tensor mean,
      Tensor inverse) {
    normalize(x, weight, bias, epsilon, y, mean, inverse);
  }

  @Override
  default void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverse) {
    normalize(x, weight, null, epsilon, y, null, inverse);
  }

  @Override
  default void layerNormBackward(
      Tensor x,
      Tensor weight,
      Tensor mean,
      Tensor inverse,
      Tensor dy,
      Tensor dx,
      Tensor dweight,
      @Nullable Tensor dbias) {
    normalizeBackward(x, weight, mean, inverse, dy, dx, dweight, dbias);
  }

  @Override
  default void rmsNormBackward(
      Tensor x, Tensor weight, Tensor inverse, Tensor dy, Tensor dx, Tensor dweight) {
    normalizeBackward(x, weight, null, inverse, dy, dx, dweight, null);
  }

  private void normalize(
      Tensor x,
      Tensor weight,
      @Nullable Tensor bias,
      float epsilon,
      Tensor y,
      @Nullable Tensor mean,
      Tensor inverse) {
    Arguments.expectNorm(x, weight, bias, epsilon, y, mean, inverse);
    try (Values to = Values.write(y, "y");
        @Nullable Values means = mean == null ? null : Values.write(mean, "mean");
        Values inverses = Values.write(inverse, "inverse");
        Values from = Values.read(x);
        Values factors = Values.read(weight);
        @Nullable Values addends = bias == null ? null : Values.read(bias)) {
      Normalization normalization =
          new Normalization(cpu().kernels(), from.rows(), means, inverses);
      cpu()
          .share(
              from.rows().rows(),
              1,
              8L * from.rows().columns(),
              (first, last) ->
                  normalization.forward(epsilon, factors, addends, to.rows(), first, last));
      to.store();
      inverses.store();
      if (means != null) {
        means.store();
      }
    }
  }

  private void normalizeBackward(
      Tensor x,
      Tensor weight,
      @Nullable Tensor mean,
      Tensor inverse,
      Tensor dy,
      Tensor dx,
      Tensor dweight,
      @Nullable Tensor dbias) {
    Arguments.expectNormBackward(x, weight, mean, inverse, dy, dx, dweight, dbias);
    try (Values below = Values.write(dx, "dx");
        Values weights = Values.write(dweight, "dweight");
        @Nullable Values biases = dbias == null ? null : Values.write(dbias, "dbias");
        Values from = Values.read(x);
        Values factors = Values.read(weight);
        @Nullable Values means = mean == null ? null : Values.read(mean);
        Values inverses = Values.read(inverse);
        Values above = Values.read(dy)) {
      new Normalization(cpu().kernels(), from.rows(), means, inverses)
          .backward(cpu(), factors, above.rows(), below.rows(), weights, biases);
      below.store();
      weights.store();
      if (biases != null) {
        biases.store();
      }
    }
  }

  @Override
  default void softmax(Tensor x, Tensor y) {
    Arguments.expectAnAxis(x, "x");
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    try (Values to = Values.write(y, "y");
        Values from = Values.read(x)) {
      int columns = from.rows().columns();
      cpu()
          .share(
              from.rows().rows(),
              1,
              32L * columns,
              (first, last) -> {
                for (int i = first; i < last; i++) {
                  Softmax.row(
                      cpu().kernels(),
                      from.array(),
                      from.offset() + i * columns,
                      to.array(),
                      to.offset() + i * columns,
                      columns);
                }
              });
      to.store();
    }
  }

  @Override
  default void softmaxBackward(Tensor y, Tensor dy, Tensor dx) {
    Arguments.expectAnAxis(y, "y");
    expectShape(dy, "dy", y.shape());
    expectShape(dx, "dx", y.shape());
    expectSameOrApart(y, "y", dx, "dx");
    expectSameOrApart(dy, "dy", dx, "dx");
    try (Values below = Values.write(dx, "dx");
        Values outputs = Values.read(y);
        Values above = Values.read(dy)) {
      int columns = outputs.rows().columns();
      cpu()
          .share(
              outputs.rows().rows(),
              1,
              4L * columns,
              (first, last) -> {
                for (int i = first; i < last; i++) {
                  Softmax.rowGradient(
                      cpu().kernels(),
                      outputs.array(),
                      outputs.offset() + i * columns,
                      above.array(),
                      above.offset() + i * columns,
                      below.array(),
                      below.offset() + i * columns,
                      columns);
                }
              });
      below.store();
    }
  }
}
