package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.quant.Tensor;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.function.Executable;

@Tag("scalar")
@Tag("simd")
class BatchNormalizationTest {
  private static final Backend ONE = Backend.cpu(1);
  private static final float EPSILON = 1e-5f;

  /** A batch, with or without planes. */
  record Extents(int samples, int channels, int height, int width) {
    static Extents draw(Data data) {
      boolean flat = data.below(3) == 0;
      return new Extents(
          1 + data.below(4),
          1 + data.below(5),
          flat ? 0 : 1 + data.below(7),
          flat ? 0 : 1 + data.below(9));
    }

    int plane() {
      return height == 0 ? 1 : height * width;
    }

    int size() {
      return samples * channels * plane();
    }

    int elements() {
      return samples * plane();
    }

    Tensor tensor(float[] values) {
      return height == 0
          ? Tensor.of(values, samples, channels)
          : Tensor.of(values, samples, channels, height, width);
    }

    private int at(int n, int c) {
      return (n * channels + c) * plane();
    }
  }

  private static Tensor row(float[] values) {
    return Tensor.of(values, values.length);
  }

  /** The definition, in straight loops on the scalar kernel's sum. */
  private static float sum(Extents extents, float[] terms, int c) {
    float sum = 0f;
    for (int n = 0; n < extents.samples(); n++) {
      sum += ScalarKernels.INSTANCE.sum(terms, extents.at(n, c), extents.plane());
    }
    return ScalarKernels.canonical(sum);
  }

  @Property(tries = 200)
  void everyPartHasTheBitsOfItsFormula(
      @ForAll long seed, @ForAll @IntRange(min = 100, max = 5000) int specialPeriod) {
    Data data = new Data(seed);
    Extents extents = Extents.draw(data);
    int channels = extents.channels();
    float[] x = data.mostlyUniform(extents.size(), specialPeriod);
    float[] dy = data.mostlyUniform(extents.size(), specialPeriod);
    float[] gamma = data.uniform(channels);
    float[] beta = data.uniform(channels);
    float[] mean = new float[channels];
    float[] variance = new float[channels];
    float[] inverse = new float[channels];
    float[] dgamma = new float[channels];
    float[] dbeta = new float[channels];
    float[] plain = new float[x.length];
    float[] affine = new float[x.length];
    float[] plainGradient = new float[x.length];
    float[] affineGradient = new float[x.length];
    for (int c = 0; c < channels; c++) {
      mean[c] = ScalarKernels.canonical(sum(extents, x, c) / extents.elements());
      for (int n = 0; n < extents.samples(); n++) {
        variance[c] +=
            ScalarKernels.INSTANCE.sumOfSquaredDeviations(
                mean[c], x, extents.at(n, c), extents.plane());
      }
      variance[c] = ScalarKernels.canonical(variance[c] / extents.elements());
      inverse[c] = ScalarKernels.canonical(1f / (float) Math.sqrt(variance[c] + EPSILON));
      dbeta[c] = sum(extents, dy, c);
      for (int n = 0; n < extents.samples(); n++) {
        dgamma[c] +=
            ScalarKernels.INSTANCE.sumOfNormalized(
                dy, extents.at(n, c), x, extents.at(n, c), mean[c], inverse[c], extents.plane());
      }
      dgamma[c] = ScalarKernels.canonical(dgamma[c]);
      for (int n = 0; n < extents.samples(); n++) {
        for (int i = extents.at(n, c); i < extents.at(n, c) + extents.plane(); i++) {
          float z = (x[i] - mean[c]) * inverse[c];
          plain[i] = ScalarKernels.canonical(z);
          affine[i] = ScalarKernels.canonical(Math.fma(z, gamma[c], beta[c]));
          float inner = dy[i] - dbeta[c] / extents.elements();
          float outer = Math.fma(-z, dgamma[c] / extents.elements(), inner);
          plainGradient[i] = ScalarKernels.canonical(outer * inverse[c]);
          affineGradient[i] = ScalarKernels.canonical(outer * (gamma[c] * inverse[c]));
        }
      }
    }
    for (int threads : new int[] {1, 3}) {
      Backend backend = Backend.cpu(threads);
      float[] first = new float[channels];
      float[] second = new float[channels];
      backend.batchMoments(extents.tensor(x), row(first), row(second));
      assertSameBits(mean, first, "mean");
      assertSameBits(variance, second, "variance");
      backend.inverseDeviation(row(second), EPSILON, row(second));
      assertSameBits(inverse, second, "inverse");
      float[] y = new float[x.length];
      backend.batchNormalize(extents.tensor(x), row(mean), row(inverse), extents.tensor(y));
      assertSameBits(plain, y, "y without gamma and beta");
      float[] inPlace = x.clone();
      Tensor both = extents.tensor(inPlace);
      backend.batchNormalize(both, row(mean), row(inverse), row(gamma), row(beta), both);
      assertSameBits(affine, inPlace, "y");
      backend.batchNormalizeBackward(
          extents.tensor(x), row(mean), row(inverse), extents.tensor(dy), extents.tensor(y));
      assertSameBits(plainGradient, y, "dx without gamma");
      Tensor gradient = extents.tensor(dy.clone());
      backend.batchNormalizeBackward(
          extents.tensor(x),
          row(mean),
          row(inverse),
          row(gamma),
          gradient,
          gradient,
          row(first),
          row(second));
      assertSameBits(affineGradient, gradient.toFloats(), "dx");
      assertSameBits(dgamma, first, "dgamma");
      assertSameBits(dbeta, second, "dbeta");
    }
  }

