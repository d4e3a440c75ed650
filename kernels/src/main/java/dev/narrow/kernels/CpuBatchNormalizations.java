package dev.narrow.kernels;

import static dev.narrow.kernels.Arguments.expectApart;
import static dev.narrow.kernels.Arguments.expectSameOrApart;
import static dev.narrow.kernels.Arguments.expectShape;

import dev.narrow.quant.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** {@link BatchNormalizations} on the processor. */
interface CpuBatchNormalizations extends BatchNormalizations {
  /** Whose factors fit in an array. */
  int MOST_CHANNELS = Integer.MAX_VALUE / 5;

  /** What computes. */
  Cpu cpu();

  @Override
  default void batchMoments(Tensor x, Tensor mean, Tensor variance) {
    int channels = channels(x);
    if (x.shape().size() == 0) {
      throw new IllegalArgumentException(
          "x has shape " + x.shape() + ", expected at least one element in each channel");
    }
    expectShape(mean, "mean", channels);
    expectShape(variance, "variance", channels);
    expectApart(x, "x", mean, "mean");
    expectApart(x, "x", variance, "variance");
    expectApart(mean, "mean", variance, "variance");
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
    if (!(momentum >= 0f && momentum <= 1f)) {
      throw new IllegalArgumentException("momentum = " + momentum + ", expected 0 to 1");
    }
    if (elements < 2) {
      throw new IllegalArgumentException(
          "elements = " + elements + ", expected 2 or more for an unbiased variance");
    }
    Arguments.expectAxes(mean, "mean", 1);
    expectShape(variance, "variance", mean.shape());
    expectShape(runningMean, "runningMean", mean.shape());
    expectShape(runningVariance, "runningVariance", mean.shape());
    expectApart(mean, "mean", runningMean, "runningMean");
    expectApart(variance, "variance", runningMean, "runningMean");
    expectApart(mean, "mean", runningVariance, "runningVariance");
    expectApart(variance, "variance", runningVariance, "runningVariance");
    expectApart(runningMean, "runningMean", runningVariance, "runningVariance");
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
    if (!(epsilon >= 0f && epsilon < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "epsilon = " + epsilon + ", expected a finite number that is 0 or more");
    }
    Arguments.expectAxes(variance, "variance", 1);
    expectShape(inverse, "inverse", variance.shape());
    expectSameOrApart(variance, "variance", inverse, "inverse");
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
    int channels = channels(x);
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    expectChannels(channels, y, "y", mean, "mean");
    expectChannels(channels, y, "y", inverse, "inverse");
    if (gamma != null) {
      expectChannels(channels, y, "y", gamma, "gamma");
    }
    if (beta != null) {
      expectChannels(channels, y, "y", beta, "beta");
    }
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
    int channels = channels(x);
    Tensor[] inputs = {x, mean, inverse, gamma, dy, dx};
    String[] names = {"x", "mean", "inverse", "gamma", "dy", "dx"};
    expectShape(dgamma, "dgamma", channels);
    expectShape(dbeta, "dbeta", channels);
    for (int i = 0; i < inputs.length; i++) {
      expectApart(inputs[i], names[i], dgamma, "dgamma");
      expectApart(inputs[i], names[i], dbeta, "dbeta");
    }
    expectApart(dgamma, "dgamma", dbeta, "dbeta");
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
    int channels = channels(x);
    expectShape(dy, "dy", x.shape());
    expectShape(dx, "dx", x.shape());
    expectApart(x, "x", dx, "dx");
    expectSameOrApart(dy, "dy", dx, "dx");
    expectChannels(channels, dx, "dx", mean, "mean");
    expectChannels(channels, dx, "dx", inverse, "inverse");
    if (gamma != null) {
      expectChannels(channels, dx, "dx", gamma, "gamma");
    }
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

  /** How many channels x has. */
  private static int channels(Tensor x) {
    if (x.shape().rank() != 2 && x.shape().rank() != 4) {
      throw new IllegalArgumentException(
          "x has shape " + x.shape() + ", expected [n, c, h, w] or [n, c]");
    }
    if (x.shape().dim(1) > MOST_CHANNELS) {
      throw new IllegalArgumentException(
          "x has shape " + x.shape() + ", expected at most " + MOST_CHANNELS + " channels");
    }
    return x.shape().dim(1);
  }

  /** How many elements a channel of x has. */
  private static float elements(Tensor x) {
    return (float) ((long) x.shape().dim(0) * x.shape().stride(1));
  }

  /** A tensor has a value for each channel, and shares no memory with the output. */
  private static void expectChannels(
      int channels, Tensor output, String outputName, Tensor tensor, String name) {
    expectShape(tensor, name, channels);
    expectApart(tensor, name, output, outputName);
  }
}
