package dev.narrow.quant;

import dev.narrow.formats.RandomBits;

/**
 * A random rotation of blocks of the innermost axis: y = H (d ∘ x) / sqrt(size), where H is
 * Sylvester's Hadamard matrix and d has a random sign for each index of the axis, the same in every
 * row. It spreads an outlier over its block, so that elements that share a scale are more alike
 * (Ashkboos et al., "QuaRot", 2024, arXiv 2404.00456).
 *
 * <p>The matrix is orthogonal: with weights W[out, in] and activations X[samples, in] rotated
 * alike, X W^T does not change but for rounding. Sums are in float64, rounded once to float32.
 *
 * <p>Index i of the axis is negated if bit 0 of the random word i is 1. One infinity or NaN makes
 * its whole block so or NaN.
 *
 * @param size elements of a block, a power of two from 1 to 2^20
 * @param seed of the signs: random bits of stream 1
 */
public record Hadamard(int size, long seed) {
  /**
   * Checks the size.
   *
   * @throws IllegalArgumentException if it is not a power of two in range
   */
  public Hadamard {
    if (size < 1 || size > 1 << 20 || Integer.bitCount(size) != 1) {
      throw new IllegalArgumentException(
          "size = " + size + ", expected a power of two from 1 to 2^20");
    }
  }

  /**
   * Rotates.
   *
   * @return a tensor of its own
   * @throws IllegalArgumentException if the tensor is not fp32, has no axes, or its innermost
   *     extent is not a multiple of the size
   */
  public Tensor rotate(Tensor tensor) {
    return apply(tensor, true);
  }

  /**
   * Undoes {@link #rotate}, but for rounding.
   *
   * @return a tensor of its own
   * @throws IllegalArgumentException as in {@link #rotate}
   */
  public Tensor rotateBack(Tensor tensor) {
    return apply(tensor, false);
  }

  /**
   * Checks that a tensor can be rotated.
   *
   * @throws IllegalArgumentException if its innermost extent is not a multiple of the size
   */
  void requireFit(Shape shape) {
    if (shape.dim(shape.axis(-1)) % size != 0) {
      throw new IllegalArgumentException(
          "shape = " + shape + ", expected an innermost extent that is a multiple of " + size);
    }
  }

  private Tensor apply(Tensor tensor, boolean signsFirst) {
    Shape shape = tensor.shape();
    requireFit(shape);
    int extent = shape.dim(shape.axis(-1));
    RandomBits random = new RandomBits(seed, 1);
    double[] signs = new double[extent];
    for (int i = 0; i < extent; i++) {
      signs[i] = (random.word(i) & 1) == 0 ? 1 : -1;
    }
    float[] values = Floats.of(tensor, "tensor").copy(shape.size());
    double[] block = new double[size];
    double norm = Math.sqrt(size);
    for (int from = 0; from < values.length; from += size) {
      int column = from % extent;
      for (int i = 0; i < size; i++) {
        block[i] = signsFirst ? values[from + i] * signs[column + i] : values[from + i];
      }
      transform(block);
      for (int i = 0; i < size; i++) {
        double rotated = block[i] / norm;
        values[from + i] = (float) (signsFirst ? rotated : rotated * signs[column + i]);
      }
    }
    return Tensor.of(values, shape.dims());
  }

  /** The fast Walsh-Hadamard transform in natural order. */
  private static void transform(double[] x) {
    for (int half = 1; half < x.length; half *= 2) {
      for (int from = 0; from < x.length; from += 2 * half) {
        for (int i = from; i < from + half; i++) {
          double a = x[i];
          double b = x[i + half];
          x[i] = a + b;
          x[i + half] = a - b;
        }
      }
    }
  }
}