  /**
   * Against central differences of the loss (y, dy) in double. The gradient's own error is some
   * units of 2^-24 times inverse², since variances are at least 0.01 here; so is that of the
   * differences.
   */
  @Property(tries = 40)
  void gradientsAreThoseOfTheLoss(@ForAll long seed) {
    Data data = new Data(seed);
    Extents extents =
        new Extents(2 + data.below(2), 1 + data.below(2), 2 + data.below(2), 2 + data.below(3));
    int channels = extents.channels();
    float[] x = data.uniform(extents.size());
    for (int i = 0; i < x.length; i += extents.plane()) {
      x[i] = i / extents.plane() / channels % 2 == 0 ? 1f : -1f; // so that no channel is constant
    }
    float[] dy = data.uniform(extents.size());
    float[] gamma = data.uniform(channels);
    float[] mean = new float[channels];
    float[] inverse = new float[channels];
    ONE.batchMoments(extents.tensor(x), row(mean), row(inverse));
    ONE.inverseDeviation(row(inverse), EPSILON, row(inverse));
    float[] dx = new float[x.length];
    float[] dgamma = new float[channels];
    float[] dbeta = new float[channels];
    ONE.batchNormalizeBackward(
        extents.tensor(x),
        row(mean),
        row(inverse),
        row(gamma),
        extents.tensor(dy),
        extents.tensor(dx),
        row(dgamma),
        row(dbeta));
    double[] at = new double[x.length];
    double[] factors = new double[channels];
    for (int i = 0; i < x.length; i++) {
      at[i] = x[i];
    }
    for (int c = 0; c < channels; c++) {
      factors[c] = gamma[c];
    }
    double h = 0x1p-12;
    for (int i = 0; i < x.length; i++) {
      at[i] = x[i] + h;
      double above = loss(extents, at, factors, dy);
      at[i] = x[i] - h;
      double below = loss(extents, at, factors, dy);
      at[i] = x[i];
      assertEquals((above - below) / (2 * h), dx[i], 2e-4, "dx " + i);
    }
    for (int c = 0; c < channels; c++) {
      factors[c] = gamma[c] + 1.0; // the loss is linear in gamma
      double above = loss(extents, at, factors, dy);
      factors[c] = gamma[c];
      assertEquals(above - loss(extents, at, factors, dy), dgamma[c], 1e-4, "dgamma " + c);
    }
  }

  private static double loss(Extents extents, double[] x, double[] gamma, float[] dy) {
    double loss = 0;
    for (int c = 0; c < extents.channels(); c++) {
      double sum = 0;
      double squares = 0;
      for (int n = 0; n < extents.samples(); n++) {
        for (int i = extents.at(n, c); i < extents.at(n, c) + extents.plane(); i++) {
          sum += x[i];
        }
      }
      double mean = sum / extents.elements();
      for (int n = 0; n < extents.samples(); n++) {
        for (int i = extents.at(n, c); i < extents.at(n, c) + extents.plane(); i++) {
          squares += (x[i] - mean) * (x[i] - mean);
        }
      }
      double deviation = Math.sqrt(squares / extents.elements() + EPSILON);
      for (int n = 0; n < extents.samples(); n++) {
        for (int i = extents.at(n, c); i < extents.at(n, c) + extents.plane(); i++) {
          loss += dy[i] * gamma[c] * (x[i] - mean) / deviation;
        }
      }
    }
    return loss;
  }

  @Example
  void runningMomentsMoveTowardsTheBatch() {
    float[] runningMean = {10f, 20f};
    float[] runningVariance = {1f, 2f};
    ONE.updateMoments(
        0.25f,
        5,
        row(new float[] {2f, 4f}),
        row(new float[] {4f, 8f}),
        row(runningMean),
        row(runningVariance));
    assertSameBits(new float[] {8f, 16f}, runningMean, "mean");
    assertSameBits(new float[] {2f, 4f}, runningVariance, "variance"); // 5/4 of the batch's
  }

