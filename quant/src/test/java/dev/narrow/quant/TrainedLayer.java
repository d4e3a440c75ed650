package dev.narrow.quant;

import java.util.Random;

/** A layer trained by gradient descent on correlated inputs, the same for the same seed. */
final class TrainedLayer {
  static final int IN = 64;
  static final int OUT = 32;

  final Tensor weight;
  final Tensor activations;

  /**
   * Trains W to map inputs, neighbours of which correlate by 0.9, to noisy outputs of a hidden
   * layer, for 300 steps over 512 samples.
   */
  TrainedLayer(long seed) {
    Random random = new Random(seed);
    int samples = 512;
    float[] x = new float[samples * IN];
    for (int i = 0; i < x.length; i++) {
      double before = i % IN == 0 ? 0 : x[i - 1];
      x[i] = (float) (0.9 * before + Math.sqrt(1 - 0.81) * random.nextGaussian());
    }
    double[] teacher = new double[OUT * IN];
    for (int i = 0; i < teacher.length; i++) {
      teacher[i] = random.nextGaussian() / Math.sqrt(IN);
    }
    double[] targets = new double[samples * OUT];
    for (int i = 0; i < targets.length; i++) {
      targets[i] = Math.tanh(dot(teacher, i % OUT, x, i / OUT)) + 0.1 * random.nextGaussian();
    }
    double[] w = new double[OUT * IN];
    for (int step = 0; step < 300; step++) {
      double[] gradient = new double[w.length];
      for (int i = 0; i < targets.length; i++) {
        double error = dot(w, i % OUT, x, i / OUT) - targets[i];
        for (int k = 0; k < IN; k++) {
          gradient[i % OUT * IN + k] += error * x[i / OUT * IN + k] / samples;
        }
      }
      for (int i = 0; i < w.length; i++) {
        w[i] -= 0.05 * gradient[i];
      }
    }
    float[] trained = new float[w.length];
    for (int i = 0; i < w.length; i++) {
      trained[i] = (float) w[i];
    }
    this.weight = Tensor.of(trained, OUT, IN);
    this.activations = Tensor.of(x, samples, IN);
  }

  private static double dot(double[] w, int row, float[] x, int sample) {
    double sum = 0;
    for (int k = 0; k < IN; k++) {
      sum += w[row * IN + k] * x[sample * IN + k];
    }
    return sum;
  }
}
