package dev.narrow.kernels;

import dev.narrow.quant.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** {@link BatchNormalizations} on the processor. */
interface CpuBatchNormalizations extends BatchNormalizations {
  /** What computes. */
  Cpu cpu();

  @Override
  default void batchMoments(Tensor x, Tensor mean, Tensor variance) {
    LayerArguments.expectBatchMoments(x, mean, variance);
    int channels = x.shape().dim(1);
    try (Values means = Values.write(mean, "mean");
        Values variances = Values.write(variance, "variance");
        Values in = Values.read(x)) {
      int samples = x.shape().dim(0);
      int plane = x.shape().stride(1);
      float elements = elements(x);
      Kernels kernels = cpu().kernels();
      cpu()
          .share(
              channels,
              1,
              2L * samples * plane,
              (from, to) -> {
                for (int c = from; c < to; c++) {
                  float sum = 0f;
                  for (int n = 0; n < samples; n++) {
                    int at = in.offset() + (n * channels + c) * plane;
                    sum += plane == 1 ? in.array()[at] : kernels.sum(in.array(), at, plane);
                  }
                  float center = ScalarKernels.canonical(sum / elements);
                  float squares = 0f;
                  for (int n = 0; n < samples; n++) {
                    int at = in.offset() + (n * channels + c) * plane;
                    if (plane == 1) { // the sum of one term is the term, up to the sign of a zero
                      float deviation = in.array()[at] - center;
                      squares += deviation * deviation;
                    } else {
                      squares += kernels.sumOfSquaredDeviations(center, in.array(), at, plane);
                    }
                  }
                  means.array()[means.offset() + c] = center;
                  variances.array()[variances.offset() + c] =
                      ScalarKernels.canonical(squares / elements);
                }
              });
      means.store();
      variances.store();
    }
  }

  @Override
  default void updateMoments(
      float momentum,
      int elements,
      Tensor mean,
      Tensor variance,
      Tensor runningMean,
      Tensor runningVariance) {
    LayerArguments.expectUpdateMoments(
        momentum, elements, mean, variance, runningMean, runningVariance);
    try (Values means = Values.update(runningMean, "runningMean");
        Values variances = Values.update(runningVariance, "runningVariance");
        Values batchMeans = Values.read(mean);
        Values batchVariances = Values.read(variance)) {
      move(momentum, batchMeans, 1f, means);
      move(momentum, batchVariances, (float) (elements / (elements - 1.0)), variances);
      means.store();
      variances.store();
    }
  }

  private static void move(float momentum, Values batch, float factor, Values running) {
    for (int c = 0; c < running.size(); c++) {
      int at = running.offset() + c;
      float kept = (1f - momentum) * running.array()[at];
      float value = batch.array()[batch.offset() + c] * factor;
      running.array()[at] = ScalarKernels.canonical(Math.fma(momentum, value, kept));
    }
  }

  @Override
  default void inverseDeviation(Tensor variance, float epsilon, Tensor inverse) {
    LayerArguments.expectInverseDeviation(variance, epsilon, inverse);
    try (Values to = Values.write(inverse, "inverse");
        Values from = Values.read(variance)) {
      for (int c = 0; c < from.size(); c++) {
        float sum = from.array()[from.offset() + c] + epsilon;
        to.array()[to.offset() + c] = ScalarKernels.canonical(1f / (float) Math.sqrt(sum));
      }
      to.store();
    }
  }

  @Override
  default void batchNormalize(Tensor x, Tensor mean, Tensor inverse, Tensor y) {
    normalize(x, mean, inverse, null, null, y);
  }

  @Override
  default void batchNormalize(
      Tensor x, Tensor mean, Tensor inverse, Tensor gamma, Tensor beta, Tensor y) {
    normalize(x, mean, inverse, gamma, beta, y);
  }

