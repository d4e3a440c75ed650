package dev.narrow.quant;

import java.util.stream.IntStream;

/**
 * What quantized weights do to a layer's outputs on calibration activations, in float64.
 *
 * @param error the Frobenius norm of X W^T - X Ŵ^T
 * @param reference the Frobenius norm of X W^T
 */
public record OutputError(double error, double reference) {
  private static final int SAMPLES = 64;

  /** The error relative to the outputs; NaN where both are zero. */
  public double relative() {
    return error / reference;
  }

  /**
   * Compares outputs. Sums are in a fixed order: the same bits on any number of threads. Memory: 8
   * bytes for each of 64 samples' elements, and 4 for each weight.
   *
   * @param weight W[out, in], fp32
   * @param quantized Ŵ[out, in] in any format
   * @param activations X[samples, in], fp32
   * @throws IllegalArgumentException if the tensors do not fit together
   */
  public static OutputError measure(Tensor weight, Tensor quantized, Tensor activations) {
    Matrices.requireLayer(weight, activations);
    if (!quantized.shape().equals(weight.shape())) {
      throw new IllegalArgumentException(
          "quantized = " + quantized + ", expected the shape of weight = " + weight);
    }
    int rows = weight.shape().dim(0);
    int n = weight.shape().dim(1);
    int samples = activations.shape().dim(0);
    Floats w = Floats.of(weight, "weight");
    Floats x = Floats.of(activations, "activations");
    float[] after = quantized.toFloats();
    double[] error = new double[rows];
    double[] reference = new double[rows];
    double[][] columns = new double[n][SAMPLES];
    for (int from = 0; from < samples; from += SAMPLES) {
      int count = Math.min(SAMPLES, samples - from);
      for (int s = 0; s < count; s++) {
        for (int i = 0; i < n; i++) {
          columns[i][s] = x.array()[x.offset() + (from + s) * n + i];
        }
      }
      IntStream.range(0, rows)
          .parallel()
          .forEach(r -> {
            double[] a = new double[n];
            for (int i = 0; i < n; i++) {
              a[i] = w.array()[w.offset() + r * n + i];
            }
            reference[r] += squares(columns, a, count);
            for (int i = 0; i < n; i++) {
              a[i] -= after[r * n + i];
            }
            error[r] += squares(columns, a, count);
          });
    }
    return new OutputError(norm(error), norm(reference));
  }

  /** The sum over samples of (sum over i of a[i] columns[i][s])². */
  private static double squares(double[][] columns, double[] a, int count) {
    double[] sums = new double[count];
    Rows.subtract(sums, 0, count, columns, 0, a, a.length);
    double squares = 0;
    for (double sum : sums) {
      squares += sum * sum;
    }
    return squares;
  }

  private static double norm(double[] squares) {
    double sum = 0;
    for (double square : squares) {
      sum += square;
    }
    return Math.sqrt(sum);
  }
}
