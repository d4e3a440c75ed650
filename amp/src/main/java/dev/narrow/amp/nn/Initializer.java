package dev.narrow.amp.nn;

import dev.narrow.amp.Parameter;
import dev.narrow.formats.RandomBits;
import dev.narrow.quant.Tensor;
import java.util.Arrays;

/** Initial values of parameters, from a seed and the order in which they are asked for. */
public final class Initializer {
  // not zero: a multiplicative update never moves a zero
  private static final double BIAS_DEVIATION = 0.05;
  private static final long WEIGHT_STREAM = 1L << 62;
  private static final long BIAS_STREAM = WEIGHT_STREAM + (1L << 32);

  private final long seed;
  private int weights;
  private int biases;

  /** With this seed. */
  public Initializer(long seed) {
    this.seed = seed;
  }

  /**
   * A weight from N(0, 2 / inputs) (He et al., arXiv 1502.01852).
   *
   * @param name of the parameter
   * @param inputs terms in a sum
   * @param dims shape
   */
  public Parameter weight(String name, int inputs, int... dims) {
    return normal(name, Math.sqrt(2.0 / inputs), dims);
  }

  /** A weight from N(0, deviation²). */
  public Parameter normal(String name, double deviation, int... dims) {
    Tensor value = Tensor.zeros(dims);
    float[] values = new float[value.shape().size()];
    Normal.fill(values, deviation, new RandomBits(seed, WEIGHT_STREAM + weights++));
    return new Parameter(name, Tensor.of(values, dims), Tensor.zeros(dims));
  }

  /** A bias from N(0, 0.05²). */
  public Parameter bias(String name, int n) {
    float[] values = new float[n];
    Normal.fill(values, BIAS_DEVIATION, new RandomBits(seed, BIAS_STREAM + biases++));
    return new Parameter(name, Tensor.of(values, n), Tensor.zeros(n));
  }

  /** A factor of 1. */
  public Parameter gain(String name, int n) {
    float[] values = new float[n];
    Arrays.fill(values, 1f);
    return new Parameter(name, Tensor.of(values, n), Tensor.zeros(n));
  }
}
