package dev.narrow.quant;

/** Checks of a layer's weights [out, in] and activations [samples, in]. */
final class Matrices {
  private Matrices() {}

  /**
   * Checks the shapes.
   *
   * @throws IllegalArgumentException if they are not matrices with equally many columns, or there
   *     is no sample
   */
  static void requireLayer(Tensor weight, Tensor activations) {
    requireMatrix("weight", weight);
    requireMatrix("activations", activations);
    int in = weight.shape().dim(1);
    if (activations.shape().dim(0) == 0 || activations.shape().dim(1) != in) {
      throw new IllegalArgumentException(
          "activations = "
              + activations
              + ", expected [samples, "
              + in
              + "] with 1 sample or more for weight = "
              + weight);
    }
  }

  static void requireMatrix(String name, Tensor tensor) {
    if (tensor.shape().rank() != 2) {
      throw new IllegalArgumentException(name + " = " + tensor + ", expected a matrix");
    }
  }

  static void requireFinite(String name, float[] values, int offset, int n) {
    for (int i = 0; i < n; i++) {
      if (!Float.isFinite(values[offset + i])) {
        throw new IllegalArgumentException(
            name + "[" + i + "] = " + values[offset + i] + ", expected finite numbers");
      }
    }
  }
}