  @Example
  void anEmptyBatchHasNoMomentsButGradients() {
    Tensor empty = Tensor.zeros(0, 2, 3, 3);
    assertRefused(
        "x has shape [0, 2, 3, 3], expected at least one element in each channel",
        () -> ONE.batchMoments(empty, Tensor.zeros(2), Tensor.zeros(2)));
    float[] dgamma = {42f, 42f};
    float[] dbeta = {42f, 42f};
    Tensor ones = row(new float[] {1f, 1f});
    ONE.batchNormalizeBackward(empty, ones, ones, ones, empty, empty, row(dgamma), row(dbeta));
    assertSameBits(new float[2], dgamma, "dgamma");
    assertSameBits(new float[2], dbeta, "dbeta");
    ONE.batchNormalize(empty, ones, ones, Tensor.zeros(0, 2, 3, 3));
  }

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Example
  void whatDoesNotFitIsRefusedBeforeAnythingIsWritten() {
    Tensor x = Tensor.zeros(2, 3, 2, 2);
    float[] values = Data.filled(24, 42f);
    Tensor y = Tensor.of(values, 2, 3, 2, 2);
    Tensor three = Tensor.zeros(3);
    assertRefused(
        "x has shape [24], expected [n, c, h, w] or [n, c]",
        () -> ONE.batchMoments(x.reshape(24), three, Tensor.zeros(3)));
    assertRefused(
        "variance shares memory with mean, expected memory of its own",
        () -> ONE.batchMoments(x, three, three));
    assertRefused(
        "inverse has shape [2], expected [3]",
        () -> ONE.batchNormalize(x, three, Tensor.zeros(2), y));
    assertRefused(
        "gamma has shape [4], expected [3]",
        () -> ONE.batchNormalize(x, three, three, Tensor.zeros(4), three, y));
    assertRefused(
        "dy has shape [3], expected [2, 3, 2, 2]",
        () -> ONE.batchNormalizeBackward(x, three, three, three, y));
    assertRefused(
        "dx shares memory with x, expected memory of its own",
        () -> ONE.batchNormalizeBackward(y, three, three, x, y));
    Tensor gradient = Tensor.zeros(3);
    assertRefused(
        "dbeta shares memory with dgamma, expected memory of its own",
        () -> ONE.batchNormalizeBackward(x, three, three, three, x, y, gradient, gradient));
    assertRefused(
        "momentum = NaN, expected 0 to 1",
        () -> ONE.updateMoments(Float.NaN, 2, three, three, Tensor.zeros(3), Tensor.zeros(3)));
    assertRefused(
        "elements = 1, expected 2 or more for an unbiased variance",
        () -> ONE.updateMoments(0.1f, 1, three, three, Tensor.zeros(3), Tensor.zeros(3)));
    assertRefused(
        "epsilon = -1.0, expected a finite number that is 0 or more",
        () -> ONE.inverseDeviation(three, -1f, Tensor.zeros(3)));
    assertSameBits(Data.filled(24, 42f), values, "y");
  }

  /** Large enough to be shared out. */
  @Example
  void threadsDoNotChangeTheBits() {
    Data data = new Data(17);
    int channels = 7;
    int[] dims = {5, channels, 260, 250};
    float[] x = data.uniform(5 * channels * 260 * 250);
    float[] dy = data.uniform(x.length);
    float[][] one = allOf(Backend.cpu(1), x, dy, dims);
    for (int threads : new int[] {2, 3, 8}) {
      float[][] several = allOf(Backend.cpu(threads), x, dy, dims);
      for (int i = 0; i < one.length; i++) {
        assertSameBits(one[i], several[i], "result " + i + " by " + threads + " threads");
      }
    }
  }

  private static float[][] allOf(Backend backend, float[] x, float[] dy, int[] dims) {
    int channels = dims[1];
    float[] mean = new float[channels];
    float[] variance = new float[channels];
    float[] inverse = new float[channels];
    float[] y = new float[x.length];
    float[] dx = new float[x.length];
    Tensor input = Tensor.of(x, dims);
    backend.batchMoments(input, row(mean), row(variance));
    backend.inverseDeviation(row(variance), EPSILON, row(inverse));
    backend.batchNormalize(input, row(mean), row(inverse), Tensor.of(y, dims));
    backend.batchNormalizeBackward(
        input, row(mean), row(inverse), Tensor.of(dy, dims), Tensor.of(dx, dims));
    return new float[][] {mean, variance, y, dx};
  }
}