  private void normalize(
      Tensor x,
      Tensor mean,
      Tensor inverse,
      @Nullable Tensor gamma,
      @Nullable Tensor beta,
      Tensor y) {
    LayerArguments.expectBatchNormalize(x, mean, inverse, gamma, beta, y);
    int channels = x.shape().dim(1);
    int plane = x.shape().stride(1);
    // Without gamma and beta, factor 1 and addend -0 change nothing.
    float[] factors = Scratch.take(4 * channels);
    read(mean, 0f, factors, 0, channels);
    read(inverse, 0f, factors, channels, channels);
    read(gamma, 1f, factors, 2 * channels, channels);
    read(beta, -0f, factors, 3 * channels, channels);
    try (Values out = Values.write(y, "y");
        Values in = Values.read(x)) {
      cpu()
          .share(
              x.shape().dim(0) * channels,
              1,
              plane,
              (from, to) -> {
                for (int p = from; p < to; p++) {
                  int c = p % channels;
                  cpu()
                      .kernels()
                      .normalize(
                          in.array(),
                          in.offset() + p * plane,
                          factors[c],
                          factors[channels + c],
                          factors[2 * channels + c],
                          factors[3 * channels + c],
                          out.array(),
                          out.offset() + p * plane,
                          plane);
                }
              });
      out.store();
    }
    Scratch.give(factors);
  }

  @Override
  default void batchNormalizeBackward(Tensor x, Tensor mean, Tensor inverse, Tensor dy, Tensor dx) {
    LayerArguments.expectBatchNormalizeBackward(x, mean, inverse, null, dy, dx, null, null);
    backward(x, mean, inverse, null, dy, dx, null, null);
  }

  @Override
  default void batchNormalizeBackward(
      Tensor x,
      Tensor mean,
      Tensor inverse,
      Tensor gamma,
      Tensor dy,
      Tensor dx,
      Tensor dgamma,
      Tensor dbeta) {
    LayerArguments.expectBatchNormalizeBackward(x, mean, inverse, gamma, dy, dx, dgamma, dbeta);
    try (Values first = Values.write(dgamma, "dgamma");
        Values second = Values.write(dbeta, "dbeta")) {
      backward(x, mean, inverse, gamma, dy, dx, first, second);
      first.store();
      second.store();
    }
  }

  private void backward(
      Tensor x,
      Tensor mean,
      Tensor inverse,
      @Nullable Tensor gamma,
      Tensor dy,
      Tensor dx,
      @Nullable Values dgamma,
      @Nullable Values dbeta) {
    int channels = x.shape().dim(1);
    int samples = x.shape().dim(0);
    int plane = x.shape().stride(1);
    float elements = elements(x);
    float[] factors = Scratch.take(5 * channels);
    read(mean, 0f, factors, 0, channels);
    read(inverse, 0f, factors, channels, channels);
    read(gamma, 1f, factors, 2 * channels, channels);
    Kernels kernels = cpu().kernels();
    try (Values out = Values.write(dx, "dx");
        Values in = Values.read(x);
        Values above = Values.read(dy)) {
      cpu()
          .share(
              channels,
              1,
              4L * samples * plane,
              (from, to) -> {
                for (int c = from; c < to; c++) {
                  float center = factors[c];
                  float inverted = factors[channels + c];
                  float plain = 0f;
                  float normalized = 0f;
                  for (int n = 0; n < samples; n++) {
                    int at = (n * channels + c) * plane;
                    plain += kernels.sum(above.array(), above.offset() + at, plane);
                    normalized +=
                        kernels.sumOfNormalized(
                            above.array(),
                            above.offset() + at,
                            in.array(),
                            in.offset() + at,
                            center,
                            inverted,
                            plane);
                  }
                  factors[3 * channels + c] = ScalarKernels.canonical(normalized);
                  factors[4 * channels + c] = ScalarKernels.canonical(plain);
                  for (int n = 0; n < samples; n++) {
                    int at = (n * channels + c) * plane;
                    kernels.normalizeGradient(
                        above.array(),
                        above.offset() + at,
                        plain / elements,
                        in.array(),
                        in.offset() + at,
                        center,
                        inverted,
                        normalized / elements,
                        factors[2 * channels + c] * inverted,
                        out.array(),
                        out.offset() + at,
                        plane);
                  }
                }
              });
      out.store();
    }
    write(factors, 3 * channels, dgamma);
    write(factors, 4 * channels, dbeta);
    Scratch.give(factors);
  }

  private static void read(@Nullable Tensor tensor, float otherwise, float[] to, int at, int n) {
    if (tensor == null) {
      Arrays.fill(to, at, at + n, otherwise);
      return;
    }
    try (Values values = Values.read(tensor)) {
      System.arraycopy(values.array(), values.offset(), to, at, n);
    }
  }

  private static void write(float[] from, int at, @Nullable Values to) {
    if (to != null) {
      System.arraycopy(from, at, to.array(), to.offset(), to.size());
    }
  }

  /** How many elements a channel of x has. */
  private static float elements(Tensor x) {
    return (float) ((long) x.shape().dim(0) * x.shape().stride(1));
  }
}
